//! The hooks as traits, one per interface of the contract, and the words that go with each.
//!
//! Implement those that the anchor needs and name them in
//! [`register_integrations!`](crate::register_integrations). Every call is a run of its own, in a fresh instance:
//! statics do not survive, what has to survive goes into [`state`](crate::state).

use crate::bindings::{hook_deposits, hook_interactive, hook_payout_status, hook_payouts, hook_withdrawals};
use crate::{Error, Field, Payout, PendingDeposits, PendingPayouts, Transaction};

pub use hook_deposits::exports::windlass::anchor::deposits::{DepositUpdate, Failed, Poll, Received, SeenPending, UnmatchedCredit};
pub use hook_interactive::exports::windlass::anchor::interactive::{Choice, FieldKind, FieldSpec, Problem, Step};
pub use hook_payout_status::exports::windlass::anchor::payout_status::Found;
pub use hook_payouts::exports::windlass::anchor::payouts::{PayoutPoll, PayoutProgress, PayoutUpdate};
pub use hook_withdrawals::exports::windlass::anchor::withdrawals::Payment;

/// Which deposits have arrived at the bank? (Polaris: `poll_pending_deposits`.)
///
/// ```no_run
/// use windlass_sdk::{DepositIntegration, DepositUpdate, Amount, Error, PendingDeposits, Poll, register_integrations};
///
/// struct MyBank;
///
/// impl DepositIntegration for MyBank {
///     fn poll_pending_deposits(pending: &PendingDeposits) -> Result<Poll, Error> {
///         let mut updates = Vec::new();
///         for transaction in pending.next_batch(100) {
///             updates.push(DepositUpdate::received(&transaction.id, Amount::ONE, "credit-7"));
///         }
///         Ok(Poll { updates, unmatched: Vec::new(), more: false })
///     }
/// }
///
/// register_integrations!(deposit = MyBank);
/// # fn main() {}
/// ```
pub trait DepositIntegration {
    /// Reports what has arrived since the last poll. Called again and again, one call at a time per tenant. Must only
    /// ask: a request with a named effect ends the run. Keep the place on the statement in [`state`](crate::state):
    /// it is committed together with what the poll reports.
    ///
    /// # Errors
    /// Nothing of the run is committed, and it is tried again.
    fn poll_pending_deposits(pending: &PendingDeposits) -> Result<Poll, Error>;
}

/// A deposit is paid on the ledger. (Polaris: `after_deposit`.)
///
/// ```no_run
/// use windlass_sdk::{DepositEvents, Error, Transaction, log, register_integrations};
///
/// struct MyBank;
///
/// impl DepositEvents for MyBank {
///     fn after_deposit(transaction: Transaction) -> Result<(), Error> {
///         log::info(&format!("deposit {} is done", transaction.id));
///         Ok(())
///     }
/// }
///
/// register_integrations!(deposit_events = MyBank);
/// # fn main() {}
/// ```
pub trait DepositEvents {
    /// Called once the ledger shows the payment, and again until it succeeds or the host's tries are used up.
    ///
    /// # Errors
    /// [`Error::Refused`] ends the tries at once. Whatever is returned, the deposit stays completed.
    fn after_deposit(transaction: Transaction) -> Result<(), Error>;
}

/// Pay this user out. (Polaris: `process_withdrawal`.)
///
/// ```no_run
/// use windlass_sdk::http::Request;
/// use windlass_sdk::{Error, Payment, Payout, Transaction, WithdrawalIntegration, register_integrations, settings};
///
/// struct MyBank;
///
/// impl WithdrawalIntegration for MyBank {
///     fn process_withdrawal(_payment: Payment, transaction: Transaction) -> Result<Payout, Error> {
///         let amount = transaction.amount_out()?.to_string_with_decimals(2)?;
///         let url = format!("{}/payouts", settings::require("bank-url")?);
///         let answer = Request::post(&url)
///             .secret_header("X-Api-Key", "bank-api-key")
///             .json(format!("{{\"amount\":\"{amount}\"}}"))
///             .effect("payout")
///             .send()?;
///         match answer.status {
///             201 => Ok(Payout::paid(answer.text()?)),
///             status => Err(Error::UnexpectedResponse(format!("the bank answered {status}"))),
///         }
///     }
/// }
///
/// register_integrations!(withdrawal = MyBank);
/// # fn main() {}
/// ```
pub trait WithdrawalIntegration {
    /// Pays out [`amount_out`](Transaction::amount_out), exactly, with one request that carries a named effect. May be
    /// called again for the same transaction; the effect's name gives the same `Idempotency-Key` each time.
    ///
    /// # Errors
    /// The host decides by what it recorded of the effect, and by the error only if none was sent or the rail said no.
    fn process_withdrawal(payment: Payment, transaction: Transaction) -> Result<Payout, Error>;
}

/// What has become of the payouts under way? (Polaris: `poll_outgoing_transactions`.)
///
/// ```no_run
/// use windlass_sdk::{Error, PayoutPoll, Payouts, PendingPayouts, register_integrations};
///
/// struct MyBank;
///
/// impl Payouts for MyBank {
///     fn poll_pending_payouts(_pending: &PendingPayouts) -> Result<PayoutPoll, Error> {
///         Ok(PayoutPoll { updates: Vec::new(), more: false })
///     }
/// }
///
/// register_integrations!(payouts = MyBank);
/// # fn main() {}
/// ```
pub trait Payouts {
    /// Reports what is new about payouts that were `in-progress` or `ready-for-pickup`. Must only ask.
    ///
    /// # Errors
    /// Nothing of the run is committed, and it is tried again.
    fn poll_pending_payouts(pending: &PendingPayouts) -> Result<PayoutPoll, Error>;
}

/// Was this payout made? Asked when a run was cut off after its effect had left.
///
/// ```no_run
/// use windlass_sdk::{Error, Found, PayoutStatus, Transaction, register_integrations};
///
/// struct MyBank;
///
/// impl PayoutStatus for MyBank {
///     fn look_up(_transaction: Transaction, _effect: String, _key: String) -> Result<Found, Error> {
///         Ok(Found::CannotTell)
///     }
/// }
///
/// register_integrations!(payout_status = MyBank);
/// # fn main() {}
/// ```
pub trait PayoutStatus {
    /// `effect` is the effect's name, `key` the `Idempotency-Key` it was sent with. Must only ask. Say
    /// [`Found::NotFound`] if the rail has nothing under the key: the host believes it only when the time has passed that
    /// the manifest declares as `rail.not_found_after_ms`.
    ///
    /// # Errors
    /// The look-up is tried again; the transaction stays as it is.
    fn look_up(transaction: Transaction, effect: String, key: String) -> Result<Found, Error>;
}

/// The anchor's own steps in the hosted SEP-24 flow: declared fields and checks, never HTML.
///
/// ```no_run
/// use windlass_sdk::{Error, Field, FieldKind, FieldSpec, Interactive, Problem, Step, Transaction, register_integrations};
///
/// struct MyBank;
///
/// impl Interactive for MyBank {
///     fn next_step(transaction: Transaction) -> Result<Option<Step>, Error> {
///         if transaction.field("bank_account_number").is_some() {
///             return Ok(None);
///         }
///         Ok(Some(Step {
///             id: "account".into(),
///             title: "Where shall we pay?".into(),
///             text: None,
///             fields: vec![FieldSpec {
///                 name: "bank_account_number".into(),
///                 label: "Account number".into(),
///                 hint: None,
///                 kind: FieldKind::Text(34),
///                 required: true,
///                 sensitive: true,
///             }],
///         }))
///     }
///
///     fn check_step(_: Transaction, _step: String, _answers: Vec<Field>) -> Result<Vec<Problem>, Error> {
///         Ok(Vec::new())
///     }
/// }
///
/// register_integrations!(interactive = MyBank);
/// # fn main() {}
/// ```
pub trait Interactive {
    /// The step that comes next, given the answers so far (`transaction.fields`); none when the flow is complete.
    /// Must only ask.
    ///
    /// # Errors
    /// The user is asked to come back later.
    fn next_step(transaction: Transaction) -> Result<Option<Step>, Error>;

    /// Checks the answers to a step; an empty list accepts them. Must only ask.
    ///
    /// # Errors
    /// The user is asked to come back later.
    fn check_step(transaction: Transaction, step: String, answers: Vec<Field>) -> Result<Vec<Problem>, Error>;
}
