//! What a poll of the payouts reports is the guest's word: each update is checked against the tenant's own withdrawals and
//! their states. A bad one is refused by name, the others go on.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::commit::Write;
use windlass_domain::ids::{TimeMs, TransactionId};
use windlass_domain::job::{LogLevel, LogLine};
use windlass_domain::ports::guest::{PayoutPoll, PayoutProgress};
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::withdrawal::{self, WithdrawalEvent, WithdrawalState as W};

use crate::poll::Checked;

/// Transactions that the poll names; ids that are none are left out here and refused in [`check`].
pub(crate) fn named(poll: &PayoutPoll) -> Vec<TransactionId> {
    let ids: BTreeSet<&String> = poll.updates.iter().map(|(id, _)| id).collect();
    ids.into_iter().filter_map(|id| TransactionId::new(id.clone()).ok()).collect()
}

/// Purely: what each update writes. `transactions` are the tenant's own, of those [`named`].
pub(crate) fn check(poll: &PayoutPoll, transactions: Vec<Transaction>, now: TimeMs) -> Checked {
    let mut transactions: BTreeMap<String, Transaction> = transactions.into_iter().map(|one| (one.id.to_string(), one)).collect();
    let mut checked = Checked::default();
    for (id, progress) in &poll.updates {
        let outcome = match transactions.get(id) {
            None => Err("the tenant has no transaction with this id".to_owned()),
            Some(before) => change(before, progress, now),
        };
        match outcome {
            Ok(None) => {}
            Ok(Some((after, write))) => {
                checked.writes.push(write);
                transactions.insert(id.clone(), after);
            }
            Err(reason) => {
                let message = format!("update {progress:?} of {id:?} is refused: {reason}");
                checked.refused.push(LogLine { level: LogLevel::Warn, at: now, message: crate::printable(&message) });
            }
        }
    }
    checked
}

/// The withdrawal after the update, and its write; none where the update says what is known already.
fn change(before: &Transaction, progress: &PayoutProgress, now: TimeMs) -> Result<Option<(Transaction, Write)>, String> {
    let State::Withdrawal(state) = before.state else { return Err("it is a deposit".to_owned()) };
    let event = match (progress, state) {
        (PayoutProgress::Delivered, W::Completed) => return Ok(None),
        (PayoutProgress::InProgress(eta), W::PayoutInProgress) if *eta == before.status_eta => return Ok(None),
        (PayoutProgress::Returned(_), W::PayoutReturned) => return Ok(None),
        (PayoutProgress::Delivered, _) => WithdrawalEvent::Delivered,
        (PayoutProgress::InProgress(eta), _) => WithdrawalEvent::StillInProgress { eta: *eta },
        (PayoutProgress::Returned(message), _) => WithdrawalEvent::Returned { message: crate::printable(message) },
    };
    let after = withdrawal::step(before, &event, now).map_err(|refused| refused.to_string())?;
    let detail = match &event {
        WithdrawalEvent::Returned { message } => Some(format!("{}: {message}", before.external_id.as_deref().unwrap_or("the payout"))),
        _ => before.external_id.clone(),
    };
    let changed = Write::changed(before, &after, event.name(), "guest", detail);
    Ok(Some((after, changed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::deposit::DepositState;
    use windlass_domain::{AccountId, Amount, Asset, TenantId};

    fn transaction(number: u8, state: State) -> Transaction {
        Transaction {
            tenant: TenantId::new("acme").unwrap(),
            id: TransactionId::from_bits([number; 16]),
            state,
            version: 3,
            asset: Asset::Native,
            reference: format!("REF{number}"),
            memo: None,
            account: None,
            anchor_account: AccountId::new(format!("G{}", "A".repeat(55))).unwrap(),
            amount_expected: None,
            amount_in: None,
            fee: None,
            amount_out: None,
            refunded: Amount::ZERO,
            payouts_returned: 0,
            external_id: Some(format!("tr-{number}")),
            stellar_transaction_id: None,
            message: None,
            fields: vec![],
            status_eta: None,
            expires_at: None,
            created_at: 0,
            updated_at: 0,
            received_at: None,
            completed_at: None,
        }
    }

    /// What one update makes of a withdrawal in a state: its state, `-` for nothing new, `!` for refused.
    fn outcome(state: W, progress: PayoutProgress) -> String {
        let before = transaction(1, State::Withdrawal(state));
        let poll = PayoutPoll { updates: vec![(before.id.to_string(), progress)], more: false };
        let checked = check(&poll, vec![before], 7);
        match (checked.writes.as_slice(), checked.refused.len()) {
            ([Write::Transaction { after, .. }], 0) => after.state.as_str().to_owned(),
            ([], 0) => "-".to_owned(),
            ([], 1) => "!".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_update_in_every_state() {
        let updates = || {
            [
                PayoutProgress::Delivered,
                PayoutProgress::InProgress(None),
                PayoutProgress::InProgress(Some(9)),
                PayoutProgress::Returned("m".into()),
            ]
        };
        for state in W::ALL {
            let expected = match state {
                W::PayoutInProgress => "completed - payout_in_progress payout_returned",
                W::ReadyForPickup => "completed ! ! payout_returned",
                W::Completed => "- ! ! payout_returned",
                W::PayoutReturned => "! ! ! -",
                _ => "! ! ! !",
            };
            let seen: Vec<String> = updates().into_iter().map(|update| outcome(*state, update)).collect();
            assert_eq!(seen.join(" "), expected, "{state:?}");
        }
    }

    #[test]
    fn a_bad_update_is_refused_by_name_and_the_others_go_on() {
        let slow = transaction(1, State::Withdrawal(W::PayoutInProgress));
        let deposit = transaction(2, State::Deposit(DepositState::Ready));
        let update = |id: &str| (id.to_owned(), PayoutProgress::Delivered);
        let foreign = TransactionId::from_bits([9; 16]).to_string();
        let poll = PayoutPoll {
            updates: vec![update("no id"), update(&foreign), update(deposit.id.as_str()), update(slow.id.as_str())],
            more: false,
        };
        assert_eq!(named(&poll).len(), 3);
        let checked = check(&poll, vec![slow, deposit], 7);
        let reasons: Vec<String> = checked.refused.iter().map(|line| line.message.clone()).collect();
        assert_eq!(
            reasons.iter().map(|reason| reason.rsplit(": ").next().unwrap_or_default()).collect::<Vec<_>>(),
            ["the tenant has no transaction with this id", "the tenant has no transaction with this id", "it is a deposit"]
        );
        assert_eq!(checked.writes.len(), 1);
    }

    #[test]
    fn delivered_and_then_returned_in_one_poll_is_two_changes() {
        let slow = transaction(1, State::Withdrawal(W::PayoutInProgress));
        let id = slow.id.to_string();
        let poll = PayoutPoll {
            updates: vec![(id.clone(), PayoutProgress::Delivered), (id, PayoutProgress::Returned("closed".into()))],
            more: false,
        };
        let states: Vec<(i64, &str)> = check(&poll, vec![slow], 7)
            .writes
            .iter()
            .map(|write| match write {
                Write::Transaction { before, after, .. } => (before.1, after.state.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(states, [(3, "completed"), (4, "payout_returned")]);
    }
}
