//! A deposit's life: one `match (state, event)`, refused by default (money rule 4).

use crate::ids::TimeMs;
use crate::money::Amount;
use crate::rules::{Assessment, Money};
use crate::transaction::{Refused, State, Transaction};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$case),+];

            /// As stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $text),+ }
            }

            /// From [`Self::as_str`].
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$case),)+ _ => None }
            }
        }
    };
}
pub(crate) use states;

states! {
    /// Where a deposit stands.
    DepositState {
        /// Instructions shown, no money seen.
        AwaitingFunds = "awaiting_funds",
        /// The bank has seen it; not settled.
        SeenPending = "seen_pending",
        /// Money is there: to be paid on the ledger.
        Ready = "ready",
        /// An envelope with its payment is signed and stored; nothing was sent yet.
        Signed = "signed",
        /// The envelope was sent at least once; no verdict.
        Submitted = "submitted",
        /// The account does not exist: an envelope that makes it is signed and stored; nothing was sent yet.
        CreationSigned = "creation_signed",
        /// The envelope that makes the account was sent at least once; no verdict.
        CreationSubmitted = "creation_submitted",
        /// The account cannot take the asset yet: missing, no trustline, not authorised, full, or without the memo it asks for.
        PendingTrust = "pending_trust",
        /// The ledger refused the payment for another reason: waits for a person.
        LedgerRefused = "ledger_refused",
        /// Paid on the ledger.
        Completed = "completed",
        /// Too little arrived: kept, refundable.
        TooSmall = "too_small",
        /// Too much arrived: kept, refundable.
        TooLarge = "too_large",
        /// Something about the money needs a person.
        OnHold = "on_hold",
        /// The bank says that it will not come.
        Failed = "failed",
        /// No money came in time.
        Expired = "expired",
    }
}

/// What can happen to a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositEvent {
    /// The bank has the money: assessed by the asset's rules.
    FundsReceived {
        /// What arrived.
        amount_in: Amount,
        /// What becomes of it.
        assessment: Assessment,
        /// The bank's id of the credit.
        external_id: String,
    },
    /// The bank has seen it.
    FundsSeen {
        /// When it should be settled.
        eta: Option<TimeMs>,
    },
    /// The bank says that it will not come.
    FundsFailed {
        /// For the user.
        message: String,
    },
    /// The deadline for the money has passed.
    DeadlinePassed,
    /// A person says: what arrived is paid out, whatever limit held it.
    Released {
        /// Fee and out, computed anew.
        money: Money,
    },
    /// The making of its account is in a signed, stored envelope.
    CreationSigned,
    /// The ledger's record shows the account that was made for it.
    AccountCreated,
    /// Its payment is in a signed, stored envelope.
    EnvelopeSigned,
    /// The envelope left, or may have.
    EnvelopeSent,
    /// The ledger's record shows the payment.
    LedgerPaid {
        /// Hash of the envelope, in hex.
        hash: String,
    },
    /// It is to be paid, and something keeps it: the anchor's account, the ledger.
    PaymentWaits {
        /// For the user and the operator.
        message: String,
    },
    /// The account cannot take the asset.
    CannotReceive {
        /// For the user.
        message: String,
    },
    /// The account can take the asset now.
    CanReceive,
    /// The ledger's record shows that the payment failed, for a reason that time alone does not mend.
    LedgerRefusedIt {
        /// Decoded codes.
        message: String,
    },
    /// The envelope came to nothing (dead, or failed by another payment in it): a new one may be built.
    EnvelopeVoid {
        /// Why.
        message: String,
    },
    /// A person says: try again.
    Retry,
}

impl DepositEvent {
    /// The event's name in the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FundsReceived { .. } => "funds_received",
            Self::FundsSeen { .. } => "funds_seen",
            Self::FundsFailed { .. } => "funds_failed",
            Self::DeadlinePassed => "deadline_passed",
            Self::Released { .. } => "released",
            Self::CreationSigned => "creation_signed",
            Self::AccountCreated => "account_created",
            Self::EnvelopeSigned => "envelope_signed",
            Self::EnvelopeSent => "envelope_sent",
            Self::LedgerPaid { .. } => "ledger_paid",
            Self::PaymentWaits { .. } => "payment_waits",
            Self::CannotReceive { .. } => "cannot_receive",
            Self::CanReceive => "can_receive",
            Self::LedgerRefusedIt { .. } => "ledger_refused",
            Self::EnvelopeVoid { .. } => "envelope_void",
            Self::Retry => "retry",
        }
    }
}

/// The deposit after the event, or why the event does not fit. Nothing else changes a deposit's state.
pub fn step(before: &Transaction, event: &DepositEvent, now: TimeMs) -> Result<Transaction, Refused> {
    use DepositEvent as E;
    use DepositState as S;
    let State::Deposit(state) = before.state else {
        return Err(Refused { event: event.name(), kind: before.kind().as_str(), state: before.state.as_str() });
    };
    let mut after = before.clone();
    let next = match (state, event) {
        // Late money revives: whether it may is the asset's rule, or a person's word.
        (S::AwaitingFunds | S::SeenPending | S::Expired | S::Failed, E::FundsReceived { amount_in, assessment, external_id }) => {
            after.amount_in = Some(*amount_in);
            after.external_id = Some(external_id.clone());
            after.received_at = Some(now);
            after.status_eta = None;
            after.message = None;
            match assessment {
                Assessment::Accepted(money) => {
                    after.fee = Some(money.fee);
                    after.amount_out = Some(money.amount_out);
                    S::Ready
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
        (S::AwaitingFunds | S::SeenPending, E::FundsSeen { eta }) => {
            after.status_eta = *eta;
            S::SeenPending
        }
        (S::AwaitingFunds | S::SeenPending, E::FundsFailed { message }) => {
            after.message = Some(message.clone());
            S::Failed
        }
        (S::AwaitingFunds, E::DeadlinePassed) => S::Expired,
        (S::TooSmall | S::TooLarge | S::OnHold, E::Released { money }) => {
            after.fee = Some(money.fee);
            after.amount_out = Some(money.amount_out);
            after.message = None;
            S::Ready
        }
        (S::Ready, E::EnvelopeSigned) => {
            after.message = None;
            S::Signed
        }
        (S::Ready, E::PaymentWaits { message }) => {
            after.message = Some(message.clone());
            S::Ready
        }
        (S::Signed, E::EnvelopeSent) => S::Submitted,
        (S::Ready, E::CreationSigned) => S::CreationSigned,
        (S::CreationSigned, E::EnvelopeSent) => S::CreationSubmitted,
        // To be planned again: now the payment, or the wait for a trustline.
        (S::CreationSigned | S::CreationSubmitted, E::AccountCreated) => S::Ready,
        (S::Signed | S::Submitted, E::LedgerPaid { hash }) => {
            after.stellar_transaction_id = Some(hash.clone());
            after.completed_at = Some(now);
            after.message = None;
            S::Completed
        }
        (S::Ready | S::Signed | S::Submitted | S::PendingTrust, E::CannotReceive { message }) => {
            after.message = Some(message.clone());
            S::PendingTrust
        }
        (S::PendingTrust, E::CanReceive) => {
            after.message = None;
            S::Ready
        }
        (S::Signed | S::Submitted | S::CreationSigned | S::CreationSubmitted, E::LedgerRefusedIt { message }) => {
            after.message = Some(message.clone());
            S::LedgerRefused
        }
        (S::Signed | S::Submitted | S::CreationSigned | S::CreationSubmitted, E::EnvelopeVoid { message }) => {
            after.message = Some(message.clone());
            S::Ready
        }
        (S::LedgerRefused | S::PendingTrust, E::Retry) => {
            after.message = None;
            S::Ready
        }
        _ => return Err(Refused { event: event.name(), kind: "deposit", state: state.as_str() }),
    };
    after.state = State::Deposit(next);
    after.version += 1;
    after.updated_at = now;
    Ok(after)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::status::tests::transaction;

    /// One of each, with every outcome.
    pub(crate) fn events() -> Vec<DepositEvent> {
        let money = Money { amount_in: Amount::from_units(10), fee: Amount::from_units(1), amount_out: Amount::from_units(9) };
        let received = |assessment| DepositEvent::FundsReceived { amount_in: Amount::from_units(10), assessment, external_id: "c1".into() };
        vec![
            received(Assessment::Accepted(money)),
            received(Assessment::TooSmall("m".into())),
            received(Assessment::TooLarge("m".into())),
            received(Assessment::OnHold("m".into())),
            DepositEvent::FundsSeen { eta: Some(5) },
            DepositEvent::FundsFailed { message: "m".into() },
            DepositEvent::DeadlinePassed,
            DepositEvent::Released { money },
            DepositEvent::EnvelopeSigned,
            DepositEvent::EnvelopeSent,
            DepositEvent::LedgerPaid { hash: "h".into() },
            DepositEvent::PaymentWaits { message: "m".into() },
            DepositEvent::CannotReceive { message: "m".into() },
            DepositEvent::CanReceive,
            DepositEvent::LedgerRefusedIt { message: "m".into() },
            DepositEvent::EnvelopeVoid { message: "m".into() },
            DepositEvent::Retry,
            DepositEvent::CreationSigned,
            DepositEvent::AccountCreated,
        ]
    }

    /// Every pair of state and event, so that a new arm shows here: the states that an event leads to, in the order of
    /// `events`; `-` where it is refused.
    #[test]
    fn rule_4_every_pair_of_state_and_event() {
        let table = [
            ("awaiting_funds", "ready too_small too_large on_hold seen_pending failed expired - - - - - - - - - - - -"),
            ("seen_pending", "ready too_small too_large on_hold seen_pending failed - - - - - - - - - - - - -"),
            ("ready", "- - - - - - - - signed - - ready pending_trust - - - - creation_signed -"),
            ("signed", "- - - - - - - - - submitted completed - pending_trust - ledger_refused ready - - -"),
            ("submitted", "- - - - - - - - - - completed - pending_trust - ledger_refused ready - - -"),
            ("creation_signed", "- - - - - - - - - creation_submitted - - - - ledger_refused ready - - ready"),
            ("creation_submitted", "- - - - - - - - - - - - - - ledger_refused ready - - ready"),
            ("pending_trust", "- - - - - - - - - - - - pending_trust ready - - ready - -"),
            ("ledger_refused", "- - - - - - - - - - - - - - - - ready - -"),
            ("completed", "- - - - - - - - - - - - - - - - - - -"),
            ("too_small", "- - - - - - - ready - - - - - - - - - - -"),
            ("too_large", "- - - - - - - ready - - - - - - - - - - -"),
            ("on_hold", "- - - - - - - ready - - - - - - - - - - -"),
            ("failed", "ready too_small too_large on_hold - - - - - - - - - - - - - - -"),
            ("expired", "ready too_small too_large on_hold - - - - - - - - - - - - - - -"),
        ];
        assert_eq!(table.len(), DepositState::ALL.len());
        for (name, row) in table {
            let before = transaction(State::Deposit(DepositState::from_name(name).unwrap()));
            let seen: Vec<String> = events()
                .iter()
                .map(|event| match step(&before, event, 7) {
                    Ok(after) => {
                        assert_eq!((after.version, after.updated_at), (before.version + 1, 7));
                        after.state.as_str().to_owned()
                    }
                    Err(_) => "-".to_owned(),
                })
                .collect();
            assert_eq!(seen.join(" "), row, "{name}");
        }
    }

    #[test]
    fn rule_4_a_withdrawal_takes_no_deposit_event() {
        let before = transaction(State::Withdrawal(crate::withdrawal::WithdrawalState::AwaitingPayment));
        assert!(events().iter().all(|event| step(&before, event, 7).is_err()));
    }
}
