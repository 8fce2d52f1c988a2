//! What can go wrong in this crate, where the domain's errors are not enough.

use windlass_domain::ports::ledger::{LedgerError, OperationResult};

/// An error of this crate. Secrets are never in its text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text is not an account's address.
    #[error("account {text:?} is not valid: write the G... address (or M... where a muxed one is taken) as the wallet shows it")]
    Account {
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: stellar_strkey::DecodeError,
    },
    /// A text is not a secret seed. The text is not repeated.
    #[error("the secret seed is not valid: it has 56 characters, beginning with S")]
    Seed(#[source] stellar_strkey::DecodeError),
    /// XDR does not decode, or a value does not fit into XDR.
    #[error("{what} is not valid XDR")]
    Xdr {
        /// Which XDR.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: stellar_xdr::Error,
    },
    /// XDR decodes, but says what cannot be.
    #[error("{0}")]
    Contradiction(String),
    /// A plan cannot become a transaction.
    #[error("the transaction cannot be built: {0}")]
    Plan(String),
    /// Not the URL of a server. It is not repeated: providers put keys in it.
    #[error("the ledger's URL is not valid: {0}. It begins with http:// or https://")]
    Url(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client for the ledger could not be made")]
    Client(#[source] reqwest::Error),
    /// The ledger did not answer.
    #[error("the ledger was of no help")]
    Ledger(#[from] LedgerError),
    /// The friendbot did not make an account.
    #[error("the friendbot did not fund {account}: {reason}")]
    Friendbot {
        /// Which account.
        account: String,
        /// What it said.
        reason: String,
    },
    /// The transaction is in the ledger, failed.
    #[error("transaction {hash} failed in the ledger: {code} {operations:?}")]
    Failed {
        /// Its hash.
        hash: String,
        /// Its code.
        code: String,
        /// Each operation's result.
        operations: Vec<OperationResult>,
    },
    /// No verdict in the time given: the transaction may still be in a ledger one day.
    #[error("transaction {hash} has no verdict yet; last heard: {last}. Look it up by its hash; do not send another one in its place")]
    NoVerdict {
        /// Its hash.
        hash: String,
        /// The last answer, for people.
        last: String,
    },
}

impl Error {
    /// A name for the kind of error, for logs and answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account-not-valid",
            Self::Seed(_) => "seed-not-valid",
            Self::Xdr { .. } => "xdr-not-valid",
            Self::Contradiction(_) => "contradiction",
            Self::Plan(_) => "plan-not-valid",
            Self::Url(_) => "url-not-valid",
            Self::Client(_) => "no-client",
            Self::Ledger(_) => "ledger",
            Self::Friendbot { .. } => "friendbot",
            Self::Failed { .. } => "failed",
            Self::NoVerdict { .. } => "no-verdict",
        }
    }
}
