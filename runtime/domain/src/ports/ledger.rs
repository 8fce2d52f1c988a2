//! The ledger: the Stellar network as we see it. One trait, one implementation per API.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::address::Address;
use crate::asset::{Asset, Memo};
use crate::ids::AccountId;
use crate::money::Amount;
use crate::tenant::IncomingPayment;

/// The ledger did not answer, or not in a way that is understood. Never a verdict on an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// No connection, no answer in time, a fault of the server's.
    #[error("the ledger at {url} did not answer: {reason}")]
    Unavailable {
        /// Which server.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer does not decode: unknown, never failed.
    #[error("the ledger at {url} answered what is not understood: {reason}")]
    Undecodable {
        /// Which server.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The history asked for is not kept any more, or not there yet.
    #[error("the ledger at {url} keeps {oldest} to {latest}; {asked} was asked for")]
    OutOfRange {
        /// Which server.
        url: String,
        /// What was asked for.
        asked: u32,
        /// First ledger kept.
        oldest: u32,
        /// Last ledger kept.
        latest: u32,
    },
}

/// The newest closed ledger that a server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// Its sequence.
    pub sequence: u32,
    /// When it closed, in seconds since the epoch.
    pub close_time_s: i64,
}

/// Accounts and trustlines, as of one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries {
    /// The ledger they are of.
    pub latest_ledger: u32,
    /// The accounts that exist, of those asked for.
    pub accounts: BTreeMap<AccountId, AccountEntry>,
    /// The trustlines that exist, of those asked for.
    pub trustlines: BTreeMap<(AccountId, Asset), TrustlineEntry>,
    /// The accounts, of those asked for, that take payments only with a memo: their data entry `config.memo_required` is
    /// `1` (SEP-29).
    pub memo_required: BTreeSet<AccountId>,
}

/// An account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountEntry {
    /// The last sequence number used.
    pub sequence: i64,
    /// XLM.
    pub balance: Amount,
    /// XLM above the reserve and above what its offers sell. Not below zero.
    pub available: Amount,
}

/// A trustline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustlineEntry {
    /// What it holds.
    pub balance: Amount,
    /// The most it may hold, less what its own offers would buy: the ledger keeps that free for them.
    pub limit: Amount,
    /// Flag AUTHORIZED is set.
    pub authorized: bool,
}

/// An operation to be put into an envelope; its source is the envelope's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftOperation {
    /// Pays.
    Payment {
        /// Who is paid.
        destination: Address,
        /// In what.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
    /// Makes an account.
    CreateAccount {
        /// Which.
        destination: AccountId,
        /// XLM that it begins with: at least [`ACCOUNT_RESERVE`].
        starting_balance: Amount,
    },
}

/// What an account without entries has to hold: two base reserves of 0.5 XLM each.
pub const ACCOUNT_RESERVE: Amount = Amount::from_units(10_000_000);

/// An envelope to be built: values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Passphrase of the network: part of the hash.
    pub network: String,
    /// Whose sequence number it uses, and who pays.
    pub source: AccountId,
    /// The sequence number: one above the account's.
    pub sequence: i64,
    /// Bid for each operation, in stroops.
    pub fee_per_operation: u32,
    /// Upper time bound, in seconds since the epoch.
    pub max_time_s: i64,
    /// Of the whole envelope.
    pub memo: Option<Memo>,
    /// 1 to 100.
    pub operations: Vec<DraftOperation>,
}

/// A draft as XDR, to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// What is signed.
    pub hash: [u8; 32],
    /// Without signatures; opaque to the pipeline.
    pub xdr: Vec<u8>,
}

/// A draft cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the envelope cannot be built: {0}")]
pub struct BuildError(pub String);

/// Builds envelopes: pure, no network.
pub trait EnvelopeBuilder: Send + Sync {
    /// The draft as XDR and its hash.
    fn build(&self, draft: &Draft) -> Result<Unsigned, BuildError>;

    /// With the signatures of these accounts, as base64 of a TransactionEnvelope.
    fn assemble(&self, unsigned: &Unsigned, signatures: &[(AccountId, [u8; 64])]) -> Result<String, BuildError>;
}

/// What a server says to a submission. None of it is a verdict (money rule 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// In one node's memory, nothing more.
    Pending,
    /// There already.
    Duplicate,
    /// Busy, banned, or applied a moment ago.
    TryAgainLater,
    /// This node refuses it for now: the decoded code, for people.
    Refused(String),
}

/// What a look-up by hash says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// Found or not.
    pub status: LookUpStatus,
    /// The newest ledger of the server that answered, in this very answer.
    pub latest_ledger: u32,
    /// When it closed, in seconds since the epoch.
    pub latest_close_time_s: i64,
    /// The oldest ledger that it keeps.
    pub oldest_ledger: u32,
}

/// See [`LookUp`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpStatus {
    /// Not in the history that was asked.
    NotFound,
    /// In this ledger, successful.
    Success {
        /// Which.
        ledger: u32,
    },
    /// In this ledger, failed.
    Failed {
        /// Which.
        ledger: u32,
        /// The transaction's code: `txFAILED`.
        code: String,
        /// Each operation's result; empty when none ran.
        operations: Vec<OperationResult>,
    },
}

/// What one operation came to. What a code means is said by [`crate::codes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationResult {
    /// It would have worked alone.
    Success,
    /// It failed, with this code: `payment_no_trust`, `op_bad_auth`.
    Failed(String),
}

/// Where a source of payments is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The first transaction of this ledger.
    Ledger(u32),
    /// After this cursor.
    Cursor(String),
}

/// A page of the ledger's payments, of everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPage {
    /// Every successful payment operation in it, in order.
    pub payments: Vec<IncomingPayment>,
    /// Transactions whose envelope or result does not decode: hash and what is wrong. Stored as failed, never skipped.
    pub undecodable: Vec<(String, String)>,
    /// Where to go on. The cursor that was given where the page was empty.
    pub next: From,
    /// The newest ledger of the server that answered.
    pub latest_ledger: u32,
    /// Was it the end, for now?
    pub at_end: bool,
}

/// The network.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The passphrase that the server says it is for.
    async fn network(&self) -> Result<String, LedgerError>;

    /// The newest closed ledger.
    async fn head(&self) -> Result<LedgerHead, LedgerError>;

    /// Accounts and trustlines; missing ones are left out. Any number.
    async fn entries(&self, accounts: &[AccountId], trustlines: &[(AccountId, Asset)]) -> Result<Entries, LedgerError>;

    /// Sends the bytes. An error means that nothing is known.
    async fn submit(&self, envelope_xdr: &str) -> Result<Submission, LedgerError>;

    /// Looks a transaction up by its hash (hex).
    async fn look_up(&self, hash: &str) -> Result<LookUp, LedgerError>;

    /// Payments from there on, at most `limit` transactions.
    async fn payments(&self, from: &From, limit: u32) -> Result<PaymentPage, LedgerError>;

    /// The fee to bid for one operation, in stroops.
    async fn fee_per_operation(&self) -> Result<u32, LedgerError>;
}
