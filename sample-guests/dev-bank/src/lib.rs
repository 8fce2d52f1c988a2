//! The integration with the development bank, in both directions. Copy it and change what your bank does otherwise.
//!
//! | file | hook |
//! | --- | --- |
//! | `deposits.rs` | which credits on the statement belong to which deposits |
//! | `notifications.rs` | tell the bank that a deposit is done |
//! | `transfers.rs` | pay a withdrawal out; what became of it; was it made |
//! | `matching.rs` | pure: a credit's text against references |
//! | `client.rs` | requests, signatures, answers |
//!
//! The tenant's settings: `bank-url` (`https://bank.example`), `bank-currency-decimals` (2 if missing) and
//! `bank-currency` (the asset's code if missing). Its secrets, used by name: `bank-api-key` in a header to the bank's
//! host, `bank-hmac` for signing.
//!
//! It is a library, so that two components can be made of it: a crate that exports hooks cannot be a dependency of
//! another one that does.

mod client;
mod deposits;
mod matching;
mod notifications;
mod transfers;

/// The integration. It holds nothing: every call is a run of its own.
#[derive(Debug)]
pub struct DevBank;
