//! A SEP-24 transaction: deposit or withdrawal. Never used for a database or ledger transaction.

use serde::{Deserialize, Serialize};

use crate::asset::{Asset, Memo};
use crate::deposit::DepositState;
use crate::ids::{AccountId, Kind, TenantId, TimeMs, TransactionId};
use crate::money::Amount;
use crate::withdrawal::WithdrawalState;

/// A transaction as stored. Its `state` changes only through [`crate::deposit::step`] and [`crate::withdrawal::step`]
/// (money rule 4), and is written only where its `version` is still the one that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Whose.
    pub tenant: TenantId,
    /// The id that wallet, integration and operator see.
    pub id: TransactionId,
    /// Where it stands.
    pub state: State,
    /// Raised by one with every change.
    pub version: i64,
    /// What moves on the ledger.
    pub asset: Asset,
    /// What the user writes on the bank transfer. UNIQUE(tenant, reference).
    pub reference: String,
    /// Deposit: attached to the payment. Withdrawal: what the user's payment has to carry, unique for the account.
    pub memo: Option<Memo>,
    /// Deposit: who is paid (`G…` or `M…`). Withdrawal: who paid, once somebody has.
    pub account: Option<String>,
    /// The tenant's distribution account: pays deposits out, takes withdrawals in.
    pub anchor_account: AccountId,
    /// What the user said would be sent.
    pub amount_expected: Option<Amount>,
    /// What arrived.
    pub amount_in: Option<Amount>,
    /// What the tenant keeps: computed from `amount_in`.
    pub fee: Option<Amount>,
    /// `amount_in - fee - refunded`.
    pub amount_out: Option<Amount>,
    /// What was given back.
    pub refunded: Amount,
    /// Payouts of a withdrawal that the rail gave back: the next one has other keys.
    pub payouts_returned: i64,
    /// The rail's id: of the credit, or of the payout.
    pub external_id: Option<String>,
    /// Hash of the ledger payment, in hex.
    pub stellar_transaction_id: Option<String>,
    /// Why it stands where it stands, for the user.
    pub message: Option<String>,
    /// What the user filled in: names and values, in order.
    pub fields: Vec<(String, String)>,
    /// When it should be done.
    pub status_eta: Option<TimeMs>,
    /// Until when the user's money or payment is waited for; none: for ever (SEP-24 `user_action_required_by`).
    pub expires_at: Option<TimeMs>,
    /// When it was made.
    pub created_at: TimeMs,
    /// When it last changed.
    pub updated_at: TimeMs,
    /// When the money arrived.
    pub received_at: Option<TimeMs>,
    /// When it came to its good end.
    pub completed_at: Option<TimeMs>,
}

impl Transaction {
    /// Deposit or withdrawal.
    pub const fn kind(&self) -> Kind {
        self.state.kind()
    }
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum State {
    /// A deposit's state.
    Deposit(DepositState),
    /// A withdrawal's state.
    Withdrawal(WithdrawalState),
}

impl State {
    /// Deposit or withdrawal.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Deposit(_) => Kind::Deposit,
            Self::Withdrawal(_) => Kind::Withdrawal,
        }
    }

    /// As stored: the state's name without its kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit(state) => state.as_str(),
            Self::Withdrawal(state) => state.as_str(),
        }
    }

    /// From kind and name.
    pub fn from_names(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "deposit" => DepositState::from_name(name).map(Self::Deposit),
            "withdrawal" => WithdrawalState::from_name(name).map(Self::Withdrawal),
            _ => None,
        }
    }
}

impl From<State> for String {
    fn from(state: State) -> Self {
        format!("{}:{}", state.kind().as_str(), state.as_str())
    }
}

impl TryFrom<String> for State {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.split_once(':').and_then(|(kind, name)| Self::from_names(kind, name)).ok_or_else(|| format!("{text:?} is not a state"))
    }
}

/// One line of a transaction's history: append-only, committed with the change it tells of (money rule 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The version that the change made.
    pub version: i64,
    /// Before; none where the transaction was made.
    pub from: Option<State>,
    /// After.
    pub to: State,
    /// The event's name.
    pub event: String,
    /// Who: `driver`, `guest`, `ledger`, or a person's token name.
    pub actor: String,
    /// What was known: a message, a hash, a reason.
    pub detail: Option<String>,
    /// When.
    pub at: TimeMs,
}

/// An event does not fit the state: nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} does not fit a {kind} that is {state}")]
pub struct Refused {
    /// The event's name.
    pub event: &'static str,
    /// `deposit` or `withdrawal`.
    pub kind: &'static str,
    /// The state's name.
    pub state: &'static str,
}
