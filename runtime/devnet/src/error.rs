//! What can go wrong when the devnet or the bank is set up or spoken to in process.

use std::{io, net::SocketAddr};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address, or port 0 for any free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A Stellar account is not a `G...` address.
    #[error("{0:?} is not the address of a Stellar account; it should begin with G and have 56 characters")]
    BadAddress(String),
    /// The friendbot could not create an account.
    #[error("the friendbot did not create {account}: {reason}")]
    Friendbot {
        /// The account asked for.
        account: String,
        /// The result of its transaction, or that no ledger closed in time.
        reason: String,
    },
    /// A bank account that does not exist.
    #[error("the bank has no account {0:?}; add its customer first")]
    UnknownAccount(String),
    /// An amount that is not a decimal number in the currency's decimals.
    #[error("{text:?} is not an amount with at most {decimals} decimals")]
    BadAmount {
        /// What was given.
        text: String,
        /// The currency's decimals.
        decimals: u32,
    },
}

impl Error {
    /// A stable name for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
            Error::BadAddress(_) => "bad_address",
            Error::Friendbot { .. } => "friendbot",
            Error::UnknownAccount(_) => "unknown_account",
            Error::BadAmount { .. } => "bad_amount",
        }
    }
}
