//! Result codes as text, as Stellar writes them: `txBAD_SEQ`, `payment_no_trust`, `op_bad_auth`.

use stellar_xdr::{OperationResult as XdrOperationResult, OperationResultTr};
use windlass_domain::ports::ledger::OperationResult;

/// A transaction's code: `TxBadSeq` becomes `txBAD_SEQ`.
pub(crate) fn transaction_code(name: &str) -> String {
    format!("tx{}", snake(name.strip_prefix("Tx").unwrap_or(name)).to_ascii_uppercase())
}

/// An operation's result, as far as the pipeline tells cases apart.
pub(crate) fn operation(result: &XdrOperationResult) -> OperationResult {
    let XdrOperationResult::OpInner(inner) = result else { return OperationResult::Other(snake(result.name())) };
    let name = inner_name(inner);
    if name == "Success" {
        return OperationResult::Success;
    }
    let code = format!("{}_{}", snake(inner.name()), snake(name));
    let pays = matches!(
        inner,
        OperationResultTr::Payment(_) | OperationResultTr::PathPaymentStrictReceive(_) | OperationResultTr::PathPaymentStrictSend(_)
    );
    match name {
        "NoDestination" if pays => OperationResult::NoDestination,
        "NoTrust" | "NotAuthorized" | "LineFull" if pays => OperationResult::CannotReceive(code),
        _ => OperationResult::Other(code),
    }
}

/// An operation's result in a word, for people.
pub(crate) fn word(result: &OperationResult) -> &str {
    match result {
        OperationResult::Success => "success",
        OperationResult::NoDestination => "payment_no_destination",
        OperationResult::CannotReceive(code) | OperationResult::Other(code) => code,
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
    use stellar_xdr::{CreateAccountResult, CreateClaimableBalanceResult, PaymentResult, TransactionResultResult};

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
    fn operations_are_told_apart_as_far_as_the_pipeline_needs() {
        use OperationResult::{CannotReceive, NoDestination, Other, Success};
        let inner = |result| operation(&XdrOperationResult::OpInner(result));
        let payment = |result| inner(OperationResultTr::Payment(result));
        for (got, expected) in [
            (payment(PaymentResult::Success), Success),
            (payment(PaymentResult::NoDestination), NoDestination),
            (payment(PaymentResult::NoTrust), CannotReceive("payment_no_trust".into())),
            (payment(PaymentResult::NotAuthorized), CannotReceive("payment_not_authorized".into())),
            (payment(PaymentResult::LineFull), CannotReceive("payment_line_full".into())),
            (payment(PaymentResult::SrcNoTrust), Other("payment_src_no_trust".into())),
            (payment(PaymentResult::Underfunded), Other("payment_underfunded".into())),
            (inner(OperationResultTr::CreateAccount(CreateAccountResult::AlreadyExist)), Other("create_account_already_exist".into())),
            // The source's trustline, not the destination's.
            (
                inner(OperationResultTr::CreateClaimableBalance(CreateClaimableBalanceResult::NoTrust)),
                Other("create_claimable_balance_no_trust".into()),
            ),
            (operation(&XdrOperationResult::OpBadAuth), Other("op_bad_auth".into())),
            (operation(&XdrOperationResult::OpTooManySubentries), Other("op_too_many_subentries".into())),
        ] {
            assert_eq!(got, expected);
        }
    }
}
