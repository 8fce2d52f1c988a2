//! What a Windlass integration in Rust depends on.
//!
//! An integration is a component that exports hooks: which deposits have arrived at the bank, what to do when one is
//! done, how to pay a withdrawal out. Implement the traits of the hooks that the anchor needs, name them in
//! [`register_integrations!`], build for `wasm32-unknown-unknown`, upload.
//!
//! ```no_run
//! use windlass_sdk::{DepositEvents, Error, Transaction, log, register_integrations};
//!
//! struct MyBank;
//!
//! impl DepositEvents for MyBank {
//!     fn after_deposit(transaction: Transaction) -> Result<(), Error> {
//!         log::info(&format!("deposit {} is done", transaction.id));
//!         Ok(())
//!     }
//! }
//!
//! register_integrations!(deposit_events = MyBank);
//! # fn main() {}
//! ```
//!
//! Money is [`Amount`]: integers of 10^-7, no floats. The outside is reached through [`http`] only, with secrets put
//! in by name. A request that moves money or tells somebody something carries a named
//! [effect](http::Request::effect): the host makes its idempotency key and judges the run by what it recorded.
//!
//! On any other target than `wasm32` the crate compiles, so that an integration's own pure parts can be tested
//! natively; there [`log`] writes to the standard error, and every other call of the host ends the process.

mod amount;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
mod error;
mod hooks;
pub mod http;
pub mod log;
pub mod random;
mod register;
pub mod settings;
pub mod signing;
pub mod state;
mod transaction;

pub use amount::{Amount, AmountError};
pub use bindings::imports::windlass::anchor::pending::{PendingDeposits, PendingPayouts};
pub use bindings::imports::windlass::anchor::types::{
    Asset, Error, Field, Kind, Memo, Payout, PayoutInProgress, PayoutPaid, PayoutPickup, Transaction,
};
pub use hooks::{
    Choice, DepositEvents, DepositIntegration, DepositUpdate, Failed, FieldKind, FieldSpec, Found, Interactive, Payment, PayoutPoll,
    PayoutProgress, PayoutStatus, PayoutUpdate, Payouts, Poll, Problem, Received, SeenPending, Step, UnmatchedCredit,
    WithdrawalIntegration,
};
#[doc(hidden)]
pub use register::__enter;
