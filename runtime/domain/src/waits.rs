//! Who has the next step of a transaction: every state has an answer.

use crate::deposit::DepositState as D;
use crate::transaction::State;
use crate::withdrawal::WithdrawalState as W;

/// Who has the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Waits {
    /// There is no next step: it is at its end.
    Ended,
    /// The user: to pay, or to fetch the money. A wait for the user's money has a deadline.
    User,
    /// The tenant's bank, seen by a poll.
    Bank,
    /// This host: a driver has a row of the queue for it.
    Host,
    /// The ledger: an envelope has no verdict yet.
    Ledger,
    /// The account that is to be paid: it cannot take the asset yet.
    Trustline,
    /// A person of the tenant's or of the host's.
    Operator,
    /// Nobody, though a driver should have a row of the queue for it: a defect.
    Nobody,
}

impl Waits {
    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::User => "user",
            Self::Bank => "bank",
            Self::Host => "host",
            Self::Ledger => "ledger",
            Self::Trustline => "trustline",
            Self::Operator => "operator",
            Self::Nobody => "nobody",
        }
    }

    /// Does a driver have a row of the queue for it, which tells when it is looked at next?
    pub const fn is_driven(self) -> bool {
        match self {
            Self::Host | Self::Ledger | Self::Trustline => true,
            Self::Ended | Self::User | Self::Bank | Self::Operator | Self::Nobody => false,
        }
    }
}

/// Who has the next step, by the state alone.
pub const fn waits_for(state: State) -> Waits {
    match state {
        State::Deposit(state) => match state {
            D::AwaitingFunds => Waits::User,
            D::SeenPending => Waits::Bank,
            D::Ready => Waits::Host,
            D::Signed | D::Submitted | D::CreationSigned | D::CreationSubmitted => Waits::Ledger,
            D::PendingTrust => Waits::Trustline,
            D::LedgerRefused | D::TooSmall | D::TooLarge | D::OnHold => Waits::Operator,
            D::Completed | D::Failed | D::Expired => Waits::Ended,
        },
        State::Withdrawal(state) => match state {
            W::AwaitingPayment | W::ReadyForPickup => Waits::User,
            W::Received => Waits::Host,
            W::PayoutInProgress => Waits::Bank,
            W::PayoutHeld | W::PayoutReturned | W::Refused | W::TooSmall | W::TooLarge | W::OnHold => Waits::Operator,
            W::Completed | W::Expired => Waits::Ended,
        },
    }
}

/// Who has the next step, by what is stored besides: whether the queue has a row for it, and whether its job stopped for a
/// person.
pub const fn waits_now(state: State, has_work: bool, job_stopped: bool) -> Waits {
    let by_state = waits_for(state);
    match (by_state.is_driven(), job_stopped, has_work) {
        (true, true, _) => Waits::Operator,
        (true, false, false) => Waits::Nobody,
        (true, false, true) | (false, _, _) => by_state,
    }
}

/// Every state that has a next step.
pub fn unfinished() -> impl Iterator<Item = State> {
    let all = D::ALL.iter().map(|&state| State::Deposit(state)).chain(W::ALL.iter().map(|&state| State::Withdrawal(state)));
    all.filter(|&state| waits_for(state) != Waits::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::sep24_status;

    #[test]
    fn every_state_has_an_answer_that_fits_its_status() {
        let all = D::ALL.iter().map(|&state| State::Deposit(state)).chain(W::ALL.iter().map(|&state| State::Withdrawal(state)));
        for state in all {
            let waits = waits_for(state);
            assert_ne!(waits, Waits::Nobody, "{state:?}");
            match sep24_status(state) {
                "pending_user_transfer_start" | "pending_user_transfer_complete" => assert_eq!(waits, Waits::User, "{state:?}"),
                "pending_trust" if state == State::Deposit(D::CreationSigned) => assert_eq!(waits, Waits::Ledger),
                "pending_trust" => assert_eq!(waits, Waits::Trustline, "{state:?}"),
                "completed" | "expired" | "refunded" => assert_eq!(waits, Waits::Ended, "{state:?}"),
                "too_small" | "too_large" | "on_hold" => assert_eq!(waits, Waits::Operator, "{state:?}"),
                _ => {}
            }
            assert_eq!(unfinished().any(|one| one == state), waits != Waits::Ended);
        }
    }

    #[test]
    fn a_driven_state_without_a_row_of_the_queue_is_a_defect() {
        let (ready, held) = (State::Deposit(D::Ready), State::Withdrawal(W::PayoutHeld));
        assert_eq!(waits_now(ready, true, false), Waits::Host);
        assert_eq!(waits_now(ready, false, false), Waits::Nobody);
        assert_eq!(waits_now(State::Withdrawal(W::Received), false, true), Waits::Operator);
        assert_eq!(waits_now(held, false, false), Waits::Operator);
    }
}
