//! What stands in for the outside, for development and tests: a Stellar network and a bank.
//!
//! - [`ledger`] is a Stellar ledger as a state machine over real XDR. It checks signatures, sequence numbers, fees, time
//!   bounds, balances, reserves and trust lines as the network does, and can be stepped directly.
//! - [`Devnet`] puts it behind the Stellar RPC API, with a friendbot, and closes ledgers at an interval, at once, or by
//!   hand. Calls can be made to stall, to fail, or to be cut off after they were acted on.
//! - [`Bank`] is a bank with an HTTP API: accounts, statements, transfers with idempotency keys, signed requests, and
//!   faults before and after each act.
//!
//! Nothing here is for production: keys are derived from names, the control routes are open, history is never dropped.

mod bank;
mod clock;
mod devnet;
mod error;
pub mod ledger;
mod rpc;
mod serve;

pub use bank::{
    Bank, BankConfig, BankFault, BankFaultMode, Customer, Direction, Idempotency, Line, NewCustomer, Notification, Return, Route,
    Statement, Transfer, TransferStatus,
};
pub use devnet::{Closing, Devnet, DevnetConfig};
pub use error::Error;
pub use rpc::{Fault, FaultMode};
