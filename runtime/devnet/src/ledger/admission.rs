//! Whether a transaction may enter the queue, and again whether it may still run: the checks, in the ledger's order.

use stellar_xdr::{AccountEntry, OperationResult, SignerKey, TransactionResult, TransactionResultExt, TransactionResultResult, VecM};

use super::{
    entries::{View, available, first_sequence, last_sequence_use},
    envelope::Frame,
    ops,
    signatures::{Level, Signatures, level_of},
};

/// What the checks are made against.
pub(crate) struct Terms {
    /// The ledger the transaction would be in.
    pub(crate) next_ledger: u32,
    /// Close time of the last ledger, Unix seconds.
    pub(crate) last_close_time: u64,
    /// A `max_time` below this is too late, Unix seconds.
    pub(crate) earliest_max_time: u64,
    pub(crate) base_fee: u32,
    pub(crate) base_reserve: u32,
}

impl Terms {
    /// For a submission at `now`: a time bound must outlast two expected closes, counted from the last close or, if
    /// that was some time ago, from now.
    pub(crate) fn earliest_max_time(last_close_time: u64, expected_close_seconds: u64, now: u64) -> u64 {
        let waited = now.saturating_sub(last_close_time);
        last_close_time.saturating_add(expected_close_seconds.saturating_mul(2)).saturating_add(waited)
    }
}

/// Checks a transaction before it enters the queue.
///
/// The order is the ledger's: structure, time, fee, source, sequence, age and gap, signatures, balance, each
/// operation, then signatures that nobody needed.
pub(crate) fn admit(frame: &Frame, state: &dyn View, terms: &Terms) -> Result<(), TransactionResult> {
    let refuse = |code| refusal(frame, terms.base_fee, code);
    let source = runnable(frame, state, terms).map_err(refuse)?;
    let mut signatures = Signatures::new(frame.hash, &frame.signatures);
    if !source_signed(frame, &source, &mut signatures) {
        return Err(refuse(TransactionResultResult::TxBadAuth));
    }
    if available(&source, terms.base_reserve) < frame.bid() {
        return Err(refuse(TransactionResultResult::TxInsufficientBalance));
    }
    check_operations(frame, state, &mut signatures).map_err(refuse)?;
    if !signatures.all_used() {
        return Err(refuse(TransactionResultResult::TxBadAuthExtra));
    }
    Ok(())
}

/// The checks that neither need signatures nor touch balances; gives the source account.
pub(crate) fn runnable(frame: &Frame, state: &dyn View, terms: &Terms) -> Result<AccountEntry, TransactionResultResult> {
    let conditions = frame.preconditions();
    if !extra_signers_are_well_formed(&conditions.extra_signers) {
        return Err(TransactionResultResult::TxMalformed);
    }
    if frame.tx.operations.is_empty() {
        return Err(TransactionResultResult::TxMissingOperation);
    }
    let (min_time, max_time) = conditions.time_bounds.as_ref().map_or((0, 0), |bounds| (bounds.min_time.0, bounds.max_time.0));
    let (min_ledger, max_ledger) = conditions.ledger_bounds.as_ref().map_or((0, 0), |bounds| (bounds.min_ledger, bounds.max_ledger));
    if min_time > terms.last_close_time || min_ledger > terms.next_ledger {
        return Err(TransactionResultResult::TxTooEarly);
    }
    if (max_time != 0 && max_time < terms.earliest_max_time) || (max_ledger != 0 && max_ledger <= terms.next_ledger) {
        return Err(TransactionResultResult::TxTooLate);
    }
    if frame.bid() < frame.least_fee(terms.base_fee) {
        return Err(TransactionResultResult::TxInsufficientFee);
    }
    let source = state.account(&frame.source()).ok_or(TransactionResultResult::TxNoAccount)?;
    let wanted = frame.tx.seq_num.0;
    let follows = match &conditions.min_seq_num {
        Some(least) => source.seq_num.0 >= least.0 && source.seq_num.0 < wanted,
        None => source.seq_num.0.checked_add(1) == Some(wanted),
    };
    if !follows || wanted == first_sequence(terms.next_ledger) {
        return Err(TransactionResultResult::TxBadSeq);
    }
    let (used_in, used_at) = last_sequence_use(&source);
    let age = terms.last_close_time.saturating_sub(used_at);
    let gap = terms.next_ledger.saturating_sub(used_in);
    if age < conditions.min_seq_age.0 || gap < conditions.min_seq_ledger_gap {
        return Err(TransactionResultResult::TxBadMinSeqAgeOrGap);
    }
    Ok(source)
}

/// The source at its low threshold, and the extra signers.
pub(crate) fn source_signed(frame: &Frame, source: &AccountEntry, signatures: &mut Signatures<'_>) -> bool {
    signatures.reach(source, Level::Low) && signatures.all(&frame.preconditions().extra_signers)
}

/// Did the source of this operation sign it? A source that does not exist must have signed with its own key.
pub(crate) fn operation_signed(
    frame: &Frame,
    operation: &stellar_xdr::Operation,
    state: &dyn View,
    signatures: &mut Signatures<'_>,
) -> bool {
    let source = frame.operation_source(operation);
    match state.account(&source) {
        Some(account) => signatures.reach(&account, level_of(&operation.body)),
        None => signatures.own(&source),
    }
}

/// Stops at the first bad operation; all the others read success with an empty body, checked or not.
fn check_operations(frame: &Frame, state: &dyn View, signatures: &mut Signatures<'_>) -> Result<(), TransactionResultResult> {
    for (index, operation) in frame.tx.operations.iter().enumerate() {
        let bad = if operation_signed(frame, operation, state, signatures) {
            ops::check(&operation.body, &frame.operation_source(operation)).err()
        } else {
            Some(OperationResult::OpBadAuth)
        };
        if let Some(bad) = bad {
            let mut results: Vec<OperationResult> = frame.tx.operations.iter().map(|operation| ops::blank(&operation.body)).collect();
            results[index] = bad;
            return Err(TransactionResultResult::TxFailed(results.try_into().unwrap_or_default()));
        }
    }
    Ok(())
}

fn extra_signers_are_well_formed(keys: &VecM<SignerKey, 2>) -> bool {
    let twice = matches!(keys.as_slice(), [first, second] if first == second);
    let empty = keys.iter().any(|key| matches!(key, SignerKey::Ed25519SignedPayload(signed) if signed.payload.is_empty()));
    !twice && !empty
}

/// A refusal states the least fee as `fee_charged`, although nothing was charged.
fn refusal(frame: &Frame, base_fee: u32, code: TransactionResultResult) -> TransactionResult {
    TransactionResult { fee_charged: frame.least_fee(base_fee), result: code, ext: TransactionResultExt::V0 }
}
