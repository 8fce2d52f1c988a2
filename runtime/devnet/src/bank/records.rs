//! What the bank keeps and tells: customers, lines, transfers, notifications.

use serde::{Deserialize, Serialize};

/// Whether an `Idempotency-Key` makes a repeated request harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Idempotency {
    /// The same key and body give the first answer again.
    #[default]
    Honoured,
    /// Keys are not looked at; each request is a new one.
    Ignored,
}

/// A customer to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// A name, for people.
    pub name: String,
    /// Code of the currency, such as `USD`.
    pub currency: String,
    /// Its decimals.
    #[serde(default = "two")]
    pub decimals: u32,
    /// What is on the account in the beginning, as decimal text.
    #[serde(default = "zero")]
    pub balance: String,
    /// Whether keys are honoured.
    #[serde(default)]
    pub idempotency: Idempotency,
    /// Whether a transfer without a key is refused.
    #[serde(default)]
    pub require_key: bool,
}

fn two() -> u32 {
    2
}

fn zero() -> String {
    "0".to_owned()
}

/// What a customer gets: the credentials of the API, and the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Customer {
    /// Sent as `X-Api-Key`.
    pub api_key: String,
    /// The key of `X-Signature`: the bytes of this text.
    pub hmac_secret: String,
    /// The account's number.
    pub account: String,
}

/// Into the account or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Somebody paid in.
    Credit,
    /// A transfer went out.
    Debit,
}

/// A line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Unique in the bank.
    pub id: String,
    /// In or out.
    pub direction: Direction,
    /// Decimal text, always positive.
    pub amount: String,
    /// Code of the currency.
    pub currency: String,
    /// Free text.
    pub reference: String,
    /// Who paid in; of a debit, the transfer's id.
    pub counterparty: String,
    /// Where a debit went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Of a credit that gives a transfer back: the transfer's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// Unix seconds.
    pub booked_at: u64,
    /// Always `booked`.
    pub status: &'static str,
}

/// How far a transfer is. It is debited at once in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferStatus {
    /// The receiver has it.
    Settled,
    /// On its way: transfers to a receiver whose name begins with `slow-`, until `Bank::settle`.
    Pending,
    /// At the desk, to be fetched: transfers to a receiver whose name begins with `desk-`, until `Bank::settle`.
    Ready,
    /// The receiver's bank gave it back.
    Returned,
}

/// A transfer that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Return {
    /// The transfer's id.
    pub transfer: String,
    /// What the transfer was about.
    pub reference: String,
    /// Why, as the receiver's bank says.
    pub reason: String,
    /// Unix seconds.
    pub returned_at: u64,
}

/// A transfer, as the judge of a test wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Unique in the bank.
    pub id: String,
    /// How far it is.
    pub status: TransferStatus,
    /// Decimal text.
    pub amount: String,
    /// The receiver.
    pub to: String,
    /// Free text.
    pub reference: String,
    /// The idempotency key, if one was sent.
    pub key: Option<String>,
    /// How many requests asked for it.
    pub asked: u32,
}

/// A notification that an integration sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// Unique in the bank.
    pub id: String,
    /// What it is about.
    pub reference: String,
    /// Free text.
    pub message: String,
    /// The idempotency key, if one was sent.
    pub key: Option<String>,
    /// How many requests asked for it.
    pub asked: u32,
}

/// A whole statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The account's number.
    pub account: String,
    /// Code of the currency.
    pub currency: String,
    /// Its decimals.
    pub decimals: u32,
    /// Decimal text.
    pub opening_balance: String,
    /// Decimal text.
    pub closing_balance: String,
    /// All lines, in the order of booking.
    pub lines: Vec<Line>,
}

/// A transfer that is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferWish {
    pub(crate) to: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) reference: String,
}

/// A notification that is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationWish {
    pub(crate) reference: String,
    pub(crate) message: String,
}
