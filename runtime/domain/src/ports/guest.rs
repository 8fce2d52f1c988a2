//! Running a hook: the value that goes in, what the guest may ask for meanwhile, the value that comes out.

use async_trait::async_trait;

use crate::effect::EffectAnswer;
use crate::ids::{JobId, TenantId, TimeMs, VersionNumber};
use crate::job::{Hook, LogLine, Receipt, RunEnd};
use crate::limits::RunLimits;
use crate::manifest::Manifest;
use crate::money::Amount;
use crate::ports::egress::IncomingResponse;
use crate::ports::secrets::SecretBytes;
use crate::tenant::IncomingPayment;
use crate::transaction::Transaction;

/// One run to be made.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose.
    pub tenant: TenantId,
    /// For which job.
    pub job: JobId,
    /// Which run of the job.
    pub run: i64,
    /// The pinned version: names the manifest that is in force.
    pub version: VersionNumber,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What that version may do outside.
    pub manifest: Manifest,
    /// What is called, with its arguments.
    pub input: HookInput,
    /// What the run may use.
    pub limits: RunLimits,
    /// Seed of the job's random numbers.
    pub seed: [u8; 32],
}

/// A hook's arguments.
#[derive(Debug, Clone)]
pub enum HookInput {
    /// The pending set is read through [`RunHost`].
    PollPendingDeposits,
    /// The deposit that is paid.
    AfterDeposit(Box<Transaction>),
    /// The payment that was received, and the withdrawal it pays for.
    ProcessWithdrawal(Box<IncomingPayment>, Box<Transaction>),
    /// The pending set is read through [`RunHost`].
    PollPendingPayouts,
    /// The withdrawal, the effect's name and its key.
    PayoutStatus(Box<Transaction>, String, String),
}

impl HookInput {
    /// Which hook takes these arguments.
    pub const fn hook(&self) -> Hook {
        match self {
            Self::PollPendingDeposits => Hook::PollPendingDeposits,
            Self::AfterDeposit(_) => Hook::AfterDeposit,
            Self::ProcessWithdrawal(..) => Hook::ProcessWithdrawal,
            Self::PollPendingPayouts => Hook::PollPendingPayouts,
            Self::PayoutStatus(..) => Hook::PayoutStatus,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// How it ended.
    pub end: RunEnd,
    /// What the hook returned: there exactly when `end` is [`RunEnd::Returned`].
    pub output: Option<HookOutput>,
    /// What it used.
    pub receipt: Receipt,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// What it wrote to `state`: the last value of each key, none where it removed the key. Committed with the outcome.
    pub state_writes: Vec<(String, Option<Vec<u8>>)>,
}

/// What a hook returned, checked for bounds only: ids and amounts are the guest's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookOutput {
    /// Of `poll-pending-deposits`.
    DepositPoll(DepositPoll),
    /// Of `after-deposit`.
    Nothing,
    /// Of `process-withdrawal`.
    Payout(Payout),
    /// Of `poll-pending-payouts`.
    PayoutPoll(PayoutPoll),
    /// Of `payout-status`.
    Found(Found),
}

/// The contract's `deposits.poll`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepositPoll {
    /// At most [`crate::limits::POLL_UPDATES`].
    pub updates: Vec<DepositUpdate>,
    /// At most [`crate::limits::POLL_UPDATES`].
    pub unmatched: Vec<UnmatchedCredit>,
    /// Poll again at once.
    pub more: bool,
}

/// The contract's `deposits.deposit-update`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositUpdate {
    /// Money is there.
    Received {
        /// The transaction, as the guest names it.
        id: String,
        /// What arrived.
        amount: Amount,
        /// The bank's id of the credit.
        external_id: String,
    },
    /// The bank has seen it.
    SeenPending {
        /// The transaction, as the guest names it.
        id: String,
        /// When it should be settled.
        eta: Option<TimeMs>,
    },
    /// It will not come.
    Failed {
        /// The transaction, as the guest names it.
        id: String,
        /// For the user.
        message: String,
    },
}

/// The contract's `deposits.unmatched-credit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedCredit {
    /// The bank's id of the credit.
    pub external_id: String,
    /// What arrived.
    pub amount: Amount,
    /// What the payer wrote.
    pub reference: String,
}

/// The contract's `types.payout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payout {
    /// Done.
    Paid {
        /// The rail's id.
        external_id: String,
    },
    /// Days may pass.
    InProgress {
        /// The rail's id.
        external_id: String,
        /// When it should be done.
        eta: Option<TimeMs>,
    },
    /// The user has to fetch it.
    ReadyForPickup {
        /// The rail's id.
        external_id: String,
        /// Where and how.
        instructions: String,
    },
}

/// The contract's `payouts.payout-poll`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PayoutPoll {
    /// Transaction ids, as the guest names them, and what has become of each.
    pub updates: Vec<(String, PayoutProgress)>,
    /// Poll again at once.
    pub more: bool,
}

/// The contract's `payouts.payout-progress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutProgress {
    /// The user has it.
    Delivered,
    /// Under way.
    InProgress(Option<TimeMs>),
    /// The money came back.
    Returned(String),
}

/// The contract's `payout-status.found`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The rail has it.
    Found(Payout),
    /// The rail never got it.
    NotFound,
    /// The rail cannot say.
    CannotTell,
}

/// The host could not do its part: the run ends as [`RunEnd::HostFault`], or [`RunEnd::LeaseLost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// The job belongs to another worker now.
    #[error("the lease was lost")]
    LeaseLost,
    /// The store or another part did not answer.
    #[error("{0}")]
    Failed(String),
}

/// What [`RunHost::intend`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// The intent is committed: send, with this `Idempotency-Key`.
    Send {
        /// 64 hex digits.
        key: String,
    },
    /// An earlier run was cut off after this answer came: give the guest the same, send nothing.
    Replay(IncomingResponse),
    /// Not allowed: the run ends as [`RunEnd::Trapped`] with this text. Same name twice in one run, or another request
    /// under a name that was already answered.
    Refuse(String),
}

/// What a guest may ask its host for during a run. Everything here is the call's own tenant's.
#[async_trait]
pub trait RunHost: Send + Sync {
    /// Up to `max` pending transactions of the snapshot that come after the last one of the batch before, oldest first.
    async fn pending(&self, after: Option<(TimeMs, String)>, max: u32) -> Result<Vec<Transaction>, HostFault>;

    /// Deposits: those with these (normalised) references. Payouts: those with these external ids, completed ones too.
    async fn find_pending(&self, keys: &[String]) -> Result<Vec<Transaction>, HostFault>;

    /// A committed value of `state`.
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, HostFault>;

    /// Committed keys with the prefix, after a key, in byte order.
    async fn state_keys(&self, prefix: &str, after: Option<&str>, max: u32) -> Result<Vec<String>, HostFault>;

    /// Committed keys of the tenant, counted.
    async fn state_count(&self) -> Result<u64, HostFault>;

    /// A plain setting.
    async fn setting(&self, name: &str) -> Result<Option<String>, HostFault>;

    /// A secret by name; the sandbox has checked that the manifest allows its use.
    async fn secret(&self, name: &str) -> Result<Option<SecretBytes>, HostFault>;

    /// Commits the intent of a named effect, before its request leaves. `request_digest` is the SHA-256 of method, URL,
    /// plain headers and body, in hex.
    async fn intend(&self, effect: &str, request_digest: &str) -> Result<Intent, HostFault>;

    /// Commits what came of it, before the guest sees it. Recorded whoever holds the lease (money rule 7).
    /// For a complete answer the response is handed along, to be sealed.
    async fn answered(&self, effect: &str, answer: Answered) -> Result<(), HostFault>;

    /// The wall clock.
    fn now(&self) -> TimeMs;

    /// Microseconds of a clock that never goes back.
    fn monotonic_us(&self) -> u64;
}

/// What came of an effect's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// A complete answer.
    Complete(IncomingResponse),
    /// Certain that nothing left.
    NotSent(String),
    /// No complete answer.
    NoAnswer(String),
}

impl Answered {
    /// As recorded, given the sealed response.
    pub fn recorded(&self, sealed_response: String) -> EffectAnswer {
        match self {
            Self::Complete(response) => EffectAnswer::Complete { status: response.status, sealed_response },
            Self::NotSent(why) => EffectAnswer::NotSent(why.clone()),
            Self::NoAnswer(why) => EffectAnswer::NoAnswer(why.clone()),
        }
    }
}

/// Runs hooks.
#[async_trait]
pub trait Guests: Send + Sync {
    /// Makes one run: a fresh instance, thrown away afterwards. Never fails: every fault is an end.
    async fn run(&self, call: Call, host: std::sync::Arc<dyn RunHost>) -> RunOutcome;
}

/// Where the sandbox gets components from.
#[async_trait]
pub trait Components: Send + Sync {
    /// The component with this digest, as uploaded.
    async fn component(&self, tenant: &TenantId, digest: &str) -> Result<Vec<u8>, HostFault>;
}

/// What a check of an uploaded component found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// SHA-256, in hex.
    pub digest: String,
    /// The hooks it exports, in the contract's order. At least one.
    pub hooks: Vec<Hook>,
    /// The secrets, hosts and the like come from the manifest; these are the interfaces it imports.
    pub imports: Vec<String>,
}

/// An upload is refused: every reason found, each naming its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the component is refused: {}", reasons.join("; "))]
pub struct UploadRefused {
    /// At least one.
    pub reasons: Vec<String>,
}

/// Checks uploads.
#[async_trait]
pub trait ComponentCheck: Send + Sync {
    /// Size, form, contract, compilation, one probe instantiation: in this order.
    async fn check(&self, component: Vec<u8>) -> Result<Checked, UploadRefused>;
}
