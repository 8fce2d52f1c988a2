//! SEP-24 transactions, with the names that SEP-24 gives their fields and what the operator needs besides.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod pay_again;
pub(crate) mod release;
pub(crate) mod resolve;
pub(crate) mod retry;
pub(crate) mod show;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use windlass_domain::deposit::DepositState;
use windlass_domain::status::sep24_status;
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::waits::{Waits, waits_for};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{Amount, Asset, Kind, Memo, TimeMs};

use crate::time::iso;

/// A transaction as shown. Amounts are decimal texts.
#[derive(Serialize)]
pub(crate) struct TransactionView {
    id: String,
    kind: &'static str,
    /// SEP-24's.
    status: &'static str,
    /// Ours: more of them than SEP-24 has.
    state: &'static str,
    version: i64,
    asset: String,
    reference: String,
    amount_expected: Option<String>,
    amount_in: Option<String>,
    amount_out: Option<String>,
    amount_fee: Option<String>,
    amount_refunded: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_details: Option<FeeDetails>,
    started_at: String,
    updated_at: String,
    received_at: Option<String>,
    completed_at: Option<String>,
    /// Seconds from now.
    status_eta: Option<i64>,
    /// Until when the user has to pay, while they have not.
    user_action_required_by: Option<String>,
    stellar_transaction_id: Option<String>,
    external_transaction_id: Option<String>,
    message: Option<String>,
    fields: BTreeMap<String, String>,
    #[serde(flatten)]
    direction: Direction,
}

/// SEP-24's `fee_details`.
#[derive(Serialize)]
struct FeeDetails {
    total: String,
    asset: String,
}

/// What only one kind has.
#[derive(Serialize)]
#[serde(untagged)]
enum Direction {
    Deposit {
        amount_out_asset: String,
        to: Option<String>,
        deposit_memo: Option<String>,
        deposit_memo_type: Option<&'static str>,
        instructions: Instructions,
    },
    Withdrawal {
        amount_in_asset: String,
        from: Option<String>,
        withdraw_anchor_account: String,
        withdraw_memo: Option<String>,
        withdraw_memo_type: Option<&'static str>,
    },
}

/// What the user has to do for a deposit: transfer so much, with this text.
#[derive(Serialize)]
struct Instructions {
    reference: String,
    amount: Option<String>,
}

impl TransactionView {
    pub(crate) fn new(transaction: Transaction, now: TimeMs) -> Self {
        let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let sep38 = match &transaction.asset {
            Asset::Native => "stellar:native".to_owned(),
            Asset::Issued { code, issuer } => format!("stellar:{code}:{issuer}"),
        };
        let memo = transaction.memo.as_ref().map(memo_text);
        let memo_type = transaction.memo.as_ref().map(Memo::type_name);
        let (kind, state) = (transaction.kind(), transaction.state);
        let direction = match kind {
            Kind::Deposit => Direction::Deposit {
                amount_out_asset: sep38.clone(),
                to: transaction.account,
                deposit_memo: memo,
                deposit_memo_type: memo_type,
                instructions: Instructions { reference: transaction.reference.clone(), amount: text(transaction.amount_expected) },
            },
            Kind::Withdrawal => Direction::Withdrawal {
                amount_in_asset: sep38.clone(),
                from: transaction.account,
                withdraw_anchor_account: transaction.anchor_account.to_string(),
                withdraw_memo: memo,
                withdraw_memo_type: memo_type,
            },
        };
        Self {
            id: transaction.id.to_string(),
            kind: kind.as_str(),
            status: sep24_status(state),
            state: state.as_str(),
            version: transaction.version,
            asset: transaction.asset.to_string(),
            reference: transaction.reference,
            amount_expected: text(transaction.amount_expected),
            amount_in: text(transaction.amount_in),
            amount_out: text(transaction.amount_out),
            amount_fee: text(transaction.fee),
            amount_refunded: transaction.refunded.to_string(),
            fee_details: transaction.fee.map(|fee| FeeDetails { total: fee.to_string(), asset: sep38 }),
            started_at: iso(transaction.created_at),
            updated_at: iso(transaction.updated_at),
            received_at: transaction.received_at.map(iso),
            completed_at: transaction.completed_at.map(iso),
            user_action_required_by: transaction.expires_at.filter(|_| has_deadline(state)).map(iso),
            status_eta: transaction
                .status_eta
                .filter(|_| waits_for(state) != Waits::Ended)
                .map(|eta| (eta.saturating_sub(now) / 1_000).max(0)),
            stellar_transaction_id: transaction.stellar_transaction_id,
            external_transaction_id: transaction.external_id,
            message: transaction.message,
            fields: transaction.fields.into_iter().collect(),
            direction,
        }
    }
}

/// Is it the user's payment that the transaction waits for?
pub(crate) const fn has_deadline(state: State) -> bool {
    matches!(state, State::Deposit(DepositState::AwaitingFunds) | State::Withdrawal(WithdrawalState::AwaitingPayment))
}

/// A memo as SEP-24 writes it beside its type: hashes in base64.
fn memo_text(memo: &Memo) -> String {
    match memo {
        Memo::Text(text) => text.clone(),
        Memo::Id(id) => id.to_string(),
        Memo::Hash(bytes) | Memo::Return(bytes) => STANDARD.encode(bytes),
    }
}
