//! `payment`: native or credit. The destination is looked at first, the source second.

use stellar_xdr::{AccountId, Asset, PaymentOp, PaymentResult, TrustLineEntry, TrustLineFlags};

use super::Place;
use crate::ledger::{
    entries::{Scratch, View, available, code_is_valid, credit_account, credit_line, debit_line, issuer_of, line_asset},
    envelope::account_of,
};

pub(super) fn check(op: &PaymentOp) -> Result<(), PaymentResult> {
    if op.amount <= 0 || !code_is_valid(&op.asset) {
        return Err(PaymentResult::Malformed);
    }
    Ok(())
}

/// Native to oneself succeeds whatever the amount. Everything else: the destination account, its line, its
/// authorization, its room; only then the source's line, authorization, balance.
///
/// An issuer needs no line: what it pays is made, what is paid to it is gone, and paying an asset back works even when
/// its issuer's account is gone.
pub(super) fn apply(op: &PaymentOp, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> Result<(), PaymentResult> {
    let destination = account_of(&op.destination);
    if op.asset == Asset::Native && destination == *source {
        return Ok(());
    }
    let issuer = issuer_of(&op.asset);
    if issuer != Some(&destination) && state.account(&destination).is_none() {
        return Err(PaymentResult::NoDestination);
    }
    receive(op, &destination, state)?;
    spend(op, source, state, place)
}

fn receive(op: &PaymentOp, destination: &AccountId, state: &mut Scratch<'_>) -> Result<(), PaymentResult> {
    if op.asset == Asset::Native {
        let mut account = state.account(destination).ok_or(PaymentResult::NoDestination)?;
        if !credit_account(&mut account, op.amount) {
            return Err(PaymentResult::LineFull);
        }
        state.put_account(account);
    } else if issuer_of(&op.asset) != Some(destination) {
        let asset = line_asset(&op.asset);
        let mut line = state.trust_line(destination, &asset).ok_or(PaymentResult::NoTrust)?;
        if !authorized(&line) {
            return Err(PaymentResult::NotAuthorized);
        }
        if !credit_line(&mut line, op.amount) {
            return Err(PaymentResult::LineFull);
        }
        state.put_line(line);
    }
    Ok(())
}

fn spend(op: &PaymentOp, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> Result<(), PaymentResult> {
    if op.asset == Asset::Native {
        let mut account = state.account(source).ok_or(PaymentResult::Underfunded)?;
        if available(&account, place.base_reserve) < op.amount {
            return Err(PaymentResult::Underfunded);
        }
        account.balance -= op.amount;
        state.put_account(account);
    } else if issuer_of(&op.asset) != Some(source) {
        let asset = line_asset(&op.asset);
        let mut line = state.trust_line(source, &asset).ok_or(PaymentResult::SrcNoTrust)?;
        if !authorized(&line) {
            return Err(PaymentResult::SrcNotAuthorized);
        }
        if !debit_line(&mut line, op.amount) {
            return Err(PaymentResult::Underfunded);
        }
        state.put_line(line);
    }
    Ok(())
}

/// Only the full authorization pays and receives; the one that maintains liabilities does neither.
fn authorized(line: &TrustLineEntry) -> bool {
    line.flags & TrustLineFlags::AuthorizedFlag as u32 != 0
}
