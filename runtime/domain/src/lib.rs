//! States, rules, money, ids, limits and ports of Windlass: no I/O, no async runtime, no clock of its own.
//!
//! Everything that decides about money is here, as functions from values to values. What does something (the store, the
//! ledger, the sandbox, a signer, a clock) is a trait in [`ports`], implemented by a crate that does not know the others.

pub mod address;
pub mod asset;
pub mod codes;
pub mod commit;
pub mod deposit;
#[cfg(test)]
mod drawn;
pub mod effect;
pub mod envelope;
pub mod fees;
pub mod ids;
pub mod job;
pub mod limits;
pub mod lookup;
pub mod manifest;
pub mod money;
pub mod ports;
pub mod retry;
pub mod rules;
pub mod status;
pub mod tenant;
pub mod transaction;
pub mod waits;
pub mod withdrawal;

pub use address::Address;
pub use asset::{Asset, Memo};
pub use ids::{AccountId, EnvelopeId, JobId, Kind, TenantId, TimeMs, TransactionId, VersionNumber};
pub use money::Amount;
