//! What the API needs besides: [`AdminStore`], by table family from the files beside this one.

use async_trait::async_trait;
use serde_json::json;
use windlass_domain::asset::{Asset, Memo};
use windlass_domain::effect::EffectRecord;
use windlass_domain::envelope::Envelope;
use windlass_domain::job::{Hook, Job, JobState, LogLine, Run};
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::store::{AdminStore, Page, Scope, StoreError, Waiting};
use windlass_domain::rules::AssetRules;
use windlass_domain::tenant::{BankCredit, IncomingPayment, Matched, StellarAccount, Tenant, Version};
use windlass_domain::transaction::{History, Transaction};
use windlass_domain::{AccountId, JobId, Kind, TenantId, TimeMs, TransactionId, VersionNumber};

use super::fault::Fault;
use super::{Db, Store, credits, effects, envelopes, incoming, jobs, tenants, transactions, versions, waiting};

impl Store {
    /// The connection for a single write.
    async fn write(&self) -> Result<sqlx::pool::PoolConnection<Db>, StoreError> {
        Ok(self.writer().acquire().await.map_err(Fault::from)?)
    }
}

#[async_trait]
impl AdminStore for Store {
    async fn create_tenant(&self, tenant: &Tenant, sealed_idempotency_key: &str) -> Result<(), StoreError> {
        tenants::create(&mut *self.write().await?, tenant, sealed_idempotency_key).await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        Ok(tenants::by_ids(&mut *self.read().await?, std::slice::from_ref(id)).await?.remove(id))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        tenants::all(&mut *self.read().await?).await
    }

    async fn add_token(&self, hash: &str, name: &str, scope: &Scope, at: TimeMs) -> Result<(), StoreError> {
        let tenant = match scope {
            Scope::Operator => None,
            Scope::Tenant(tenant) => Some(tenant),
        };
        let text = "INSERT INTO tokens (hash, name, tenant, created_at) SELECT {t:hash}, {t:name}, {t:tenant}, {n:at} FROM {items}";
        tenants::put(&mut *self.write().await?, text, json!({"hash": hash, "name": name, "tenant": tenant, "at": at})).await
    }

    async fn token(&self, hash: &str) -> Result<Option<(String, Scope)>, StoreError> {
        tenants::token(&mut *self.read().await?, hash).await
    }

    async fn put_asset(&self, tenant: &TenantId, rules: &AssetRules) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        versions::put_asset(&mut transaction, tenant, rules).await?;
        transaction.commit().await.map_err(Fault::from)?;
        Ok(())
    }

    async fn assets(&self, tenant: &TenantId) -> Result<Vec<AssetRules>, StoreError> {
        let mut found = tenants::assets_of(&mut *self.read().await?, std::slice::from_ref(tenant)).await?;
        Ok(found.remove(tenant).unwrap_or_default())
    }

    async fn add_account(&self, account: &StellarAccount, sealed_key: &str) -> Result<(), StoreError> {
        let text = "
            INSERT INTO accounts (tenant, network, account, role, sealed_key)
            SELECT {t:tenant}, {t:network}, {t:account}, {t:role}, {t:sealed_key} FROM {items}";
        let item = json!({
            "tenant": account.tenant, "network": account.network, "account": account.account,
            "role": account.role.as_str(), "sealed_key": sealed_key,
        });
        tenants::put(&mut *self.write().await?, text, item).await
    }

    async fn accounts(&self, tenant: &TenantId) -> Result<Vec<StellarAccount>, StoreError> {
        tenants::accounts(&mut *self.read().await?, tenant).await
    }

    async fn put_secret(&self, tenant: &TenantId, name: &str, sealed: &str, at: TimeMs) -> Result<(), StoreError> {
        let text = "
            INSERT INTO secrets (tenant, name, sealed, written_at) SELECT {t:tenant}, {t:name}, {t:sealed}, {n:at} FROM {items} WHERE true
            ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed, written_at = excluded.written_at";
        tenants::put(&mut *self.write().await?, text, json!({"tenant": tenant, "name": name, "sealed": sealed, "at": at})).await
    }

    async fn secrets(&self, tenant: &TenantId) -> Result<Vec<(String, TimeMs)>, StoreError> {
        tenants::secrets(&mut *self.read().await?, tenant).await
    }

    async fn put_setting(&self, tenant: &TenantId, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let text = match value {
            Some(_) => {
                "INSERT INTO settings (tenant, name, content) SELECT {t:tenant}, {t:name}, {t:content} FROM {items} WHERE true
                 ON CONFLICT (tenant, name) DO UPDATE SET content = excluded.content"
            }
            None => "DELETE FROM settings WHERE (tenant, name) IN (SELECT {t:tenant}, {t:name} FROM {items})",
        };
        tenants::put(&mut *self.write().await?, text, json!({"tenant": tenant, "name": name, "content": value})).await
    }

    async fn settings(&self, tenant: &TenantId) -> Result<Vec<(String, String)>, StoreError> {
        tenants::settings(&mut *self.read().await?, tenant).await
    }

    async fn put_limits(&self, tenant: &TenantId, limits: &RunLimits) -> Result<(), StoreError> {
        let text = "UPDATE tenants SET limits = {t:limits} FROM {items} WHERE id = {t:tenant}";
        let item = json!({"tenant": tenant, "limits": json!(limits).to_string()});
        tenants::put_existing(&mut *self.write().await?, text, tenant, item).await
    }

    async fn add_version(&self, version: &Version, component: &[u8]) -> Result<Version, StoreError> {
        let mut transaction = self.begin().await?;
        let added = versions::add(&mut transaction, version, component).await?;
        transaction.commit().await.map_err(Fault::from)?;
        Ok(added)
    }

    async fn versions(&self, tenant: &TenantId) -> Result<Vec<Version>, StoreError> {
        versions::all(&mut *self.read().await?, tenant).await
    }

    async fn version(&self, tenant: &TenantId, number: VersionNumber) -> Result<Option<Version>, StoreError> {
        let key = (tenant.clone(), number);
        Ok(versions::by_numbers(&mut *self.read().await?, std::slice::from_ref(&key)).await?.remove(&key))
    }

    async fn activate(&self, tenant: &TenantId, number: VersionNumber, polls: &[Job]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        versions::activate(&mut transaction, tenant, number, polls).await?;
        transaction.commit().await.map_err(Fault::from)?;
        self.work_was_made().await;
        Ok(())
    }

    async fn list_transactions(&self, tenant: &TenantId, kind: Option<Kind>, page: &Page) -> Result<Vec<Transaction>, StoreError> {
        transactions::list(&mut *self.read().await?, tenant, kind, page).await
    }

    async fn waiting(&self, tenant: &TenantId, page: &Page) -> Result<Vec<Waiting>, StoreError> {
        waiting::list(&mut *self.read().await?, tenant, page).await
    }

    async fn show_transaction(&self, tenant: &TenantId, id: &TransactionId) -> Result<Option<(Transaction, Vec<History>)>, StoreError> {
        let mut connection = self.read().await?;
        let key = (tenant.clone(), id.clone());
        let Some(transaction) = transactions::by_ids(&mut connection, std::slice::from_ref(&key)).await?.remove(&key) else {
            return Ok(None);
        };
        let history = transactions::history(&mut connection, &transaction).await?;
        Ok(Some((transaction, history)))
    }

    async fn list_jobs(
        &self,
        tenant: &TenantId,
        hook: Option<Hook>,
        state: Option<JobState>,
        transaction: Option<&TransactionId>,
        page: &Page,
    ) -> Result<Vec<Job>, StoreError> {
        jobs::list(&mut *self.read().await?, tenant, hook, state, transaction, page).await
    }

    async fn show_job(&self, tenant: &TenantId, id: &JobId) -> Result<Option<(Job, Vec<Run>, Vec<EffectRecord>)>, StoreError> {
        let mut connection = self.read().await?;
        let key = (tenant.clone(), id.clone());
        let Some(job) = jobs::by_ids(&mut connection, std::slice::from_ref(&key)).await?.remove(&key) else {
            return Ok(None);
        };
        let runs = jobs::runs(&mut connection, tenant, id).await?;
        let effects = effects::of_jobs(&mut connection, &[(tenant.clone(), id.clone(), 0)]).await?.remove(&key).unwrap_or_default();
        Ok(Some((job, runs, effects)))
    }

    async fn job_log(&self, tenant: &TenantId, id: &JobId) -> Result<Vec<(i64, LogLine)>, StoreError> {
        jobs::log(&mut *self.read().await?, tenant, id).await
    }

    async fn envelopes_of(&self, tenant: &TenantId, id: &TransactionId) -> Result<Vec<Envelope>, StoreError> {
        envelopes::of_transaction(&mut *self.read().await?, tenant, id).await
    }

    async fn incoming(&self, tenant: &TenantId, unmatched_only: bool) -> Result<Vec<(IncomingPayment, Matched)>, StoreError> {
        incoming::list(&mut *self.read().await?, tenant, unmatched_only).await
    }

    async fn credits(&self, tenant: &TenantId, unmatched_only: bool) -> Result<Vec<BankCredit>, StoreError> {
        credits::list(&mut *self.read().await?, tenant, unmatched_only).await
    }

    async fn memo_is_free(&self, tenant: &TenantId, account: &AccountId, memo: &Memo) -> Result<bool, StoreError> {
        transactions::memo_is_free(&mut *self.read().await?, tenant, account, memo).await
    }

    async fn asset(&self, tenant: &TenantId, asset: &Asset) -> Result<Option<AssetRules>, StoreError> {
        Ok(self.assets(tenant).await?.into_iter().find(|rules| rules.asset == *asset))
    }
}
