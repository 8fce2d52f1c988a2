//! What one decision writes: a value, committed whole or not at all (money rules 2 and 4).

use crate::envelope::{Envelope, EnvelopeState};
use crate::ids::{AccountId, EnvelopeId, JobId, TenantId, TimeMs, TransactionId};
use crate::job::{Hook, Job, JobState, LogLine, Receipt, RunEnd};
use crate::tenant::{BankCredit, IncomingPayment, Matched};
use crate::transaction::{History, State, Transaction};

/// What there is to do: a row of the queue. Whatever is unfinished has one, or waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkKind {
    /// Run a job. Subject: the job's id.
    Job,
    /// Put an account's ready deposits into an envelope. Subject: the account.
    Plan,
    /// Send an envelope, look it up. Subject: the envelope's id.
    Envelope,
    /// Can this deposit's account take the asset now? Subject: the transaction's id.
    Trust,
    /// Read the ledger's payments. Subject: the network's source. Belongs to no tenant.
    Watch,
    /// Has the deadline passed that a user's money or payment was waited for? Subject: the transaction's id.
    Expire,
}

impl WorkKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Job, Self::Plan, Self::Envelope, Self::Trust, Self::Watch, Self::Expire];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Plan => "plan",
            Self::Envelope => "envelope",
            Self::Trust => "trust",
            Self::Watch => "watch",
            Self::Expire => "expire",
        }
    }

    /// From [`WorkKind::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Names a row of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkKey {
    /// Whose; none for the host's own work.
    pub tenant: Option<TenantId>,
    /// What.
    pub kind: WorkKind,
    /// About what.
    pub subject: String,
}

/// A lease on a row of the queue: a value, repeated in every deciding write (money rule 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub work: WorkKey,
    /// Raised with every claim of the row.
    pub token: i64,
}

/// What becomes of the leased row with the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Done: the row goes.
    Done,
    /// Due again after so many milliseconds, by the database's clock.
    After(u64),
    /// The lease is kept: the work goes on.
    Keep,
}

/// The lease that a commit is made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lease.
    pub lease: Lease,
    /// What becomes of its row.
    pub next: Next,
    /// A deciding write fails when the lease is lost. An observation (a ledger's fact, a bank's answer) is written all
    /// the same, and leaves the row to whoever holds it now.
    pub observation: bool,
}

/// Everything that one decision writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// Under which lease; none for what people do.
    pub fence: Option<Fence>,
    /// What it writes, in any order: the store groups it by table.
    pub writes: Vec<Write>,
}

/// One row's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A transaction that is new, with its first line of history.
    NewTransaction(Box<Transaction>, History),
    /// A transaction's change: written only where state and version are still those; exactly one row (money rule 4).
    Transaction {
        /// Before.
        before: (State, i64),
        /// After: every column is written.
        after: Box<Transaction>,
        /// The line of history, in the same commit.
        history: History,
    },
    /// A signed envelope, the ownership of its sequence number, and its payments' rows: each payment UNIQUE(transaction,
    /// purpose, ordinal) with at most one live envelope (money rule 1).
    NewEnvelope(Box<Envelope>),
    /// An envelope's change: only where it is still in this state.
    Envelope {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: EnvelopeId,
        /// Before.
        before: EnvelopeState,
        /// After. Leaving the live states frees its payments (dead, failed) or settles them (succeeded).
        after: EnvelopeState,
        /// Added to the times it was sent.
        sent: i64,
        /// Noted once.
        bound_passed_at: Option<u32>,
        /// In which ledger.
        ledger: Option<u32>,
        /// For people.
        result: Option<String>,
        /// When.
        at: TimeMs,
    },
    /// A job that is new.
    NewJob(Box<Job>),
    /// A job's change: only where it is still in this state.
    Job {
        /// Before.
        before: JobState,
        /// After: every column is written.
        after: Box<Job>,
    },
    /// A run's start: committed before its instance exists (money rule 3). A row of that ordinal without effects is
    /// taken over (idle polls).
    RunStarted {
        /// Whose.
        tenant: TenantId,
        /// Of which job.
        job: JobId,
        /// Which.
        ordinal: i64,
        /// What is called: the job's hook, or `payout-status`.
        hook: Hook,
        /// With which version.
        version: crate::ids::VersionNumber,
        /// When.
        at: TimeMs,
    },
    /// A run's end, its receipt and its log.
    RunEnded {
        /// Whose.
        tenant: TenantId,
        /// Of which job.
        job: JobId,
        /// Which.
        ordinal: i64,
        /// How.
        end: RunEnd,
        /// What it used.
        receipt: Receipt,
        /// What it logged; replaces what an idle run of the ordinal logged before.
        log: Vec<LogLine>,
        /// When.
        at: TimeMs,
    },
    /// A value of `state`, or its removal.
    State {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: String,
        /// None removes it.
        value: Option<Vec<u8>>,
    },
    /// Not a write but a condition: the key of `state` still has this value (none: is absent), else the whole commit is
    /// [`CommitError::Stale`].
    StateUnchanged {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: String,
        /// What the run has read.
        value: Option<Vec<u8>>,
    },
    /// A credit that a poll reported. The same id again with the same content changes nothing; with other content the
    /// commit fails as [`CommitError::Conflict`].
    Credit(BankCredit),
    /// A credit that pays for nothing pays for this transaction now, by a person's word: only where it is still unmatched.
    CreditAssigned {
        /// Whose.
        tenant: TenantId,
        /// The rail's name.
        rail: String,
        /// The bank's id.
        external_id: String,
        /// What it pays for.
        transaction: TransactionId,
    },
    /// An incoming payment and what it matched. The same (network, hash, operation) again changes nothing.
    Incoming {
        /// Whose account it went to.
        tenant: TenantId,
        /// The fact.
        payment: Box<IncomingPayment>,
        /// What became of it.
        matched: Matched,
        /// When it was seen.
        at: TimeMs,
    },
    /// Something from the ledger that could not be handled: kept, never in the way (money rule 2).
    Failed {
        /// The network.
        source: String,
        /// Its key there.
        key: String,
        /// What is wrong.
        reason: String,
        /// When.
        at: TimeMs,
    },
    /// Where a source has been read to; in the same commit as what was read (money rule 2).
    Cursor {
        /// The network.
        source: String,
        /// Opaque.
        cursor: String,
    },
    /// A row of the queue: made, or brought forward where it is due later. A leased row keeps its lease and is due again
    /// as soon as that one ends, so that nothing that arrived meanwhile is overlooked.
    Work {
        /// What.
        key: WorkKey,
        /// Due after so many milliseconds, by the database's clock.
        after_ms: u64,
    },
    /// A word in the audit trail.
    Audit {
        /// Whose.
        tenant: Option<TenantId>,
        /// Who.
        actor: String,
        /// What.
        action: String,
        /// About what.
        subject: String,
        /// Why.
        reason: Option<String>,
        /// When.
        at: TimeMs,
    },
}

impl Write {
    /// A transaction's change with its line of history. `after` is what a step of its machine made of `before`: the line's
    /// states, version and time follow from the two.
    pub fn changed(before: &Transaction, after: &Transaction, event: &str, actor: &str, detail: Option<String>) -> Self {
        Self::Transaction {
            before: (before.state, before.version),
            after: Box::new(after.clone()),
            history: History {
                version: after.version,
                from: Some(before.state),
                to: after.state,
                event: event.to_owned(),
                actor: actor.to_owned(),
                detail,
                at: after.updated_at,
            },
        }
    }

    /// Wakes a job up.
    pub fn job_work(job: &Job, after_ms: u64) -> Self {
        let key = WorkKey { tenant: Some(job.tenant.clone()), kind: WorkKind::Job, subject: job.id.to_string() };
        Self::Work { key, after_ms }
    }

    /// Wakes the planner of an account up.
    pub fn plan_work(tenant: &TenantId, account: &AccountId) -> Self {
        let key = WorkKey { tenant: Some(tenant.clone()), kind: WorkKind::Plan, subject: account.to_string() };
        Self::Work { key, after_ms: 0 }
    }

    /// Looks at a waiting transaction when its deadline has passed. Nothing where it has none.
    pub fn expire_work(transaction: &Transaction, now: TimeMs) -> Option<Self> {
        let after_ms = u64::try_from(transaction.expires_at?.saturating_sub(now)).unwrap_or(0);
        let key = WorkKey { tenant: Some(transaction.tenant.clone()), kind: WorkKind::Expire, subject: transaction.id.to_string() };
        Some(Self::Work { key, after_ms })
    }

    /// Looks again later whether a deposit's account can take the asset.
    pub fn trust_work(tenant: &TenantId, transaction: &TransactionId, after_ms: u64) -> Self {
        let key = WorkKey { tenant: Some(tenant.clone()), kind: WorkKind::Trust, subject: transaction.to_string() };
        Self::Work { key, after_ms }
    }
}

/// Why a commit was not made. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The lease's token is not the row's any more.
    #[error("the lease was lost")]
    LeaseLost,
    /// A guarded row was changed by somebody else meanwhile: read again, decide again.
    #[error("{0} was changed meanwhile")]
    Stale(String),
    /// A named constraint refuses it: it would break a rule.
    #[error("refused by {constraint}: {detail}")]
    Conflict {
        /// The constraint's name in the schema.
        constraint: String,
        /// What the database says.
        detail: String,
    },
    /// The database did not answer, or the answer to the commit was lost: nothing is known until it is read again.
    #[error("the database failed: {0}")]
    Unavailable(String),
}
