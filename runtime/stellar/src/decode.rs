//! What results and envelopes of the ledger say: verdicts' details, refusals, payments.

use stellar_xdr::{
    AccountMergeResult, FeeBumpTransactionInnerTx, InnerTransactionResultResult, MuxedAccount, OperationBody,
    OperationResult as XdrOperationResult, OperationResultTr, PathPaymentStrictReceiveResult, PathPaymentStrictSendResult, PaymentResult,
    Transaction, TransactionEnvelope, TransactionResult, TransactionResultResult,
};
use windlass_domain::ports::ledger::{LookUpStatus, OperationResult};
use windlass_domain::tenant::IncomingPayment;
use windlass_domain::{Amount, Asset, Memo, TimeMs};

use crate::error::Error;
use crate::{codes, xdr};

/// What a TransactionResult says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Is it the result of a success?
    pub success: bool,
    /// The code as Stellar writes it; of a failed fee bump the outer and the inner one, with a colon between.
    pub code: String,
    /// Each operation's result, of a fee bump the inner ones; empty when none ran.
    pub operations: Vec<OperationResult>,
}

impl Outcome {
    /// In one line, for people: `txFAILED (success, payment_no_trust)`.
    pub fn summary(&self) -> String {
        windlass_domain::codes::summary(&self.code, &self.operations)
    }
}

/// Reads a TransactionResult in base64.
///
/// # Errors
/// [`Error::Xdr`]: the result is unknown, not failed (money rule 1). Newer protocols add codes.
pub fn outcome(result_xdr: &str) -> Result<Outcome, Error> {
    let result: TransactionResult = xdr::decode("the transaction's result", result_xdr)?;
    let operations = results(&result).iter().map(codes::operation).collect();
    let mut code = codes::transaction_code(result.result.name());
    if let TransactionResultResult::TxFeeBumpInnerFailed(pair) = &result.result {
        code = format!("{code}:{}", codes::transaction_code(pair.result.result.name()));
    }
    Ok(Outcome { success: succeeded(&result), code, operations })
}

/// The status of a transaction that the server calls failed.
///
/// # Errors
/// If the result does not decode, or is that of a success.
pub fn failed(ledger: u32, result_xdr: &str) -> Result<LookUpStatus, Error> {
    let Outcome { success, code, operations } = outcome(result_xdr)?;
    if success {
        return Err(Error::Contradiction(format!("a failed transaction with the result {code}")));
    }
    Ok(LookUpStatus::Failed { ledger, code, operations })
}

/// Where and when a transaction is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// Passphrase of the network.
    pub network: &'a str,
    /// Hash of the transaction (of a fee bump, the outer one), in lower-case hex.
    pub hash: &'a str,
    /// In which ledger.
    pub ledger: u32,
    /// When that ledger closed.
    pub closed_at: TimeMs,
}

/// The payments of a successful transaction, in the order of its operations: payments, path payments with what really
/// arrived, and accounts merged into another one.
///
/// # Errors
/// If envelope or result does not decode, or they do not fit together: the transaction is to be stored as failed.
pub fn payments(place: &Place<'_>, envelope_xdr: &str, result_xdr: &str) -> Result<Vec<IncomingPayment>, Error> {
    let envelope: TransactionEnvelope = xdr::decode("the transaction's envelope", envelope_xdr)?;
    let result: TransactionResult = xdr::decode("the transaction's result", result_xdr)?;
    if !succeeded(&result) {
        return Err(Error::Contradiction(format!(
            "a successful transaction with the result {}",
            codes::transaction_code(result.result.name())
        )));
    }
    let transaction = transaction_of(envelope);
    let results = results(&result);
    if results.len() != transaction.operations.len() {
        let (wanted, got) = (transaction.operations.len(), results.len());
        return Err(Error::Contradiction(format!("{wanted} operations with {got} results")));
    }
    let memo = xdr::memo_from(&transaction.memo);
    let mut payments = Vec::new();
    for (index, (operation, result)) in (0_u32..).zip(transaction.operations.iter().zip(results)) {
        let Some(credit) = credit(&operation.body, result)? else { continue };
        let source = operation.source_account.as_ref().unwrap_or(&transaction.source_account);
        let (to, muxed_id) = xdr::muxed_from(credit.to);
        payments.push(IncomingPayment {
            network: place.network.to_owned(),
            transaction_hash: place.hash.to_owned(),
            operation_index: index,
            from: source.to_string(),
            to,
            asset: credit.asset,
            amount: Amount::from_units(credit.amount),
            memo: muxed_id.map(Memo::Id).or_else(|| memo.clone()),
            ledger: place.ledger,
            closed_at: place.closed_at,
        });
    }
    Ok(payments)
}

/// Money that arrives at an account.
struct Credit<'a> {
    to: &'a MuxedAccount,
    asset: Asset,
    amount: i64,
}

/// What an operation pays, if it is one that pays. Its result must be that of its kind and a success.
fn credit<'a>(body: &'a OperationBody, result: &XdrOperationResult) -> Result<Option<Credit<'a>>, Error> {
    use OperationResultTr as R;
    let XdrOperationResult::OpInner(inner) = result else {
        return Err(Error::Contradiction(format!("a successful transaction with an operation that says {}", result.name())));
    };
    let (to, asset, amount) = match (body, inner) {
        (OperationBody::Payment(op), R::Payment(PaymentResult::Success)) => (&op.destination, xdr::asset_from(&op.asset)?, op.amount),
        (OperationBody::PathPaymentStrictReceive(op), R::PathPaymentStrictReceive(PathPaymentStrictReceiveResult::Success(_))) => {
            (&op.destination, xdr::asset_from(&op.dest_asset)?, op.dest_amount)
        }
        (OperationBody::PathPaymentStrictSend(op), R::PathPaymentStrictSend(PathPaymentStrictSendResult::Success(done))) => {
            (&op.destination, xdr::asset_from(&op.dest_asset)?, done.last.amount)
        }
        (OperationBody::AccountMerge(to), R::AccountMerge(AccountMergeResult::Success(amount))) => (to, Asset::Native, *amount),
        (
            OperationBody::Payment(_)
            | OperationBody::PathPaymentStrictReceive(_)
            | OperationBody::PathPaymentStrictSend(_)
            | OperationBody::AccountMerge(_),
            other,
        ) => return Err(Error::Contradiction(format!("a payment with the result {}", other.name()))),
        _ => return Ok(None),
    };
    Ok(Some(Credit { to, asset, amount }))
}

/// The transaction that does something: of a fee bump, the inner one.
fn transaction_of(envelope: TransactionEnvelope) -> Transaction {
    match envelope {
        TransactionEnvelope::TxV0(envelope) => envelope.tx.into(),
        TransactionEnvelope::Tx(envelope) => envelope.tx,
        TransactionEnvelope::TxFeeBump(envelope) => match envelope.tx.inner_tx {
            FeeBumpTransactionInnerTx::Tx(inner) => inner.tx,
        },
    }
}

fn succeeded(result: &TransactionResult) -> bool {
    matches!(result.result, TransactionResultResult::TxSuccess(_) | TransactionResultResult::TxFeeBumpInnerSuccess(_))
}

/// The operations' results; none when none ran.
fn results(result: &TransactionResult) -> &[XdrOperationResult] {
    match &result.result {
        TransactionResultResult::TxSuccess(results) | TransactionResultResult::TxFailed(results) => results,
        TransactionResultResult::TxFeeBumpInnerSuccess(pair) | TransactionResultResult::TxFeeBumpInnerFailed(pair) => {
            match &pair.result.result {
                InnerTransactionResultResult::TxSuccess(results) | InnerTransactionResultResult::TxFailed(results) => results,
                _ => &[],
            }
        }
        _ => &[],
    }
}
