//! The store, as the drivers and the API see it. Every query but the claims is led by the tenant (money rule 9).

use async_trait::async_trait;

use crate::asset::{Asset, Memo};
use crate::commit::{Commit, CommitError, Lease, WorkKind};
use crate::effect::{EffectAnswer, EffectRecord};
use crate::envelope::{Envelope, EnvelopeState};
use crate::ids::{AccountId, EnvelopeId, JobId, Kind, TenantId, TimeMs, TransactionId, VersionNumber};
use crate::job::{Hook, Job, JobState, LogLine, Run};
use crate::limits::RunLimits;
use crate::rules::AssetRules;
use crate::tenant::{BankCredit, IncomingPayment, Matched, StellarAccount, Tenant, Version};
use crate::transaction::{History, Transaction};
use crate::waits::Waits;

/// The database did not answer, or holds what the domain does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection, time-out, disk full.
    #[error("the database failed: {0}")]
    Unavailable(String),
    /// A row does not make sense: table, key, column and what is wrong.
    #[error("inconsistent row in {0}")]
    Inconsistent(String),
    /// A named constraint refuses it.
    #[error("refused by {constraint}: {detail}")]
    Conflict {
        /// The constraint's name in the schema.
        constraint: String,
        /// What the database says.
        detail: String,
    },
    /// There is no such row.
    #[error("no such {0}")]
    NotFound(String),
    /// A direction of an asset is enabled, and the version does not export the hook for it: one line for each.
    #[error("a hook is missing: {}", .0.join("; "))]
    HookMissing(Vec<String>),
}

/// What the planner of an account needs to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanContext {
    /// The account.
    pub account: StellarAccount,
    /// Its live envelope, if there is one: nothing is planned then.
    pub live: Option<EnvelopeId>,
    /// The newest sequence number that an envelope of ours used or tried, and what became of that envelope.
    pub newest: Option<(i64, EnvelopeState)>,
    /// Ready deposits that it pays, oldest first, at most [`crate::limits::ENVELOPE_PAYMENTS`].
    pub ready: Vec<Transaction>,
    /// Those of them that share their newest envelope's failure: they go alone.
    pub alone: Vec<TransactionId>,
    /// Those of them for which an account was made already: not a second time (money rule 1).
    pub created: Vec<TransactionId>,
    /// The tenant's rules: whether and with how much accounts are made.
    pub rules: Vec<AssetRules>,
}

/// What a step of an envelope needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeContext {
    /// The envelope with its payments.
    pub envelope: Envelope,
    /// The transactions that it pays.
    pub transactions: Vec<Transaction>,
    /// Hooks of each tenant's active version, and its number: what is to happen after a deposit is paid.
    pub active: Option<Version>,
}

/// What a run of a job needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobContext {
    /// The tenant.
    pub tenant: Tenant,
    /// The job.
    pub job: Job,
    /// Its pinned version.
    pub version: Version,
    /// The tenant's active version.
    pub active: Option<Version>,
    /// The transaction it is about.
    pub transaction: Option<Transaction>,
    /// The payment that paid for the withdrawal.
    pub payment: Option<IncomingPayment>,
    /// Its newest run, if any: one without an end was cut off.
    pub newest_run: Option<Run>,
    /// The effects of all its runs after [`Job::settled_runs`], ordered by run, then by the time of the intent.
    pub journal: Vec<EffectRecord>,
    /// The tenant's assets.
    pub assets: Vec<AssetRules>,
    /// The tenant's limits.
    pub limits: RunLimits,
}

/// What an incoming payment may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchContext {
    /// The account's tenant.
    pub tenant: Tenant,
    /// The withdrawal with this memo, of any state.
    pub transaction: Option<Transaction>,
    /// Rules of the payment's asset, if the tenant has it.
    pub rules: Option<AssetRules>,
    /// The tenant's active version.
    pub active: Option<Version>,
}

/// What the drivers need.
#[async_trait]
pub trait DriverStore: Send + Sync {
    /// Leases up to `limit` rows of a kind that are due and not leased, oldest due first, at most `per_tenant` of one
    /// tenant, each for `lease_ms` by the database's clock. Short: no row stays locked.
    async fn claim(&self, kind: WorkKind, limit: u32, per_tenant: u32, lease_ms: u64) -> Result<Vec<Lease>, StoreError>;

    /// Milliseconds until the next row of a kind is due; none when there is none.
    async fn next_due_ms(&self, kind: WorkKind) -> Result<Option<u64>, StoreError>;

    /// Commits many decisions: in one database transaction, one statement per table; when one of them fails, each goes
    /// alone. The answers are in the order of the commits.
    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<(), CommitError>>;

    /// Contexts in the order of the leases; none where the row is gone.
    async fn plans(&self, accounts: &[(TenantId, AccountId)]) -> Result<Vec<Option<PlanContext>>, StoreError>;

    /// See [`DriverStore::plans`].
    async fn envelopes(&self, ids: &[(TenantId, EnvelopeId)]) -> Result<Vec<Option<EnvelopeContext>>, StoreError>;

    /// See [`DriverStore::plans`].
    async fn jobs(&self, ids: &[(TenantId, JobId)]) -> Result<Vec<Option<JobContext>>, StoreError>;

    /// Transactions by id, in the order asked; none where there is none.
    async fn transactions(&self, ids: &[(TenantId, TransactionId)]) -> Result<Vec<Option<Transaction>>, StoreError>;

    /// Where a source has been read to.
    async fn cursor(&self, source: &str) -> Result<Option<String>, StoreError>;

    /// For each payment: what it may belong to; none where the account is no tenant's. Payments already stored are none
    /// too.
    async fn match_payments(&self, payments: &[IncomingPayment]) -> Result<Vec<Option<MatchContext>>, StoreError>;

    /// Credits of a rail that are stored already, by external id.
    async fn known_credits(&self, tenant: &TenantId, rail: &str, external_ids: &[String]) -> Result<Vec<BankCredit>, StoreError>;

    /// Deposits that wait for money and were made at or before `made_until`, after the given one, oldest first.
    async fn pending_deposits(
        &self,
        tenant: &TenantId,
        made_until: TimeMs,
        after: Option<&(TimeMs, String)>,
        max: u32,
    ) -> Result<Vec<Transaction>, StoreError>;

    /// Deposits that wait for money, or have expired (late money may revive them), by reference.
    async fn find_pending_deposits(&self, tenant: &TenantId, references: &[String]) -> Result<Vec<Transaction>, StoreError>;

    /// Withdrawals whose payout is under way or ready for pick-up, as [`DriverStore::pending_deposits`].
    async fn pending_payouts(
        &self,
        tenant: &TenantId,
        made_until: TimeMs,
        after: Option<&(TimeMs, String)>,
        max: u32,
    ) -> Result<Vec<Transaction>, StoreError>;

    /// Withdrawals whose payout is under way, ready for pick-up or completed, by external id.
    async fn find_pending_payouts(&self, tenant: &TenantId, external_ids: &[String]) -> Result<Vec<Transaction>, StoreError>;

    /// A value of `state`.
    async fn state_get(&self, tenant: &TenantId, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keys of `state`, in byte order.
    async fn state_keys(&self, tenant: &TenantId, prefix: &str, after: Option<&str>, max: u32) -> Result<Vec<String>, StoreError>;

    /// Keys of `state`, counted.
    async fn state_count(&self, tenant: &TenantId) -> Result<u64, StoreError>;

    /// A plain setting.
    async fn setting(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError>;

    /// A sealed secret: of `what` it was sealed as.
    async fn sealed_secret(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError>;

    /// A sealed Stellar key.
    async fn sealed_key(&self, tenant: &TenantId, account: &AccountId) -> Result<Option<String>, StoreError>;

    /// The tenant's sealed key for `Idempotency-Key`s.
    async fn sealed_idempotency_key(&self, tenant: &TenantId) -> Result<String, StoreError>;

    /// Commits an effect's intent, under the lease of its job (a deciding write). An effect that is replayed from an
    /// earlier run comes with its answer, which is stored with it.
    async fn intend(&self, lease: &Lease, effect: &EffectRecord) -> Result<(), CommitError>;

    /// Commits an effect's answer (an observation: whoever holds the lease).
    async fn answered(&self, tenant: &TenantId, job: &JobId, run: i64, name: &str, answer: &EffectAnswer) -> Result<(), CommitError>;

    /// A component by digest.
    async fn component(&self, tenant: &TenantId, digest: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The operator of the host.
    Operator,
    /// One tenant.
    Tenant(TenantId),
}

/// A transaction that has a next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// It.
    pub transaction: Transaction,
    /// Who has the next step.
    pub waits: Waits,
    /// When a driver looks at it next, by the database's clock.
    pub due_at: Option<TimeMs>,
}

/// What lists are cut by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// After this (created_at, id), newest first.
    pub after: Option<(TimeMs, String)>,
    /// At most so many.
    pub limit: u32,
}

/// What the API needs besides.
#[async_trait]
pub trait AdminStore: DriverStore {
    /// Makes a tenant, with its sealed key for `Idempotency-Key`s.
    async fn create_tenant(&self, tenant: &Tenant, sealed_idempotency_key: &str) -> Result<(), StoreError>;

    /// A tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;

    /// All tenants, by id.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Stores a token's SHA-256 (hex).
    async fn add_token(&self, hash: &str, name: &str, scope: &Scope, at: TimeMs) -> Result<(), StoreError>;

    /// Whose token it is: its name and scope, by SHA-256 (hex).
    async fn token(&self, hash: &str) -> Result<Option<(String, Scope)>, StoreError>;

    /// Adds or replaces an asset's rules. A direction can be enabled only while the active version exports the hook for
    /// it: else [`StoreError::HookMissing`]. Nothing is activated meanwhile.
    async fn put_asset(&self, tenant: &TenantId, rules: &AssetRules) -> Result<(), StoreError>;

    /// A tenant's assets.
    async fn assets(&self, tenant: &TenantId) -> Result<Vec<AssetRules>, StoreError>;

    /// Adds a Stellar account with its sealed key. UNIQUE(network, account) over all tenants.
    async fn add_account(&self, account: &StellarAccount, sealed_key: &str) -> Result<(), StoreError>;

    /// A tenant's accounts.
    async fn accounts(&self, tenant: &TenantId) -> Result<Vec<StellarAccount>, StoreError>;

    /// Adds or replaces a sealed secret.
    async fn put_secret(&self, tenant: &TenantId, name: &str, sealed: &str, at: TimeMs) -> Result<(), StoreError>;

    /// Names of the secrets, and when each was written.
    async fn secrets(&self, tenant: &TenantId) -> Result<Vec<(String, TimeMs)>, StoreError>;

    /// Adds or replaces a setting; none removes it.
    async fn put_setting(&self, tenant: &TenantId, name: &str, value: Option<&str>) -> Result<(), StoreError>;

    /// The settings.
    async fn settings(&self, tenant: &TenantId) -> Result<Vec<(String, String)>, StoreError>;

    /// Sets the tenant's limits.
    async fn put_limits(&self, tenant: &TenantId, limits: &RunLimits) -> Result<(), StoreError>;

    /// Stores a version and its component; gives it the next number. The same component with the same manifest is the
    /// version that is there already.
    async fn add_version(&self, version: &Version, component: &[u8]) -> Result<Version, StoreError>;

    /// The versions, newest first.
    async fn versions(&self, tenant: &TenantId) -> Result<Vec<Version>, StoreError>;

    /// One version.
    async fn version(&self, tenant: &TenantId, number: VersionNumber) -> Result<Option<Version>, StoreError>;

    /// Makes a version the active one, unless it lacks the hook of an enabled direction ([`StoreError::HookMissing`]; no
    /// asset is changed meanwhile), and makes the polls that it exports (one open poll per tenant and hook) if they are
    /// not there.
    async fn activate(&self, tenant: &TenantId, number: VersionNumber, polls: &[Job]) -> Result<(), StoreError>;

    /// Transactions, newest first.
    async fn list_transactions(&self, tenant: &TenantId, kind: Option<Kind>, page: &Page) -> Result<Vec<Transaction>, StoreError>;

    /// Transactions that have a next step, oldest change first, after the given (updated_at, id): who has it.
    async fn waiting(&self, tenant: &TenantId, page: &Page) -> Result<Vec<Waiting>, StoreError>;

    /// One transaction with its history.
    async fn show_transaction(&self, tenant: &TenantId, id: &TransactionId) -> Result<Option<(Transaction, Vec<History>)>, StoreError>;

    /// Jobs, newest first.
    async fn list_jobs(
        &self,
        tenant: &TenantId,
        hook: Option<Hook>,
        state: Option<JobState>,
        transaction: Option<&TransactionId>,
        page: &Page,
    ) -> Result<Vec<Job>, StoreError>;

    /// One job with its runs and effects.
    async fn show_job(&self, tenant: &TenantId, id: &JobId) -> Result<Option<(Job, Vec<Run>, Vec<EffectRecord>)>, StoreError>;

    /// The log of a job's runs: run ordinal and line.
    async fn job_log(&self, tenant: &TenantId, id: &JobId) -> Result<Vec<(i64, LogLine)>, StoreError>;

    /// Envelopes that pay a transaction, oldest first.
    async fn envelopes_of(&self, tenant: &TenantId, id: &TransactionId) -> Result<Vec<Envelope>, StoreError>;

    /// Incoming payments, newest first.
    async fn incoming(&self, tenant: &TenantId, unmatched_only: bool) -> Result<Vec<(IncomingPayment, Matched)>, StoreError>;

    /// Bank credits, newest first.
    async fn credits(&self, tenant: &TenantId, unmatched_only: bool) -> Result<Vec<BankCredit>, StoreError>;

    /// The withdrawal or deposit with a memo on an account, if any: for choosing a free one.
    async fn memo_is_free(&self, tenant: &TenantId, account: &AccountId, memo: &Memo) -> Result<bool, StoreError>;

    /// The rules of one asset.
    async fn asset(&self, tenant: &TenantId, asset: &Asset) -> Result<Option<AssetRules>, StoreError>;
}
