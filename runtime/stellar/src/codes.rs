//! Result codes as text, as Stellar writes them: `txBAD_SEQ`, `payment_no_trust`, `op_bad_auth`.

use stellar_xdr::{OperationResult as XdrOperationResult, OperationResultTr};
use windlass_domain::ports::ledger::OperationResult;

/// A transaction's code: `TxBadSeq` becomes `txBAD_SEQ`.
pub(crate) fn transaction_code(name: &str) -> String {
    format!("tx{}", snake(name.strip_prefix("Tx").unwrap_or(name)).to_ascii_uppercase())
}

/// An operation's result with its code. What the code means is said by the table in [`windlass_domain::codes`].
pub(crate) fn operation(result: &XdrOperationResult) -> OperationResult {
    let XdrOperationResult::OpInner(inner) = result else { return OperationResult::Failed(snake(result.name())) };
    match inner_name(inner) {
        "Success" => OperationResult::Success,
        name => OperationResult::Failed(format!("{}_{}", snake(inner.name()), snake(name))),
    }
}

fn inner_name(result: &OperationResultTr) -> &'static str {
    use OperationResultTr as R;
    match result {
        R::CreateAccount(r) => r.name(),
        R::Payment(r) => r.name(),
        R::PathPaymentStrictReceive(r) => r.name(),
        R::ManageSellOffer(r) | R::CreatePassiveSellOffer(r) => r.name(),
        R::SetOptions(r) => r.name(),
        R::ChangeTrust(r) => r.name(),
        R::AllowTrust(r) => r.name(),
        R::AccountMerge(r) => r.name(),
        R::Inflation(r) => r.name(),
        R::ManageData(r) => r.name(),
        R::BumpSequence(r) => r.name(),
        R::ManageBuyOffer(r) => r.name(),
        R::PathPaymentStrictSend(r) => r.name(),
        R::CreateClaimableBalance(r) => r.name(),
        R::ClaimClaimableBalance(r) => r.name(),
        R::BeginSponsoringFutureReserves(r) => r.name(),
        R::EndSponsoringFutureReserves(r) => r.name(),
        R::RevokeSponsorship(r) => r.name(),
        R::Clawback(r) => r.name(),
        R::ClawbackClaimableBalance(r) => r.name(),
        R::SetTrustLineFlags(r) => r.name(),
        R::LiquidityPoolDeposit(r) => r.name(),
        R::LiquidityPoolWithdraw(r) => r.name(),
        R::InvokeHostFunction(r) => r.name(),
        R::ExtendFootprintTtl(r) => r.name(),
        R::RestoreFootprint(r) => r.name(),
    }
}

/// `NoTrust` becomes `no_trust`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stellar_xdr::{
        CreateAccountResult, CreateAccountResultCode, CreateClaimableBalanceResult, CreateClaimableBalanceResultCode, OperationResultCode,
        PaymentResult, PaymentResultCode, TransactionResultCode, TransactionResultResult,
    };
    use windlass_domain::codes::CODES;

    use super::*;

    #[test]
    fn transaction_codes_read_as_stellar_writes_them() {
        for (result, text) in [
            (TransactionResultResult::TxBadSeq, "txBAD_SEQ"),
            (TransactionResultResult::TxFailed(Default::default()), "txFAILED"),
            (TransactionResultResult::TxBadMinSeqAgeOrGap, "txBAD_MIN_SEQ_AGE_OR_GAP"),
            (TransactionResultResult::TxFeeBumpInnerFailed(Default::default()), "txFEE_BUMP_INNER_FAILED"),
        ] {
            assert_eq!(transaction_code(result.name()), text);
        }
    }

    #[test]
    fn operations_say_their_code() {
        use OperationResult::{Failed, Success};
        let inner = |result| operation(&XdrOperationResult::OpInner(result));
        let payment = |result| inner(OperationResultTr::Payment(result));
        for (got, expected) in [
            (payment(PaymentResult::Success), Success),
            (payment(PaymentResult::NoDestination), Failed("payment_no_destination".into())),
            (payment(PaymentResult::SrcNoTrust), Failed("payment_src_no_trust".into())),
            (inner(OperationResultTr::CreateAccount(CreateAccountResult::AlreadyExist)), Failed("create_account_already_exist".into())),
            (
                inner(OperationResultTr::CreateClaimableBalance(CreateClaimableBalanceResult::NoTrust)),
                Failed("create_claimable_balance_no_trust".into()),
            ),
            (operation(&XdrOperationResult::OpBadAuth), Failed("op_bad_auth".into())),
            (operation(&XdrOperationResult::OpTooManySubentries), Failed("op_too_many_subentries".into())),
        ] {
            assert_eq!(got, expected);
        }
    }

    /// Every code of what this host sends has a row in the domain's table, under the name that the decoder gives it. The
    /// matches have no `_`: a code that a newer protocol adds does not compile before it has a row.
    #[test]
    fn every_code_of_the_network_has_a_row() {
        let mut rows = BTreeSet::from(["success".to_owned()]);
        rows.extend(TransactionResultCode::VARIANTS.map(|code| (transaction_row(code), transaction_code(code.name()))).map(same));
        rows.extend(
            OperationResultCode::VARIANTS.into_iter().filter_map(|code| Some((operation_row(code)?, snake(code.name())))).map(same),
        );
        let named = |operation: &str, name: &str| format!("{operation}_{}", snake(name));
        rows.extend(
            PaymentResultCode::VARIANTS.into_iter().filter_map(|code| Some((payment_row(code)?, named("payment", code.name())))).map(same),
        );
        rows.extend(
            CreateAccountResultCode::VARIANTS
                .into_iter()
                .filter_map(|code| Some((create_account_row(code)?, named("create_account", code.name()))))
                .map(same),
        );
        rows.extend(
            CreateClaimableBalanceResultCode::VARIANTS
                .into_iter()
                .filter_map(|code| Some((claimable_balance_row(code)?, named("create_claimable_balance", code.name()))))
                .map(same),
        );
        let table: BTreeSet<_> = CODES.iter().map(|row| row.code.to_owned()).collect();
        assert_eq!(rows, table);
    }

    fn same((row, decoded): (&'static str, String)) -> String {
        assert_eq!(row, decoded, "the table and the decoder name the code differently");
        decoded
    }

    fn transaction_row(code: TransactionResultCode) -> &'static str {
        use TransactionResultCode as C;
        match code {
            C::TxFeeBumpInnerSuccess => "txFEE_BUMP_INNER_SUCCESS",
            C::TxSuccess => "txSUCCESS",
            C::TxFailed => "txFAILED",
            C::TxTooEarly => "txTOO_EARLY",
            C::TxTooLate => "txTOO_LATE",
            C::TxMissingOperation => "txMISSING_OPERATION",
            C::TxBadSeq => "txBAD_SEQ",
            C::TxBadAuth => "txBAD_AUTH",
            C::TxInsufficientBalance => "txINSUFFICIENT_BALANCE",
            C::TxNoAccount => "txNO_ACCOUNT",
            C::TxInsufficientFee => "txINSUFFICIENT_FEE",
            C::TxBadAuthExtra => "txBAD_AUTH_EXTRA",
            C::TxInternalError => "txINTERNAL_ERROR",
            C::TxNotSupported => "txNOT_SUPPORTED",
            C::TxFeeBumpInnerFailed => "txFEE_BUMP_INNER_FAILED",
            C::TxBadSponsorship => "txBAD_SPONSORSHIP",
            C::TxBadMinSeqAgeOrGap => "txBAD_MIN_SEQ_AGE_OR_GAP",
            C::TxMalformed => "txMALFORMED",
            C::TxSorobanInvalid => "txSOROBAN_INVALID",
            C::TxFrozenKeyAccessed => "txFROZEN_KEY_ACCESSED",
        }
    }

    /// None: the operation says more itself.
    fn operation_row(code: OperationResultCode) -> Option<&'static str> {
        use OperationResultCode as C;
        match code {
            C::OpInner => None,
            C::OpBadAuth => Some("op_bad_auth"),
            C::OpNoAccount => Some("op_no_account"),
            C::OpNotSupported => Some("op_not_supported"),
            C::OpTooManySubentries => Some("op_too_many_subentries"),
            C::OpExceededWorkLimit => Some("op_exceeded_work_limit"),
            C::OpTooManySponsoring => Some("op_too_many_sponsoring"),
        }
    }

    /// None of a success: it is `success`, whatever the operation.
    fn payment_row(code: PaymentResultCode) -> Option<&'static str> {
        use PaymentResultCode as C;
        match code {
            C::Success => None,
            C::Malformed => Some("payment_malformed"),
            C::Underfunded => Some("payment_underfunded"),
            C::SrcNoTrust => Some("payment_src_no_trust"),
            C::SrcNotAuthorized => Some("payment_src_not_authorized"),
            C::NoDestination => Some("payment_no_destination"),
            C::NoTrust => Some("payment_no_trust"),
            C::NotAuthorized => Some("payment_not_authorized"),
            C::LineFull => Some("payment_line_full"),
            C::NoIssuer => Some("payment_no_issuer"),
        }
    }

    fn create_account_row(code: CreateAccountResultCode) -> Option<&'static str> {
        use CreateAccountResultCode as C;
        match code {
            C::Success => None,
            C::Malformed => Some("create_account_malformed"),
            C::Underfunded => Some("create_account_underfunded"),
            C::LowReserve => Some("create_account_low_reserve"),
            C::AlreadyExist => Some("create_account_already_exist"),
        }
    }

    fn claimable_balance_row(code: CreateClaimableBalanceResultCode) -> Option<&'static str> {
        use CreateClaimableBalanceResultCode as C;
        match code {
            C::Success => None,
            C::Malformed => Some("create_claimable_balance_malformed"),
            C::LowReserve => Some("create_claimable_balance_low_reserve"),
            C::NoTrust => Some("create_claimable_balance_no_trust"),
            C::NotAuthorized => Some("create_claimable_balance_not_authorized"),
            C::Underfunded => Some("create_claimable_balance_underfunded"),
        }
    }
}
