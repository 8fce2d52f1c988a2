//! The operations this ledger knows, one file each: `check` for what can be said without looking, `apply` for the rest.

mod change_trust;
mod create_account;
mod manage_data;
mod payment;

use stellar_xdr::{
    AccountId, ChangeTrustResult, CreateAccountResult, ManageDataResult, OperationBody, OperationResult, OperationResultTr, PaymentResult,
};

use super::entries::{Scratch, View};

/// No account can have more lines, offers, signers and data together.
const MOST_SUB_ENTRIES: u32 = 1000;

/// What an operation needs to know of the ledger it runs in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) ledger: u32,
    pub(crate) base_reserve: u32,
}

/// The checks of an operation that need no state. `Err` is the operation's result.
#[expect(clippy::result_large_err, reason = "a refusal is the result as the ledger writes it")]
pub(crate) fn check(body: &OperationBody, source: &AccountId) -> Result<(), OperationResult> {
    let result = match body {
        OperationBody::CreateAccount(op) => create_account::check(op, source).map_err(OperationResultTr::CreateAccount),
        OperationBody::Payment(op) => payment::check(op).map_err(OperationResultTr::Payment),
        OperationBody::ChangeTrust(op) => change_trust::check(op, source).map_err(OperationResultTr::ChangeTrust),
        OperationBody::ManageData(op) => manage_data::check(op).map_err(OperationResultTr::ManageData),
        _ => return Err(OperationResult::OpNotSupported),
    };
    result.map_err(OperationResult::OpInner)
}

/// Runs an operation. Unless the result is a success, what it wrote must be thrown away.
pub(crate) fn apply(body: &OperationBody, source: &AccountId, state: &mut Scratch<'_>, place: Place) -> OperationResult {
    if state.account(source).is_none() {
        return OperationResult::OpNoAccount;
    }
    if let Err(result) = check(body, source) {
        return result;
    }
    match body {
        OperationBody::CreateAccount(op) => {
            let done = create_account::apply(op, source, state, place);
            inner(OperationResultTr::CreateAccount(done.err().unwrap_or(CreateAccountResult::Success)))
        }
        OperationBody::Payment(op) => {
            let done = payment::apply(op, source, state, place);
            inner(OperationResultTr::Payment(done.err().unwrap_or(PaymentResult::Success)))
        }
        OperationBody::ChangeTrust(op) => match change_trust::apply(op, source, state, place) {
            Ok(()) => inner(OperationResultTr::ChangeTrust(ChangeTrustResult::Success)),
            Err(result) => result,
        },
        OperationBody::ManageData(op) => match manage_data::apply(op, source, state, place) {
            Ok(()) => inner(OperationResultTr::ManageData(ManageDataResult::Success)),
            Err(result) => result,
        },
        _ => OperationResult::OpNotSupported,
    }
}

/// The result that an operation shows in a refusal if it is not the one refused: success, with an empty body.
pub(crate) fn blank(body: &OperationBody) -> OperationResult {
    match body {
        OperationBody::CreateAccount(_) => inner(OperationResultTr::CreateAccount(CreateAccountResult::Success)),
        OperationBody::Payment(_) => inner(OperationResultTr::Payment(PaymentResult::Success)),
        OperationBody::ChangeTrust(_) => inner(OperationResultTr::ChangeTrust(ChangeTrustResult::Success)),
        OperationBody::ManageData(_) => inner(OperationResultTr::ManageData(ManageDataResult::Success)),
        _ => OperationResult::OpNotSupported,
    }
}

/// Did the operation succeed?
pub(crate) fn succeeded(result: &OperationResult) -> bool {
    matches!(
        result,
        OperationResult::OpInner(
            OperationResultTr::CreateAccount(CreateAccountResult::Success)
                | OperationResultTr::Payment(PaymentResult::Success)
                | OperationResultTr::ChangeTrust(ChangeTrustResult::Success)
                | OperationResultTr::ManageData(ManageDataResult::Success)
        )
    )
}

fn inner(result: OperationResultTr) -> OperationResult {
    OperationResult::OpInner(result)
}
