//! Envelopes out of drafts: pure, no network. The bytes are those of every other SDK; tests compare them.

use stellar_xdr::{
    CreateAccountOp, DecoratedSignature, Limits, Operation, OperationBody, PaymentOp, Preconditions, ReadXdr as _, SequenceNumber,
    Signature, SignatureHint, TimeBounds, TimePoint, Transaction, TransactionEnvelope, TransactionExt, TransactionV1Envelope, VecM,
    WriteXdr as _,
};
use windlass_domain::ports::ledger::{ACCOUNT_RESERVE, BuildError, Draft, DraftOperation, EnvelopeBuilder, Unsigned};
use windlass_domain::{AccountId, Memo};

use crate::error::Error;
use crate::{keys, xdr};

/// Builds the envelopes of the pipeline.
#[derive(Debug, Clone, Copy, Default)]
pub struct XdrBuilder;

impl EnvelopeBuilder for XdrBuilder {
    fn build(&self, draft: &Draft) -> Result<Unsigned, BuildError> {
        build(draft).map_err(explain)
    }

    fn assemble(&self, unsigned: &Unsigned, signatures: &[(AccountId, [u8; 64])]) -> Result<String, BuildError> {
        assemble(unsigned, signatures).map_err(explain)
    }
}

/// What every transaction of ours has.
pub(crate) struct Head<'a> {
    pub(crate) network: &'a str,
    pub(crate) source: &'a AccountId,
    pub(crate) sequence: i64,
    pub(crate) fee_per_operation: u32,
    pub(crate) max_time_s: i64,
    pub(crate) memo: Option<&'a Memo>,
}

/// A transaction and its hash. Time bounds are 0 to `max_time_s`; the fee is the bid times the operations.
pub(crate) fn compose(head: &Head<'_>, operations: Vec<Operation>) -> Result<Unsigned, Error> {
    let count = u32::try_from(operations.len()).unwrap_or(u32::MAX);
    if !(1..=100).contains(&count) {
        return Err(Error::Plan(format!("{count} operations; a transaction has 1 to 100")));
    }
    let fee = head
        .fee_per_operation
        .checked_mul(count)
        .ok_or_else(|| Error::Plan(format!("a bid of {} for each of {count} operations is out of range", head.fee_per_operation)))?;
    if head.sequence < 1 {
        return Err(Error::Plan(format!("sequence number {} is not above 0", head.sequence)));
    }
    // 0 would mean "for ever": such an envelope could never be found dead (money rule 1).
    let max_time = u64::try_from(head.max_time_s)
        .ok()
        .filter(|&time| time > 0)
        .ok_or_else(|| Error::Plan(format!("upper time bound {} is not a time", head.max_time_s)))?;
    let transaction = Transaction {
        source_account: xdr::account(head.source)?.into(),
        fee,
        seq_num: SequenceNumber(head.sequence),
        cond: Preconditions::Time(TimeBounds { min_time: TimePoint(0), max_time: TimePoint(max_time) }),
        memo: xdr::memo(head.memo)?,
        operations: operations.try_into().map_err(|source| Error::Xdr { what: "the list of operations", source })?,
        ext: TransactionExt::V0,
    };
    let hash = transaction.hash(xdr::network_id(head.network)).map_err(|source| Error::Xdr { what: "the transaction", source })?;
    let envelope = TransactionEnvelope::Tx(TransactionV1Envelope { tx: transaction, signatures: VecM::default() });
    let xdr = envelope.to_xdr(Limits::none()).map_err(|source| Error::Xdr { what: "the envelope", source })?;
    Ok(Unsigned { hash, xdr })
}

/// The envelope with signatures, as base64. Each one is checked: a signature that is not its account's would only show on
/// the network, as txBAD_AUTH.
pub(crate) fn assemble(unsigned: &Unsigned, signatures: &[(AccountId, [u8; 64])]) -> Result<String, Error> {
    let envelope = TransactionEnvelope::from_xdr(&unsigned.xdr, Limits { depth: 200, len: unsigned.xdr.len() })
        .map_err(|source| Error::Xdr { what: "the unsigned envelope", source })?;
    let TransactionEnvelope::Tx(mut envelope) = envelope else {
        return Err(Error::Plan("the unsigned envelope is not one of ours".into()));
    };
    let mut decorated = Vec::with_capacity(signatures.len());
    for (account, signature) in signatures {
        if !keys::verify(account, &unsigned.hash, signature) {
            return Err(Error::Plan(format!("the signature is not that of {account} for this transaction")));
        }
        let key = keys::public_key(account)?;
        decorated.push(DecoratedSignature {
            hint: SignatureHint([key[28], key[29], key[30], key[31]]),
            signature: Signature(signature.to_vec().try_into().map_err(|source| Error::Xdr { what: "a signature", source })?),
        });
    }
    envelope.signatures = decorated.try_into().map_err(|source| Error::Xdr { what: "the list of signatures", source })?;
    xdr::encode("the envelope", &TransactionEnvelope::Tx(envelope))
}

fn build(draft: &Draft) -> Result<Unsigned, Error> {
    let operations = draft
        .operations
        .iter()
        .map(|operation| Ok(Operation { source_account: None, body: body(operation)? }))
        .collect::<Result<_, Error>>()?;
    let head = Head {
        network: &draft.network,
        source: &draft.source,
        sequence: draft.sequence,
        fee_per_operation: draft.fee_per_operation,
        max_time_s: draft.max_time_s,
        memo: draft.memo.as_ref(),
    };
    compose(&head, operations)
}

fn body(operation: &DraftOperation) -> Result<OperationBody, Error> {
    Ok(match operation {
        DraftOperation::Payment { destination, asset, amount } => {
            if !amount.is_positive() {
                return Err(Error::Plan(format!("a payment of {amount} to {}", destination.account())));
            }
            OperationBody::Payment(PaymentOp { destination: xdr::address(destination)?, asset: xdr::asset(asset)?, amount: amount.units() })
        }
        DraftOperation::CreateAccount { destination, starting_balance } => {
            if *starting_balance < ACCOUNT_RESERVE {
                return Err(Error::Plan(format!("account {destination} with {starting_balance} XLM: it has to hold {ACCOUNT_RESERVE}")));
            }
            OperationBody::CreateAccount(CreateAccountOp {
                destination: xdr::account(destination)?,
                starting_balance: starting_balance.units(),
            })
        }
    })
}

/// The error with its cause, as the domain's text.
fn explain(error: Error) -> BuildError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    BuildError(format!("{error}{cause}"))
}
