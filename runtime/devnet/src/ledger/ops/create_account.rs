//! `create_account`: a new account, paid for by the operation's source.

use stellar_xdr::{AccountId, CreateAccountOp, CreateAccountResult};

use super::Place;
use crate::ledger::entries::{Scratch, View, available, new_account};

pub(super) fn check(op: &CreateAccountOp, source: &AccountId) -> Result<(), CreateAccountResult> {
    if op.starting_balance < 0 || op.destination == *source {
        return Err(CreateAccountResult::Malformed);
    }
    Ok(())
}

/// In this order: it exists, the starting balance is below two reserves, the source has too little.
pub(super) fn apply(op: &CreateAccountOp, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> Result<(), CreateAccountResult> {
    if state.account(&op.destination).is_some() {
        return Err(CreateAccountResult::AlreadyExist);
    }
    if op.starting_balance < 2 * i64::from(place.base_reserve) {
        return Err(CreateAccountResult::LowReserve);
    }
    let mut payer = state.account(source).ok_or(CreateAccountResult::Underfunded)?;
    if available(&payer, place.base_reserve) < op.starting_balance {
        return Err(CreateAccountResult::Underfunded);
    }
    payer.balance -= op.starting_balance;
    state.put_account(payer);
    state.put_account(new_account(&op.destination, op.starting_balance, place.ledger));
    Ok(())
}
