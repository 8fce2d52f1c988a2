//! A withdrawal's life: one `match (state, event)`, refused by default (money rule 4).

use crate::deposit::states;
use crate::ids::TimeMs;
use crate::money::Amount;
use crate::ports::guest::Payout;
use crate::rules::{Assessment, Money};
use crate::transaction::{Refused, State, Transaction};

states! {
    /// Where a withdrawal stands.
    WithdrawalState {
        /// Account and memo shown, no payment seen.
        AwaitingPayment = "awaiting_payment",
        /// The payment is in the ledger: the payout is to be made.
        Received = "received",
        /// The rail has the payout; days may pass.
        PayoutInProgress = "payout_in_progress",
        /// The user has to fetch it.
        ReadyForPickup = "ready_for_pickup",
        /// The rail gave the money back, perhaps days after it said that it was paid: a person pays again or refunds.
        PayoutReturned = "payout_returned",
        /// The payout was sent and nobody knows, or it is possibly paid: held for a person.
        PayoutHeld = "payout_held",
        /// The user has the money.
        Completed = "completed",
        /// The rail refused; nothing was paid: refundable.
        Refused = "refused",
        /// Too little arrived: kept, refundable.
        TooSmall = "too_small",
        /// Too much arrived: kept, refundable.
        TooLarge = "too_large",
        /// Something about the money needs a person.
        OnHold = "on_hold",
        /// No payment came in time.
        Expired = "expired",
    }
}

/// What can happen to a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalEvent {
    /// The ledger shows the user's payment: assessed by the asset's rules.
    PaymentReceived {
        /// What arrived.
        amount_in: Amount,
        /// What becomes of it.
        assessment: Assessment,
        /// Who paid.
        from: String,
        /// Hash of the payment's transaction, in hex.
        hash: String,
    },
    /// The deadline for the payment has passed.
    DeadlinePassed,
    /// A person says: what arrived is paid out, whatever limit held it.
    Released {
        /// Fee and out, computed anew.
        money: Money,
    },
    /// The hook made the payout, by the journal's word too.
    PaidOut(Payout),
    /// A poll says: the user has the money.
    Delivered,
    /// A poll says: still under way.
    StillInProgress {
        /// When it should be done.
        eta: Option<TimeMs>,
    },
    /// A poll says: the rail gave the money back. Also possible days after it was paid.
    Returned {
        /// For the user.
        message: String,
    },
    /// A person says: what came back is paid out again, under new keys.
    PaidAgain,
    /// The hook refused and the journal says that nothing was paid.
    PayoutRefused {
        /// For the user.
        message: String,
    },
    /// The payout's outcome is unknown, or contradicts the hook.
    PayoutUnknown {
        /// For the operator.
        message: String,
    },
    /// A person says: the payout was made.
    ResolvedPaid {
        /// The rail's id.
        external_id: String,
    },
    /// A person says: the payout was not made; it is made again.
    ResolvedNotPaid,
}

impl WithdrawalEvent {
    /// The event's name in the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PaymentReceived { .. } => "payment_received",
            Self::DeadlinePassed => "deadline_passed",
            Self::Released { .. } => "released",
            Self::PaidOut(_) => "paid_out",
            Self::Delivered => "delivered",
            Self::StillInProgress { .. } => "still_in_progress",
            Self::Returned { .. } => "returned",
            Self::PaidAgain => "paid_again",
            Self::PayoutRefused { .. } => "payout_refused",
            Self::PayoutUnknown { .. } => "payout_unknown",
            Self::ResolvedPaid { .. } => "resolved_paid",
            Self::ResolvedNotPaid => "resolved_not_paid",
        }
    }
}

/// The withdrawal after the event, or why the event does not fit. Nothing else changes a withdrawal's state.
pub fn step(before: &Transaction, event: &WithdrawalEvent, now: TimeMs) -> Result<Transaction, Refused> {
    use WithdrawalEvent as E;
    use WithdrawalState as S;
    let State::Withdrawal(state) = before.state else {
        return Err(Refused { event: event.name(), kind: before.kind().as_str(), state: before.state.as_str() });
    };
    let mut after = before.clone();
    let next = match (state, event) {
        // A late payment revives: whether it may is the asset's rule.
        (S::AwaitingPayment | S::Expired, E::PaymentReceived { amount_in, assessment, from, hash }) => {
            after.amount_in = Some(*amount_in);
            after.account = Some(from.clone());
            after.stellar_transaction_id = Some(hash.clone());
            after.received_at = Some(now);
            match assessment {
                Assessment::Accepted(money) => {
                    after.fee = Some(money.fee);
                    after.amount_out = Some(money.amount_out);
                    S::Received
                }
                Assessment::TooSmall(message) => {
                    after.message = Some(message.clone());
                    S::TooSmall
                }
                Assessment::TooLarge(message) => {
                    after.message = Some(message.clone());
                    S::TooLarge
                }
                Assessment::OnHold(message) => {
                    after.message = Some(message.clone());
                    S::OnHold
                }
            }
        }
        (S::AwaitingPayment, E::DeadlinePassed) => S::Expired,
        (S::TooSmall | S::TooLarge | S::OnHold, E::Released { money }) => {
            after.fee = Some(money.fee);
            after.amount_out = Some(money.amount_out);
            after.message = None;
            S::Received
        }
        (S::Received | S::PayoutHeld, E::PaidOut(payout)) => match payout {
            Payout::Paid { external_id } => {
                complete(&mut after, external_id, now);
                S::Completed
            }
            Payout::InProgress { external_id, eta } => {
                after.external_id = Some(external_id.clone());
                after.status_eta = *eta;
                after.message = None;
                S::PayoutInProgress
            }
            Payout::ReadyForPickup { external_id, instructions } => {
                after.external_id = Some(external_id.clone());
                after.message = Some(instructions.clone());
                S::ReadyForPickup
            }
        },
        (S::PayoutInProgress | S::ReadyForPickup, E::Delivered) => {
            after.completed_at = Some(now);
            after.message = None;
            S::Completed
        }
        (S::PayoutInProgress, E::StillInProgress { eta }) => {
            after.status_eta = *eta;
            S::PayoutInProgress
        }
        // The rail's id stays, for whoever asks the rail; when it was paid is no longer true.
        (S::PayoutInProgress | S::ReadyForPickup | S::Completed, E::Returned { message }) => {
            after.payouts_returned += 1;
            after.completed_at = None;
            after.status_eta = None;
            after.message = Some(message.clone());
            S::PayoutReturned
        }
        (S::PayoutReturned, E::PaidAgain) => {
            after.external_id = None;
            after.message = None;
            S::Received
        }
        (S::Received, E::PayoutRefused { message }) => {
            after.message = Some(message.clone());
            S::Refused
        }
        (S::Received, E::PayoutUnknown { message }) => {
            after.message = Some(message.clone());
            S::PayoutHeld
        }
        (S::Received | S::PayoutHeld | S::PayoutInProgress | S::ReadyForPickup | S::PayoutReturned, E::ResolvedPaid { external_id }) => {
            complete(&mut after, external_id, now);
            S::Completed
        }
        (S::PayoutHeld, E::ResolvedNotPaid) => {
            after.message = None;
            S::Received
        }
        _ => return Err(Refused { event: event.name(), kind: "withdrawal", state: state.as_str() }),
    };
    after.state = State::Withdrawal(next);
    after.version += 1;
    after.updated_at = now;
    Ok(after)
}

fn complete(after: &mut Transaction, external_id: &str, now: TimeMs) {
    after.external_id = Some(external_id.to_owned());
    after.completed_at = Some(now);
    after.message = None;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::status::tests::transaction;

    /// One of each, with every outcome.
    pub(crate) fn events() -> Vec<WithdrawalEvent> {
        let money = Money { amount_in: Amount::from_units(10), fee: Amount::from_units(1), amount_out: Amount::from_units(9) };
        let received = |assessment| WithdrawalEvent::PaymentReceived {
            amount_in: Amount::from_units(10),
            assessment,
            from: "G".into(),
            hash: "h".into(),
        };
        let id = || "p1".to_owned();
        vec![
            received(Assessment::Accepted(money)),
            received(Assessment::TooSmall("m".into())),
            received(Assessment::TooLarge("m".into())),
            received(Assessment::OnHold("m".into())),
            WithdrawalEvent::DeadlinePassed,
            WithdrawalEvent::Released { money },
            WithdrawalEvent::PaidOut(Payout::Paid { external_id: id() }),
            WithdrawalEvent::PaidOut(Payout::InProgress { external_id: id(), eta: None }),
            WithdrawalEvent::PaidOut(Payout::ReadyForPickup { external_id: id(), instructions: "desk 3".into() }),
            WithdrawalEvent::Delivered,
            WithdrawalEvent::StillInProgress { eta: Some(9) },
            WithdrawalEvent::Returned { message: "m".into() },
            WithdrawalEvent::PaidAgain,
            WithdrawalEvent::PayoutRefused { message: "m".into() },
            WithdrawalEvent::PayoutUnknown { message: "m".into() },
            WithdrawalEvent::ResolvedPaid { external_id: id() },
            WithdrawalEvent::ResolvedNotPaid,
        ]
    }

    /// As in [`crate::deposit`]: every pair.
    #[test]
    fn rule_4_every_pair_of_state_and_event() {
        let none = "- - - - - - - - - - - - - - - - -";
        let table = [
            ("awaiting_payment", "received too_small too_large on_hold expired - - - - - - - - - - - -"),
            ("received", "- - - - - - completed payout_in_progress ready_for_pickup - - - - refused payout_held completed -"),
            ("payout_in_progress", "- - - - - - - - - completed payout_in_progress payout_returned - - - completed -"),
            ("ready_for_pickup", "- - - - - - - - - completed - payout_returned - - - completed -"),
            ("payout_returned", "- - - - - - - - - - - - received - - completed -"),
            ("payout_held", "- - - - - - completed payout_in_progress ready_for_pickup - - - - - - completed received"),
            ("completed", "- - - - - - - - - - - payout_returned - - - - -"),
            ("refused", none),
            ("too_small", "- - - - - received - - - - - - - - - - -"),
            ("too_large", "- - - - - received - - - - - - - - - - -"),
            ("on_hold", "- - - - - received - - - - - - - - - - -"),
            ("expired", "received too_small too_large on_hold - - - - - - - - - - - - -"),
        ];
        assert_eq!(table.len(), WithdrawalState::ALL.len());
        for (name, row) in table {
            let before = transaction(State::Withdrawal(WithdrawalState::from_name(name).unwrap()));
            let seen: Vec<String> = events()
                .iter()
                .map(|event| step(&before, event, 7).map_or("-".to_owned(), |after| after.state.as_str().to_owned()))
                .collect();
            assert_eq!(seen.join(" "), row, "{name}");
        }
    }
}
