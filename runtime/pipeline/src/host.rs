//! What a run may ask for while it runs: everything its own tenant's, every effect recorded before it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use windlass_domain::commit::{CommitError, Lease, Write};
use windlass_domain::effect::{EffectAnswer, EffectRecord, Evidence, idempotency_key};
use windlass_domain::ids::{JobId, TenantId, TimeMs, TransactionId};
use windlass_domain::job::Hook;
use windlass_domain::ports::guest::{Answered, HostFault, Intent, RunHost};
use windlass_domain::ports::secrets::SecretBytes;
use windlass_domain::ports::store::StoreError;
use windlass_domain::transaction::Transaction;

use crate::Parts;

/// How a journal's response is sealed.
const JOURNAL: &str = "journal";

/// The host of one run.
pub(crate) struct JobHost {
    pub(crate) parts: Parts,
    pub(crate) tenant: TenantId,
    pub(crate) job: JobId,
    pub(crate) hook: Hook,
    pub(crate) run: i64,
    pub(crate) lease: Lease,
    pub(crate) transaction: Option<TransactionId>,
    /// Payouts of it that came back.
    pub(crate) payouts_returned: i64,
    /// When the run was begun.
    pub(crate) started_at: TimeMs,
    /// Effects of the job's earlier runs, in their order.
    pub(crate) earlier: Vec<EffectRecord>,
    pub(crate) memory: Mutex<Memory>,
}

/// What the run has done so far.
#[derive(Default)]
pub(crate) struct Memory {
    /// Effects of this run, in order.
    pub(crate) journal: Vec<EffectRecord>,
    /// Keys of `state` that it read, and what they were.
    read: BTreeMap<String, Option<Vec<u8>>>,
    names: BTreeSet<String>,
    /// The pending set is of the moment when it is first read, so that what was made while the bank was asked is in it.
    snapshot: Option<TimeMs>,
}

impl JobHost {
    /// The whole job's journal: what earlier runs recorded, then this one.
    pub(crate) fn journal(&self) -> Vec<EffectRecord> {
        self.earlier.iter().chain(&self.memory().journal).cloned().collect()
    }

    /// Conditions under which this run's writes to `state` may be committed.
    pub(crate) fn state_conditions(&self) -> Vec<Write> {
        let memory = self.memory();
        let read = memory.read.iter();
        read.map(|(key, value)| Write::StateUnchanged { tenant: self.tenant.clone(), key: key.clone(), value: value.clone() }).collect()
    }

    /// Has the run read the key with this very value? Then writing it again changes nothing.
    pub(crate) fn has_read(&self, key: &str, value: Option<&[u8]>) -> bool {
        self.memory().read.get(key).is_some_and(|read| read.as_deref() == value)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first effect that an earlier run sent and that may have been carried out, which this run has not sent yet.
    fn unasked(&self, but: &str) -> Option<String> {
        let memory = self.memory();
        let mut sent = self.earlier.iter().filter(|record| record.evidence() >= Evidence::SaidYes);
        sent.find(|record| record.name != but && !memory.names.contains(&record.name)).map(|record| record.name.clone())
    }

    async fn key(&self, effect: &str, transaction: &TransactionId) -> Result<String, HostFault> {
        let sealed = self.parts.store.sealed_idempotency_key(&self.tenant).await.map_err(fault)?;
        let key = self.parts.sealer.open(&self.tenant, "idempotency-key", &sealed).map_err(|error| HostFault::Failed(error.to_string()))?;
        Ok(idempotency_key(key.expose(), transaction, effect, self.payouts_returned))
    }

    async fn record(&self, record: EffectRecord) -> Result<(), HostFault> {
        self.parts.store.intend(&self.lease, &record).await.map_err(commit_fault)?;
        self.memory().journal.push(record);
        Ok(())
    }
}

#[async_trait]
impl RunHost for JobHost {
    async fn pending(&self, after: Option<(TimeMs, String)>, max: u32) -> Result<Vec<Transaction>, HostFault> {
        let (store, after) = (&self.parts.store, after.as_ref());
        let now = self.parts.clock.now();
        let snapshot = *self.memory().snapshot.get_or_insert(now);
        let batch = match self.hook {
            Hook::PollPendingPayouts => store.pending_payouts(&self.tenant, snapshot, after, max).await,
            _ => store.pending_deposits(&self.tenant, snapshot, after, max).await,
        };
        batch.map_err(fault)
    }

    async fn find_pending(&self, keys: &[String]) -> Result<Vec<Transaction>, HostFault> {
        let found = match self.hook {
            Hook::PollPendingPayouts => self.parts.store.find_pending_payouts(&self.tenant, keys).await,
            _ => self.parts.store.find_pending_deposits(&self.tenant, keys).await,
        };
        found.map_err(fault)
    }

    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, HostFault> {
        let value = self.parts.store.state_get(&self.tenant, key).await.map_err(fault)?;
        self.memory().read.entry(key.to_owned()).or_insert_with(|| value.clone());
        Ok(value)
    }

    async fn state_keys(&self, prefix: &str, after: Option<&str>, max: u32) -> Result<Vec<String>, HostFault> {
        self.parts.store.state_keys(&self.tenant, prefix, after, max).await.map_err(fault)
    }

    async fn state_count(&self) -> Result<u64, HostFault> {
        self.parts.store.state_count(&self.tenant).await.map_err(fault)
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, HostFault> {
        self.parts.store.setting(&self.tenant, name).await.map_err(fault)
    }

    async fn secret(&self, name: &str) -> Result<Option<SecretBytes>, HostFault> {
        let Some(sealed) = self.parts.store.sealed_secret(&self.tenant, name).await.map_err(fault)? else { return Ok(None) };
        let secret = self.parts.sealer.open(&self.tenant, &format!("secret:{name}"), &sealed);
        secret.map(Some).map_err(|error| HostFault::Failed(error.to_string()))
    }

    async fn intend(&self, effect: &str, request_digest: &str) -> Result<Intent, HostFault> {
        let Some(transaction) = &self.transaction else {
            return Ok(Intent::Refuse(format!("effect {effect:?} in a run that is about no transaction")));
        };
        if !self.memory().names.insert(effect.to_owned()) {
            return Ok(Intent::Refuse(format!("effect {effect:?} was sent in this run already: every effect needs a name of its own")));
        }
        let is_payout = self.hook == Hook::ProcessWithdrawal;
        // Another name has another key: what an earlier run sent, and perhaps was not answered, has to come first.
        if is_payout && let Some(first) = self.unasked(effect) {
            return Ok(Intent::Refuse(format!("an earlier run sent effect {first:?}: it has to be sent again before {effect:?}")));
        }
        let earlier: Vec<&EffectRecord> = self.earlier.iter().filter(|record| record.name == effect).collect();
        if is_payout
            && let Some(other) =
                earlier.iter().find(|record| record.evidence() >= Evidence::SaidYes && record.request_digest != request_digest)
        {
            return Ok(Intent::Refuse(format!(
                "run {} sent effect {effect:?} with another request: what is repeated has to be the same",
                other.run
            )));
        }
        let record = EffectRecord {
            tenant: self.tenant.clone(),
            job: self.job.clone(),
            run: self.run,
            name: effect.to_owned(),
            key: self.key(effect, transaction).await?,
            request_digest: request_digest.to_owned(),
            intended_at: self.parts.clock.now(),
            answer: None,
        };
        let accepted =
            earlier.iter().rev().find(|record| record.evidence() == Evidence::SaidYes && record.request_digest == request_digest);
        if let Some(EffectRecord { answer: Some(EffectAnswer::Complete { status, sealed_response }), .. }) = accepted {
            let opened =
                self.parts.sealer.open(&self.tenant, JOURNAL, sealed_response).map_err(|error| HostFault::Failed(error.to_string()))?;
            let response = serde_json::from_slice(opened.expose())
                .map_err(|error| HostFault::Failed(format!("a recorded response does not decode: {error}")))?;
            let answer = EffectAnswer::Complete { status: *status, sealed_response: sealed_response.clone() };
            self.record(EffectRecord { answer: Some(answer), ..record }).await?;
            return Ok(Intent::Replay(response));
        }
        let key = record.key.clone();
        self.record(record).await?;
        Ok(Intent::Send { key })
    }

    async fn answered(&self, effect: &str, answer: Answered) -> Result<(), HostFault> {
        let sealed = match &answer {
            Answered::Complete(response) => {
                let bytes = serde_json::to_vec(response).map_err(|error| HostFault::Failed(error.to_string()))?;
                self.parts.sealer.seal(&self.tenant, JOURNAL, &bytes)
            }
            Answered::NotSent(_) | Answered::NoAnswer(_) => String::new(),
        };
        let answer = answer.recorded(sealed);
        self.parts.store.answered(&self.tenant, &self.job, self.run, effect, &answer).await.map_err(commit_fault)?;
        if let Some(record) = self.memory().journal.iter_mut().find(|record| record.name == effect) {
            record.answer = Some(answer);
        }
        Ok(())
    }

    fn now(&self) -> TimeMs {
        self.parts.clock.now()
    }

    fn monotonic_us(&self) -> u64 {
        self.parts.clock.monotonic_us()
    }
}

fn fault(error: StoreError) -> HostFault {
    HostFault::Failed(error.to_string())
}

fn commit_fault(error: CommitError) -> HostFault {
    match error {
        CommitError::LeaseLost => HostFault::LeaseLost,
        other => HostFault::Failed(other.to_string()),
    }
}

/// For [`Arc`] users that hand the host to the sandbox.
pub(crate) type SharedHost = Arc<JobHost>;
