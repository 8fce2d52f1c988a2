//! `change_trust`: open, change or close a trust line of the operation's source.

use stellar_xdr::{
    AccountFlags, AccountId, ChangeTrustOp, ChangeTrustResult, OperationResult, OperationResultTr, TrustLineEntry, TrustLineEntryExt,
    TrustLineFlags,
};

use super::{MOST_SUB_ENTRIES, Place};
use crate::ledger::entries::{Scratch, View, available, code_is_valid, credit_asset, issuer_of, line_asset, line_key};

pub(super) fn check(op: &ChangeTrustOp, source: &AccountId) -> Result<(), ChangeTrustResult> {
    let asset = credit_asset(&op.line).ok_or(ChangeTrustResult::Malformed)?;
    let issuer = issuer_of(&asset).ok_or(ChangeTrustResult::Malformed)?;
    if op.limit < 0 || !code_is_valid(&asset) || issuer == source {
        return Err(ChangeTrustResult::Malformed);
    }
    Ok(())
}

/// An existing line: limit below the balance, then removal, then the issuer. A new one: limit 0, the issuer, the
/// number of sub-entries, the reserve.
#[expect(clippy::result_large_err, reason = "a refusal is the result as the ledger writes it")]
pub(super) fn apply(op: &ChangeTrustOp, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> Result<(), OperationResult> {
    let refuse = |code| OperationResult::OpInner(OperationResultTr::ChangeTrust(code));
    let asset = credit_asset(&op.line).ok_or_else(|| refuse(ChangeTrustResult::Malformed))?;
    let issuer = issuer_of(&asset).ok_or_else(|| refuse(ChangeTrustResult::Malformed))?;
    let asset = line_asset(&asset);
    let mut owner = state.account(source).ok_or(OperationResult::OpNoAccount)?;

    if let Some(mut line) = state.trust_line(source, &asset) {
        let buying = match &line.ext {
            TrustLineEntryExt::V1(v1) => v1.liabilities.buying,
            TrustLineEntryExt::V0 => 0,
        };
        if op.limit < line.balance.saturating_add(buying) {
            return Err(refuse(ChangeTrustResult::InvalidLimit));
        }
        if op.limit == 0 {
            owner.num_sub_entries = owner.num_sub_entries.saturating_sub(1);
            state.put_account(owner);
            state.remove(line_key(source, &asset));
            return Ok(());
        }
        if state.account(issuer).is_none() {
            return Err(refuse(ChangeTrustResult::NoIssuer));
        }
        line.limit = op.limit;
        state.put_line(line);
        return Ok(());
    }

    if op.limit == 0 {
        return Err(refuse(ChangeTrustResult::InvalidLimit));
    }
    let issuer = state.account(issuer).ok_or_else(|| refuse(ChangeTrustResult::NoIssuer))?;
    if owner.num_sub_entries >= MOST_SUB_ENTRIES {
        return Err(OperationResult::OpTooManySubentries);
    }
    owner.num_sub_entries += 1;
    if available(&owner, place.base_reserve) < 0 {
        return Err(refuse(ChangeTrustResult::LowReserve));
    }
    state.put_account(owner);
    state.put_line(TrustLineEntry {
        account_id: source.clone(),
        asset,
        balance: 0,
        limit: op.limit,
        flags: flags_of_a_new_line(issuer.flags),
        ext: TrustLineEntryExt::V0,
    });
    Ok(())
}

/// Authorized, unless the issuer wants to be asked; open to clawback, if the issuer has enabled that.
fn flags_of_a_new_line(issuer_flags: u32) -> u32 {
    let mut flags = 0;
    if issuer_flags & AccountFlags::RequiredFlag as u32 == 0 {
        flags |= TrustLineFlags::AuthorizedFlag as u32;
    }
    if issuer_flags & AccountFlags::ClawbackEnabledFlag as u32 != 0 {
        flags |= TrustLineFlags::TrustlineClawbackEnabledFlag as u32;
    }
    flags
}
