//! Cuts a pipeline off at the n-th call of a port: before the call, or after it was carried out and before its answer
//! came. A pipeline that is cut off gets no answer any more, as a process that has died.

use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use windlass_domain::commit::{Commit, CommitError, Lease, WorkKind};
use windlass_domain::effect::{EffectAnswer, EffectRecord};
use windlass_domain::ports::store::{AdminStore, DriverStore, EnvelopeContext, JobContext, MatchContext, PlanContext, StoreError};
use windlass_domain::tenant::{BankCredit, IncomingPayment};
use windlass_domain::transaction::Transaction;
use windlass_domain::{AccountId, EnvelopeId, JobId, TenantId, TimeMs, TransactionId};

/// On which side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It is not carried out.
    Before,
    /// It is carried out, and nobody hears of it.
    After,
}

/// What happens at the n-th call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Calls are counted from 0. A call that only reads counts once; one that changes something counts on each side.
    pub(crate) at: usize,
    /// Does the pipeline die, or is it this one answer?
    pub(crate) dies: bool,
}

/// Counts the calls of one pipeline's ports.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    plan: Option<Plan>,
    calls: usize,
    at: Option<(String, Side)>,
    dead: bool,
}

impl Faults {
    /// None.
    pub(crate) fn none() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Counted { plan: Some(plan), ..Counted::default() })))
    }

    /// Where it struck, if the plan's call was made at all.
    pub(crate) fn struck(&self) -> Option<(String, Side)> {
        self.0.lock().unwrap().at.clone()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.lock().unwrap().dead
    }

    fn strikes(&self, name: &str, side: Side) -> bool {
        let mut counted = self.0.lock().unwrap();
        if counted.dead {
            return true;
        }
        let place = counted.calls;
        counted.calls += 1;
        match counted.plan {
            Some(plan) if plan.at == place => {
                counted.at = Some((name.to_owned(), side));
                counted.dead = plan.dies;
                true
            }
            _ => false,
        }
    }

    /// A call that changes nothing.
    pub(crate) async fn read<T, E>(&self, name: &str, call: impl Future<Output = Result<T, E>>, failed: impl Fn() -> E) -> Result<T, E> {
        if self.strikes(name, Side::Before) { Err(failed()) } else { call.await }
    }

    /// A call that changes something.
    pub(crate) async fn write<T>(&self, name: &str, call: impl Future<Output = T>, failed: impl Fn() -> T) -> T {
        if self.strikes(name, Side::Before) {
            return failed();
        }
        let answer = call.await;
        if self.strikes(name, Side::After) { failed() } else { answer }
    }
}

/// The real store, seen through faults.
pub(crate) struct StorePort {
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) faults: Arc<Faults>,
}

fn down() -> StoreError {
    StoreError::Unavailable("cut off".into())
}

fn not_committed() -> CommitError {
    CommitError::Unavailable("cut off".into())
}

macro_rules! reads {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)+) => {
        #[async_trait]
        impl DriverStore for StorePort {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out, StoreError> {
                self.faults.read(stringify!($name), self.store.$name($($arg),*), down).await
            })+

            async fn claim(&self, kind: WorkKind, limit: u32, per_tenant: u32, lease_ms: u64) -> Result<Vec<Lease>, StoreError> {
                self.faults.write("claim", self.store.claim(kind, limit, per_tenant, lease_ms), || Err(down())).await
            }

            async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<(), CommitError>> {
                let failed = vec![Err(not_committed()); commits.len()];
                self.faults.write("commit", self.store.commit(commits), || failed.clone()).await
            }

            async fn intend(&self, lease: &Lease, effect: &EffectRecord) -> Result<(), CommitError> {
                self.faults.write("intend", self.store.intend(lease, effect), || Err(not_committed())).await
            }

            async fn answered(&self, tenant: &TenantId, job: &JobId, run: i64, name: &str, answer: &EffectAnswer) -> Result<(), CommitError> {
                self.faults.write("answered", self.store.answered(tenant, job, run, name, answer), || Err(not_committed())).await
            }
        }
    };
}

reads! {
    fn next_due_ms(kind: WorkKind) -> Option<u64>;
    fn plans(accounts: &[(TenantId, AccountId)]) -> Vec<Option<PlanContext>>;
    fn envelopes(ids: &[(TenantId, EnvelopeId)]) -> Vec<Option<EnvelopeContext>>;
    fn jobs(ids: &[(TenantId, JobId)]) -> Vec<Option<JobContext>>;
    fn transactions(ids: &[(TenantId, TransactionId)]) -> Vec<Option<Transaction>>;
    fn cursor(source: &str) -> Option<String>;
    fn match_payments(payments: &[IncomingPayment]) -> Vec<Option<MatchContext>>;
    fn known_credits(tenant: &TenantId, rail: &str, external_ids: &[String]) -> Vec<BankCredit>;
    fn pending_deposits(tenant: &TenantId, made_until: TimeMs, after: Option<&(TimeMs, String)>, max: u32) -> Vec<Transaction>;
    fn find_pending_deposits(tenant: &TenantId, references: &[String]) -> Vec<Transaction>;
    fn pending_payouts(tenant: &TenantId, made_until: TimeMs, after: Option<&(TimeMs, String)>, max: u32) -> Vec<Transaction>;
    fn find_pending_payouts(tenant: &TenantId, external_ids: &[String]) -> Vec<Transaction>;
    fn state_get(tenant: &TenantId, key: &str) -> Option<Vec<u8>>;
    fn state_keys(tenant: &TenantId, prefix: &str, after: Option<&str>, max: u32) -> Vec<String>;
    fn state_count(tenant: &TenantId) -> u64;
    fn setting(tenant: &TenantId, name: &str) -> Option<String>;
    fn sealed_secret(tenant: &TenantId, name: &str) -> Option<String>;
    fn sealed_key(tenant: &TenantId, account: &AccountId) -> Option<String>;
    fn sealed_idempotency_key(tenant: &TenantId) -> String;
    fn component(tenant: &TenantId, digest: &str) -> Option<Vec<u8>>;
}
