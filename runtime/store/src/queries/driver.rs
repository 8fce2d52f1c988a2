//! What the drivers need: [`DriverStore`], by table family from the files beside this one.

use std::collections::HashSet;

use async_trait::async_trait;
use windlass_domain::commit::{Commit, CommitError, Lease, WorkKind};
use windlass_domain::deposit::DepositState;
use windlass_domain::effect::{EffectAnswer, EffectRecord};
use windlass_domain::ports::store::{DriverStore, EnvelopeContext, JobContext, MatchContext, PlanContext, StoreError};
use windlass_domain::tenant::{BankCredit, IncomingPayment};
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{AccountId, EnvelopeId, JobId, TenantId, TimeMs, TransactionId};

use super::fault::Fault;
use super::{Db, Store, batch, credits, dialect, effects, envelopes, incoming, jobs, state, tenants, transactions, versions, work};

const WAITING_DEPOSIT: [State; 2] = [State::Deposit(DepositState::AwaitingFunds), State::Deposit(DepositState::SeenPending)];
const PAYOUT_UNDER_WAY: [State; 2] =
    [State::Withdrawal(WithdrawalState::PayoutInProgress), State::Withdrawal(WithdrawalState::ReadyForPickup)];

impl Store {
    /// A connection for reads.
    pub(super) async fn read(&self) -> Result<sqlx::pool::PoolConnection<Db>, StoreError> {
        Ok(self.reader().acquire().await.map_err(Fault::from)?)
    }

    /// A database transaction for writes.
    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'static, Db>, Fault> {
        Ok(self.writer().begin_with(dialect::BEGIN).await?)
    }
}

#[async_trait]
impl DriverStore for Store {
    async fn claim(&self, kind: WorkKind, limit: u32, per_tenant: u32, lease_ms: u64) -> Result<Vec<Lease>, StoreError> {
        let mut transaction = self.begin().await?;
        let leases = work::claim(&mut transaction, kind, limit, per_tenant, lease_ms).await?;
        transaction.commit().await.map_err(Fault::from)?;
        Ok(leases)
    }

    async fn next_due_ms(&self, kind: WorkKind) -> Result<Option<u64>, StoreError> {
        work::next_due_ms(&mut *self.read().await?, kind).await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<(), CommitError>> {
        batch::commit(self, &commits).await
    }

    async fn plans(&self, accounts: &[(TenantId, AccountId)]) -> Result<Vec<Option<PlanContext>>, StoreError> {
        envelopes::plans(&mut *self.read().await?, accounts).await
    }

    async fn envelopes(&self, ids: &[(TenantId, EnvelopeId)]) -> Result<Vec<Option<EnvelopeContext>>, StoreError> {
        let mut connection = self.read().await?;
        let found = envelopes::by_ids(&mut connection, ids).await?;
        let paid = found
            .values()
            .flat_map(|envelope| envelope.payments.iter().map(|payment| (envelope.tenant.clone(), payment.transaction.clone())));
        let paid: HashSet<_> = paid.collect();
        let paid = transactions::by_ids(&mut connection, &Vec::from_iter(paid)).await?;
        let active = versions::active(&mut connection, &distinct(ids)).await?;
        let context = |key: &(TenantId, EnvelopeId)| {
            let envelope = found.get(key)?.clone();
            let transactions =
                envelope.payments.iter().filter_map(|payment| paid.get(&(key.0.clone(), payment.transaction.clone())).cloned());
            Some(EnvelopeContext { transactions: transactions.collect(), envelope, active: active.get(&key.0).cloned() })
        };
        Ok(ids.iter().map(context).collect())
    }

    async fn jobs(&self, ids: &[(TenantId, JobId)]) -> Result<Vec<Option<JobContext>>, StoreError> {
        let mut connection = self.read().await?;
        let found = jobs::by_ids(&mut connection, ids).await?;
        let tenants = distinct(ids);
        let about: HashSet<_> = found.values().filter_map(|job| Some((job.tenant.clone(), job.transaction.clone()?))).collect();
        let about = Vec::from_iter(about);
        let pinned: HashSet<_> = found.values().map(|job| (job.tenant.clone(), job.version)).collect();
        let known = tenants::by_ids(&mut connection, &tenants).await?;
        let limits = tenants::limits_of(&mut connection, &tenants).await?;
        let assets = tenants::assets_of(&mut connection, &tenants).await?;
        let active = versions::active(&mut connection, &tenants).await?;
        let pinned = versions::by_numbers(&mut connection, &Vec::from_iter(pinned)).await?;
        let transactions = transactions::by_ids(&mut connection, &about).await?;
        let payments = incoming::by_transactions(&mut connection, &about).await?;
        let runs = jobs::newest_runs(&mut connection, ids).await?;
        let unsettled: Vec<_> = found.values().map(|job| (job.tenant.clone(), job.id.clone(), job.settled_runs)).collect();
        let journals = effects::of_jobs(&mut connection, &unsettled).await?;
        let mut contexts = Vec::with_capacity(ids.len());
        for key in ids {
            let Some(job) = found.get(key).cloned() else {
                contexts.push(None);
                continue;
            };
            let missing = |what: String| StoreError::Inconsistent(format!("jobs ({}, {}): {what} is missing", job.tenant, job.id));
            let about = job.transaction.clone().map(|id| (job.tenant.clone(), id));
            let transaction = about.as_ref().and_then(|about| transactions.get(about)).cloned();
            contexts.push(Some(JobContext {
                tenant: known.get(&job.tenant).cloned().ok_or_else(|| missing("its tenant".to_owned()))?,
                version: pinned
                    .get(&(job.tenant.clone(), job.version))
                    .cloned()
                    .ok_or_else(|| missing(format!("version {}", job.version)))?,
                active: active.get(&job.tenant).cloned(),
                payment: about.as_ref().and_then(|about| payments.get(about)).cloned(),
                transaction,
                newest_run: runs.get(key).cloned(),
                journal: journals.get(key).cloned().unwrap_or_default(),
                assets: assets.get(&job.tenant).cloned().unwrap_or_default(),
                limits: limits.get(&job.tenant).cloned().unwrap_or_default(),
                job,
            }));
        }
        Ok(contexts)
    }

    async fn transactions(&self, ids: &[(TenantId, TransactionId)]) -> Result<Vec<Option<Transaction>>, StoreError> {
        let found = transactions::by_ids(&mut *self.read().await?, ids).await?;
        Ok(ids.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn cursor(&self, source: &str) -> Result<Option<String>, StoreError> {
        incoming::cursor(&mut *self.read().await?, source).await
    }

    async fn match_payments(&self, payments: &[IncomingPayment]) -> Result<Vec<Option<MatchContext>>, StoreError> {
        incoming::match_payments(&mut *self.read().await?, payments).await
    }

    async fn known_credits(&self, tenant: &TenantId, rail: &str, external_ids: &[String]) -> Result<Vec<BankCredit>, StoreError> {
        credits::known(&mut *self.read().await?, tenant, rail, external_ids).await
    }

    async fn pending_deposits(
        &self,
        tenant: &TenantId,
        made_until: TimeMs,
        after: Option<&(TimeMs, String)>,
        max: u32,
    ) -> Result<Vec<Transaction>, StoreError> {
        transactions::waiting(&mut *self.read().await?, tenant, WAITING_DEPOSIT, made_until, after, max).await
    }

    async fn find_pending_deposits(&self, tenant: &TenantId, references: &[String]) -> Result<Vec<Transaction>, StoreError> {
        transactions::find_waiting(&mut *self.read().await?, transactions::FIND_BY_REFERENCE, tenant, WAITING_DEPOSIT, references).await
    }

    async fn pending_payouts(
        &self,
        tenant: &TenantId,
        made_until: TimeMs,
        after: Option<&(TimeMs, String)>,
        max: u32,
    ) -> Result<Vec<Transaction>, StoreError> {
        transactions::waiting(&mut *self.read().await?, tenant, PAYOUT_UNDER_WAY, made_until, after, max).await
    }

    async fn find_pending_payouts(&self, tenant: &TenantId, external_ids: &[String]) -> Result<Vec<Transaction>, StoreError> {
        transactions::find_waiting(&mut *self.read().await?, transactions::FIND_BY_EXTERNAL_ID, tenant, PAYOUT_UNDER_WAY, external_ids)
            .await
    }

    async fn state_get(&self, tenant: &TenantId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        state::get(&mut *self.read().await?, tenant, key).await
    }

    async fn state_keys(&self, tenant: &TenantId, prefix: &str, after: Option<&str>, max: u32) -> Result<Vec<String>, StoreError> {
        state::keys(&mut *self.read().await?, tenant, prefix, after, max).await
    }

    async fn state_count(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        state::count(&mut *self.read().await?, tenant).await
    }

    async fn setting(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        let text = "SELECT content AS found FROM settings WHERE tenant = $1 AND name = $2";
        tenants::text_of(&mut *self.read().await?, text, tenant, name).await
    }

    async fn sealed_secret(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        let text = "SELECT sealed AS found FROM secrets WHERE tenant = $1 AND name = $2";
        tenants::text_of(&mut *self.read().await?, text, tenant, name).await
    }

    async fn sealed_key(&self, tenant: &TenantId, account: &AccountId) -> Result<Option<String>, StoreError> {
        let text = "
            SELECT sealed_key AS found FROM accounts JOIN tenants ON tenants.id = accounts.tenant AND tenants.network = accounts.network
            WHERE accounts.tenant = $1 AND accounts.account = $2";
        tenants::text_of(&mut *self.read().await?, text, tenant, account.as_str()).await
    }

    async fn sealed_idempotency_key(&self, tenant: &TenantId) -> Result<String, StoreError> {
        let text = "SELECT sealed_idempotency_key AS found FROM tenants WHERE id = $1 AND id = $2";
        let found = tenants::text_of(&mut *self.read().await?, text, tenant, tenant.as_str()).await?;
        found.ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))
    }

    async fn intend(&self, lease: &Lease, effect: &EffectRecord) -> Result<(), CommitError> {
        let intend = async {
            let mut transaction = self.begin().await?;
            effects::intend(&mut transaction, lease, effect).await?;
            Ok(transaction.commit().await?)
        };
        intend.await.map_err(Fault::into_commit_error)
    }

    async fn answered(&self, tenant: &TenantId, job: &JobId, run: i64, name: &str, answer: &EffectAnswer) -> Result<(), CommitError> {
        let note = async {
            let mut transaction = self.begin().await?;
            effects::answered(&mut transaction, tenant, job, run, name, answer).await?;
            Ok(transaction.commit().await?)
        };
        note.await.map_err(Fault::into_commit_error)
    }

    async fn component(&self, tenant: &TenantId, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        versions::component(&mut *self.read().await?, tenant, digest).await
    }
}

/// The tenants of keys, each once.
fn distinct<T>(keys: &[(TenantId, T)]) -> Vec<TenantId> {
    keys.iter().map(|(tenant, _)| tenant.clone()).collect::<HashSet<_>>().into_iter().collect()
}
