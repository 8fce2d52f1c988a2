//! `manage_data`: write, change or remove a named value of the operation's source.

use stellar_xdr::{
    AccountId, DataEntry, DataEntryExt, LedgerEntryData, LedgerKey, LedgerKeyData, ManageDataOp, ManageDataResult, OperationResult,
    OperationResultTr,
};

use super::{MOST_SUB_ENTRIES, Place};
use crate::ledger::entries::{Scratch, View, available};

/// A name is printable ASCII, and not empty.
pub(super) fn check(op: &ManageDataOp) -> Result<(), ManageDataResult> {
    let name = op.data_name.0.as_slice();
    if name.is_empty() || name.iter().any(|byte| !(b' '..=b'~').contains(byte)) {
        return Err(ManageDataResult::InvalidName);
    }
    Ok(())
}

/// A new entry: the number of sub-entries, then the reserve. Without a value the entry is removed.
#[expect(clippy::result_large_err, reason = "a refusal is the result as the ledger writes it")]
pub(super) fn apply(op: &ManageDataOp, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> Result<(), OperationResult> {
    let refuse = |code| OperationResult::OpInner(OperationResultTr::ManageData(code));
    let key = LedgerKey::Data(LedgerKeyData { account_id: source.clone(), data_name: op.data_name.clone() });
    let exists = state.get(&key).is_some();
    let mut owner = state.account(source).ok_or(OperationResult::OpNoAccount)?;
    let Some(value) = &op.data_value else {
        if !exists {
            return Err(refuse(ManageDataResult::NameNotFound));
        }
        owner.num_sub_entries = owner.num_sub_entries.saturating_sub(1);
        state.put_account(owner);
        state.remove(key);
        return Ok(());
    };
    if !exists {
        if owner.num_sub_entries >= MOST_SUB_ENTRIES {
            return Err(OperationResult::OpTooManySubentries);
        }
        owner.num_sub_entries += 1;
        if available(&owner, place.base_reserve) < 0 {
            return Err(refuse(ManageDataResult::LowReserve));
        }
        state.put_account(owner);
    }
    state.put(LedgerEntryData::Data(DataEntry {
        account_id: source.clone(),
        data_name: op.data_name.clone(),
        data_value: value.clone(),
        ext: DataEntryExt::V0,
    }));
    Ok(())
}
