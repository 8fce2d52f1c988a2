//! The SEP-24 status of each state (section 4 of the design).

use crate::deposit::DepositState as D;
use crate::transaction::State;
use crate::withdrawal::WithdrawalState as W;

/// The `status` of a SEP-24 transaction.
pub const fn sep24_status(state: State) -> &'static str {
    match state {
        State::Deposit(state) => match state {
            D::AwaitingFunds => "pending_user_transfer_start",
            D::SeenPending => "pending_external",
            D::Ready | D::Signed => "pending_anchor",
            D::Submitted | D::CreationSubmitted | D::LedgerRefused => "pending_stellar",
            D::CreationSigned | D::PendingTrust => "pending_trust",
            D::Completed => "completed",
            D::TooSmall => "too_small",
            D::TooLarge => "too_large",
            D::OnHold => "on_hold",
            D::Failed => "error",
            D::Expired => "expired",
        },
        State::Withdrawal(state) => match state {
            W::AwaitingPayment => "pending_user_transfer_start",
            W::Received | W::PayoutReturned => "pending_anchor",
            W::PayoutInProgress | W::PayoutHeld => "pending_external",
            W::ReadyForPickup => "pending_user_transfer_complete",
            W::Completed => "completed",
            W::Refused => "error",
            W::TooSmall => "too_small",
            W::TooLarge => "too_large",
            W::OnHold => "on_hold",
            W::Expired => "expired",
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::asset::{Asset, Memo};
    use crate::ids::{AccountId, TenantId, TransactionId};
    use crate::money::Amount;
    use crate::transaction::Transaction;

    /// A transaction in a state, with nothing more in it than a state needs.
    pub(crate) fn transaction(state: State) -> Transaction {
        Transaction {
            tenant: TenantId::new("acme").unwrap(),
            id: TransactionId::from_bits([7; 16]),
            state,
            version: 3,
            asset: Asset::Native,
            reference: "REF".into(),
            memo: Some(Memo::Id(7)),
            account: None,
            anchor_account: AccountId::new("G".to_owned() + &"A".repeat(55)).unwrap(),
            amount_expected: None,
            amount_in: None,
            fee: None,
            amount_out: None,
            refunded: Amount::ZERO,
            payouts_returned: 0,
            external_id: None,
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

    #[test]
    fn every_state_has_a_status_of_sep_24() {
        const KNOWN: [&str; 16] = [
            "incomplete",
            "pending_user_transfer_start",
            "pending_user_transfer_complete",
            "pending_external",
            "pending_anchor",
            "on_hold",
            "pending_stellar",
            "pending_trust",
            "pending_user",
            "completed",
            "refunded",
            "expired",
            "no_market",
            "too_small",
            "too_large",
            "error",
        ];
        let deposits = D::ALL.iter().map(|&state| State::Deposit(state));
        let withdrawals = W::ALL.iter().map(|&state| State::Withdrawal(state));
        for state in deposits.chain(withdrawals) {
            assert!(KNOWN.contains(&sep24_status(state)), "{state:?}");
            assert_eq!(State::from_names(state.kind().as_str(), state.as_str()), Some(state));
        }
    }
}
