//! Jobs and runs: one call of one hook that has to get done, and one attempt at it (section 6 of the design).

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, TenantId, TimeMs, TransactionId, VersionNumber};

/// A function that a component may export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Which deposits have arrived?
    PollPendingDeposits,
    /// A deposit is paid on the ledger.
    AfterDeposit,
    /// Pay this user out.
    ProcessWithdrawal,
    /// What has become of the payouts under way?
    PollPendingPayouts,
    /// Was this payout made?
    PayoutStatus,
    /// The anchor's own steps in the hosted flow.
    Interactive,
}

impl Hook {
    /// Every hook, in the order of the contract.
    pub const ALL: [Self; 6] = [
        Self::PollPendingDeposits,
        Self::AfterDeposit,
        Self::ProcessWithdrawal,
        Self::PollPendingPayouts,
        Self::PayoutStatus,
        Self::Interactive,
    ];

    /// The function's name in the contract; `interactive` stands for both functions of its interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PollPendingDeposits => "poll-pending-deposits",
            Self::AfterDeposit => "after-deposit",
            Self::ProcessWithdrawal => "process-withdrawal",
            Self::PollPendingPayouts => "poll-pending-payouts",
            Self::PayoutStatus => "payout-status",
            Self::Interactive => "interactive",
        }
    }

    /// The interface of the contract that has it.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::PollPendingDeposits => "deposits",
            Self::AfterDeposit => "deposit-events",
            Self::ProcessWithdrawal => "withdrawals",
            Self::PollPendingPayouts => "payouts",
            Self::PayoutStatus => "payout-status",
            Self::Interactive => "interactive",
        }
    }

    /// From [`Hook::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == name)
    }

    /// May a run of this hook send named effects?
    pub const fn may_have_effects(self) -> bool {
        match self {
            Self::AfterDeposit | Self::ProcessWithdrawal => true,
            Self::PollPendingDeposits | Self::PollPendingPayouts | Self::PayoutStatus | Self::Interactive => false,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// To be run, or running.
    Open,
    /// Its outcome is committed.
    Done,
    /// Tries used up, or refused: waits for a person to retry it.
    Dead,
    /// An effect's outcome is unknown, or contradicts what the hook said: waits for a person's word.
    Held,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Done, Self::Dead, Self::Held];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Held => "held",
        }
    }

    /// From [`JobState::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// One call of one hook that has to get done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: JobId,
    /// What is called.
    pub hook: Hook,
    /// The transaction it is about; none for polls.
    pub transaction: Option<TransactionId>,
    /// The version it runs, fixed when it is made (a poll that found nothing takes the active one again).
    pub version: VersionNumber,
    /// Where it stands.
    pub state: JobState,
    /// Ordinal of the newest run; 0 before the first. A poll that found nothing keeps its ordinal, so that a thousand of
    /// them leave one row.
    pub runs: i64,
    /// Runs that failed since the last success: what back-off and the limit on tries count.
    pub failures: i64,
    /// Polls that found nothing, counted instead of kept.
    pub idle_polls: i64,
    /// Runs up to this ordinal were settled by a person's word, or by a look-up that found nothing when nothing could arrive
    /// any more: their effects prove nothing any more. 0 at first.
    pub settled_runs: i64,
    /// What the tenant should see first: why the newest run failed, or what the job is held for.
    pub message: Option<String>,
    /// Seed of the job's random numbers: 64 hex digits.
    pub seed: String,
    /// When it was made.
    pub created_at: TimeMs,
    /// When it last changed.
    pub updated_at: TimeMs,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", content = "detail", rename_all = "kebab-case")]
pub enum RunEnd {
    /// The hook returned ok, and what it returned is well-formed.
    Returned,
    /// The hook returned an error of the contract.
    Refused(HookError),
    /// The hook returned something that breaks the contract's bounds.
    BadResult(String),
    /// The wall time was used up.
    TimedOut,
    /// The fuel was used up.
    OutOfFuel,
    /// Memory was refused to it.
    OutOfMemory,
    /// Another limit: which.
    LimitExceeded(String),
    /// It trapped: the message (a panic's text is in the log).
    Trapped(String),
    /// Stopped by an operator or by shutdown.
    Cancelled,
    /// Another worker took the job over; nothing of this run counts.
    LeaseLost,
    /// Our own fault: the host could not do its part.
    HostFault(String),
}

impl RunEnd {
    /// As stored and shown.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Refused(_) => "refused",
            Self::BadResult(_) => "bad-result",
            Self::TimedOut => "timed-out",
            Self::OutOfFuel => "out-of-fuel",
            Self::OutOfMemory => "out-of-memory",
            Self::LimitExceeded(_) => "limit-exceeded",
            Self::Trapped(_) => "trapped",
            Self::Cancelled => "cancelled",
            Self::LeaseLost => "lease-lost",
            Self::HostFault(_) => "host-fault",
        }
    }

    /// One line for people.
    pub fn message(&self) -> String {
        match self {
            Self::Returned => "returned".to_owned(),
            Self::Refused(error) => error.to_string(),
            Self::BadResult(what) => format!("returned what the contract does not allow: {what}"),
            Self::TimedOut => "used up its wall time".to_owned(),
            Self::OutOfFuel => "used up its fuel".to_owned(),
            Self::OutOfMemory => "used up its memory".to_owned(),
            Self::LimitExceeded(which) => format!("went over a limit: {which}"),
            Self::Trapped(message) => format!("trapped: {message}"),
            Self::Cancelled => "was cancelled".to_owned(),
            Self::LeaseLost => "lost its lease".to_owned(),
            Self::HostFault(what) => format!("the host failed: {what}"),
        }
    }
}

/// The contract's `types.error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", content = "detail", rename_all = "kebab-case")]
pub enum HookError {
    /// Not now; again after so many milliseconds or later.
    #[error("try later")]
    TryLater(u64),
    /// The rail says no, for good.
    #[error("refused: {0}")]
    Refused(String),
    /// A setting, secret or permission is missing or wrong.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
    /// The rail answered something that the integration does not understand.
    #[error("unexpected response: {0}")]
    UnexpectedResponse(String),
}

/// What a run used, beside what it was allowed (in the tenant's limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Receipt {
    /// Units of fuel.
    pub fuel_used: u64,
    /// Units of fuel allowed.
    pub fuel_allowed: u64,
    /// Peak of all linear memories together, in bytes.
    pub memory_bytes_max: u64,
    /// Bytes allowed.
    pub memory_bytes_allowed: u64,
    /// From start to end, in microseconds.
    pub wall_time_us: u64,
    /// Calls of imported functions.
    pub host_calls: u64,
    /// Requests sent or tried.
    pub http_requests: u64,
    /// Bytes of request bodies and headers that left.
    pub bytes_out: u64,
    /// Bytes of responses that came back.
    pub bytes_in: u64,
    /// Bytes of log lines kept.
    pub log_bytes: u64,
}

/// A line of a guest's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Severity.
    pub level: LogLevel,
    /// Milliseconds since the epoch.
    pub at: TimeMs,
    /// The text.
    pub message: String,
}

/// The contract's `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// Worth knowing.
    Info,
    /// Not as it should be.
    Warn,
    /// Broken.
    Error,
}

/// One attempt at a job, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Whose.
    pub tenant: TenantId,
    /// Of which job.
    pub job: JobId,
    /// 1, 2, 3 within the job.
    pub ordinal: i64,
    /// What was called: the job's hook, or `payout-status` where it was asked what became of an earlier run's effect.
    pub hook: Hook,
    /// The version it ran.
    pub version: VersionNumber,
    /// When its start was committed, before its instance existed.
    pub started_at: TimeMs,
    /// When its end was committed; none while it runs, or when it was cut off.
    pub ended_at: Option<TimeMs>,
    /// How it ended.
    pub end: Option<RunEnd>,
    /// What it used.
    pub receipt: Option<Receipt>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for hook in Hook::ALL {
            assert_eq!(Hook::from_name(hook.as_str()), Some(hook));
        }
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.as_str()), Some(state));
        }
    }
}
