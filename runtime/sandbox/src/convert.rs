//! The domain's values and the contract's. What a hook returns is checked for the contract's bounds; ids and amounts stay
//! the guest's word.

use windlass_domain::asset::{Asset, Memo};
use windlass_domain::job::HookError;
use windlass_domain::limits::POLL_UPDATES;
use windlass_domain::ports::guest::{DepositPoll, DepositUpdate, Found, Payout, PayoutPoll, PayoutProgress, UnmatchedCredit};
use windlass_domain::tenant::IncomingPayment;
use windlass_domain::transaction::Transaction;
use windlass_domain::{Amount, Kind, TimeMs};

use crate::bindings::anchor::types as wit;
use crate::bindings::deposits::exports::windlass::anchor::deposits as wit_deposits;
use crate::bindings::payout_status::exports::windlass::anchor::payout_status as wit_status;
use crate::bindings::payouts::exports::windlass::anchor::payouts as wit_payouts;
use crate::bindings::withdrawals::exports::windlass::anchor::withdrawals as wit_withdrawals;

/// What a hook returned breaks a bound of the contract: which.
pub(crate) type Checked<T> = Result<T, String>;

const ID_BYTES: usize = 128;
const MESSAGE_BYTES: usize = 1_024;
const REFERENCE_BYTES: usize = 512;

/// A time for the guest.
pub(crate) fn time_out(time: TimeMs) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

fn time_in(what: &str, time: Option<u64>) -> Checked<Option<TimeMs>> {
    time.map(|time| TimeMs::try_from(time).map_err(|_| format!("{what}: {time} is no time"))).transpose()
}

fn text_in(what: &str, text: String, least: usize, most: usize) -> Checked<String> {
    if (least..=most).contains(&text.len()) {
        Ok(text)
    } else {
        Err(format!("{what}: {} bytes, {least} to {most} are allowed", text.len()))
    }
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

fn list_in<T, U>(what: &str, list: Vec<T>, each: impl Fn(String, T) -> Checked<U>) -> Checked<Vec<U>> {
    if list.len() > POLL_UPDATES {
        return Err(format!("{what}: {} of them, at most {POLL_UPDATES} are allowed", list.len()));
    }
    list.into_iter().enumerate().map(|(index, item)| each(format!("{what}[{index}]"), item)).collect()
}

fn asset_out(asset: &Asset) -> wit::Asset {
    wit::Asset { code: asset.code().to_owned(), issuer: asset.issuer().map(|issuer| issuer.as_str().to_owned()) }
}

fn memo_out(memo: &Memo) -> wit::Memo {
    match memo {
        Memo::Text(text) => wit::Memo::Text(text.clone()),
        Memo::Id(id) => wit::Memo::Id(*id),
        Memo::Hash(bytes) => wit::Memo::Hash(bytes.to_vec()),
        Memo::Return(bytes) => wit::Memo::ReturnHash(bytes.to_vec()),
    }
}

/// A transaction, as the guest sees it.
pub(crate) fn transaction_out(transaction: &Transaction) -> wit::Transaction {
    wit::Transaction {
        id: transaction.id.as_str().to_owned(),
        kind: match transaction.kind() {
            Kind::Deposit => wit::Kind::Deposit,
            Kind::Withdrawal => wit::Kind::Withdrawal,
        },
        reference: transaction.reference.clone(),
        memo: transaction.memo.as_ref().map(memo_out),
        account: transaction.account.clone(),
        asset: asset_out(&transaction.asset),
        amount_expected: transaction.amount_expected.map(Amount::units),
        amount_in: transaction.amount_in.map(Amount::units),
        fee: transaction.fee.map(Amount::units),
        amount_out: transaction.amount_out.map(Amount::units),
        external_id: transaction.external_id.clone(),
        stellar_transaction_id: transaction.stellar_transaction_id.clone(),
        fields: transaction.fields.iter().map(|(name, value)| wit::Field { name: name.clone(), value: value.clone() }).collect(),
        created_at: time_out(transaction.created_at),
        received_at: transaction.received_at.map(time_out),
        completed_at: transaction.completed_at.map(time_out),
    }
}

/// The payment that paid for a withdrawal.
pub(crate) fn payment_out(payment: &IncomingPayment) -> wit_withdrawals::Payment {
    wit_withdrawals::Payment {
        transaction_hash: payment.transaction_hash.clone(),
        operation_index: payment.operation_index,
        from_account: payment.from.clone(),
        amount: payment.amount.units(),
        asset: asset_out(&payment.asset),
        memo: payment.memo.as_ref().map(memo_out),
        ledger: payment.ledger,
        closed_at: time_out(payment.closed_at),
    }
}

/// A hook's error. Messages are cut, not refused: what the hook meant decides about money, its text does not.
pub(crate) fn error_in(error: wit::Error) -> HookError {
    let cut = |text| cut(text, MESSAGE_BYTES);
    match error {
        wit::Error::TryLater(delay_ms) => HookError::TryLater(delay_ms),
        wit::Error::Refused(text) => HookError::Refused(cut(text)),
        wit::Error::Misconfigured(text) => HookError::Misconfigured(cut(text)),
        wit::Error::UnexpectedResponse(text) => HookError::UnexpectedResponse(cut(text)),
    }
}

/// What `poll-pending-deposits` returned. Only the lists are bounded here: each item is checked by itself where the poll is
/// taken in, so that one bad item does not stop the others. What payers and banks wrote is cut, never a reason to fail.
pub(crate) fn deposit_poll_in(poll: wit_deposits::Poll) -> Checked<DepositPoll> {
    Ok(DepositPoll {
        updates: list_in("updates", poll.updates, |_, update| Ok(deposit_update_in(update)))?,
        unmatched: list_in("unmatched", poll.unmatched, |_, credit| {
            let (amount, reference) = (Amount::from_units(credit.amount), cut(credit.reference, REFERENCE_BYTES));
            Ok(UnmatchedCredit { external_id: credit.external_id, amount, reference })
        })?,
        more: poll.more,
    })
}

fn deposit_update_in(update: wit_deposits::DepositUpdate) -> DepositUpdate {
    match update {
        wit_deposits::DepositUpdate::Received(received) => {
            DepositUpdate::Received { id: received.id, amount: Amount::from_units(received.amount), external_id: received.external_id }
        }
        wit_deposits::DepositUpdate::SeenPending(seen) => {
            DepositUpdate::SeenPending { id: seen.id, eta: seen.eta.and_then(|eta| TimeMs::try_from(eta).ok()) }
        }
        wit_deposits::DepositUpdate::Failed(failed) => DepositUpdate::Failed { id: failed.id, message: cut(failed.message, MESSAGE_BYTES) },
    }
}

/// What `process-withdrawal` returned, or `look-up` found.
pub(crate) fn payout_in(payout: wit::Payout) -> Checked<Payout> {
    let id_in = |id| text_in("external-id", id, 1, ID_BYTES);
    Ok(match payout {
        wit::Payout::Paid(paid) => Payout::Paid { external_id: id_in(paid.external_id)? },
        wit::Payout::InProgress(under_way) => {
            Payout::InProgress { external_id: id_in(under_way.external_id)?, eta: time_in("eta", under_way.eta)? }
        }
        wit::Payout::ReadyForPickup(pickup) => Payout::ReadyForPickup {
            external_id: id_in(pickup.external_id)?,
            instructions: text_in("instructions", pickup.instructions, 0, MESSAGE_BYTES)?,
        },
    })
}

/// What `poll-pending-payouts` returned.
pub(crate) fn payout_poll_in(poll: wit_payouts::PayoutPoll) -> Checked<PayoutPoll> {
    let updates = list_in("updates", poll.updates, |at, update| {
        let progress = match update.progress {
            wit_payouts::PayoutProgress::Delivered => PayoutProgress::Delivered,
            wit_payouts::PayoutProgress::InProgress(eta) => PayoutProgress::InProgress(time_in(&format!("{at}.eta"), eta)?),
            wit_payouts::PayoutProgress::Returned(text) => {
                PayoutProgress::Returned(text_in(&format!("{at}.returned"), text, 0, MESSAGE_BYTES)?)
            }
        };
        Ok((text_in(&format!("{at}.id"), update.id, 1, ID_BYTES)?, progress))
    })?;
    Ok(PayoutPoll { updates, more: poll.more })
}

/// What `look-up` returned.
pub(crate) fn found_in(found: wit_status::Found) -> Checked<Found> {
    Ok(match found {
        wit_status::Found::Found(payout) => Found::Found(payout_in(payout)?),
        wit_status::Found::NotFound => Found::NotFound,
        wit_status::Found::CannotTell => Found::CannotTell,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(id: &str, external_id: &str) -> wit_deposits::DepositUpdate {
        wit_deposits::DepositUpdate::Received(wit_deposits::Received { id: id.into(), amount: -5, external_id: external_id.into() })
    }

    #[test]
    fn what_breaks_a_bound_is_named_with_its_place() {
        let poll = |updates, unmatched| deposit_poll_in(wit_deposits::Poll { updates, unmatched, more: false });
        let long = "x".repeat(2_000);
        let too_many = Err("updates: 1001 of them, at most 1000 are allowed".to_owned());
        assert_eq!(poll(vec![received("a", "b"); 1_001], vec![]), too_many);
        assert_eq!(poll(vec![received("a", "b"); 1_000], vec![]).unwrap().updates.len(), 1_000);
        let pickup = wit::PayoutPickup { external_id: "a".into(), instructions: long };
        assert_eq!(payout_in(wit::Payout::ReadyForPickup(pickup)), Err("instructions: 2000 bytes, 0 to 1024 are allowed".into()));
    }

    #[test]
    fn what_payers_wrote_is_cut_and_stops_nothing() {
        let failed = wit_deposits::DepositUpdate::Failed(wit_deposits::Failed { id: "a".into(), message: "x".repeat(2_000) });
        let seen = wit_deposits::DepositUpdate::SeenPending(wit_deposits::SeenPending { id: "a".into(), eta: Some(u64::MAX) });
        let credit = wit_deposits::UnmatchedCredit { external_id: "a".into(), amount: 1, reference: "\u{e4}".repeat(300) };
        let poll = deposit_poll_in(wit_deposits::Poll { updates: vec![failed, seen], unmatched: vec![credit], more: false }).unwrap();
        let cut = DepositUpdate::Failed { id: "a".into(), message: "x".repeat(1_024) };
        assert_eq!(poll.updates, [cut, DepositUpdate::SeenPending { id: "a".into(), eta: None }]);
        assert_eq!(poll.unmatched[0].reference, "\u{e4}".repeat(256));
    }

    #[test]
    fn a_long_error_is_cut_and_keeps_its_kind() {
        assert_eq!(error_in(wit::Error::Refused("\u{e4}".repeat(600))), HookError::Refused("\u{e4}".repeat(512)));
    }
}
