//! Closing a ledger: fees of all first, then each transaction in its order, whole or not at all.

use stellar_xdr::{
    ContractEvent, ExtensionPoint, LedgerEntryChanges, OperationMetaV2, OperationResult, TransactionEvent, TransactionEventStage,
    TransactionMeta, TransactionMetaV4, TransactionResult, TransactionResultExt, TransactionResultResult,
};

use super::{
    admission::{self, Terms},
    entries::{Changes, Entries, Scratch, View, settle, take_sequence, told},
    envelope::Frame,
    events,
    history::AppliedTransaction,
    ops::{self, Place},
    signatures::Signatures,
};

/// The ledger being closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    pub(crate) network_id: [u8; 32],
    pub(crate) ledger: u32,
    pub(crate) close_time: u64,
    pub(crate) base_fee: u32,
    pub(crate) base_reserve: u32,
}

/// A fee that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Fee {
    /// In stroops.
    pub(crate) charged: i64,
    pub(crate) changes: LedgerEntryChanges,
}

/// Takes the fee of each transaction from its source, in application order.
pub(crate) fn charge_fees(frames: &[Frame], entries: &mut Entries, closing: Closing) -> Vec<Fee> {
    let mut fees = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut state = Scratch::new(entries, closing.ledger);
        let due = frame.bid().min(frame.least_fee(closing.base_fee));
        let charged = state.account(&frame.source()).map_or(0, |mut payer| {
            let fee = due.min(payer.balance);
            payer.balance -= fee;
            state.put_account(payer);
            fee
        });
        let changes = state.into_changes();
        fees.push(Fee { charged, changes: told(entries, &changes) });
        settle(entries, changes);
    }
    fees
}

/// Runs one transaction whose fee has been taken.
pub(crate) fn run(frame: &Frame, order: u32, fee: Fee, entries: &mut Entries, closing: Closing) -> AppliedTransaction {
    let mut told_before = LedgerEntryChanges::default();
    let outcome = match admission::runnable(frame, entries, &terms(closing)) {
        Err(code) => Outcome::early(code),
        Ok(mut source) => {
            let mut taken = Scratch::new(entries, closing.ledger);
            take_sequence(&mut source, frame.tx.seq_num.0, closing.ledger, closing.close_time);
            taken.put_account(source);
            let changes = taken.into_changes();
            told_before = told(entries, &changes);
            settle(entries, changes);
            signed_and_run(frame, entries, closing)
        }
    };
    let fee_event = events::fee(closing.network_id, &frame.source(), fee.charged);
    settle(entries, outcome.changes);
    AppliedTransaction {
        hash: frame.hash,
        application_order: order,
        envelope: frame.envelope(),
        fee_changes: fee.changes,
        successful: matches!(outcome.code, TransactionResultResult::TxSuccess(_)),
        result: TransactionResult { fee_charged: fee.charged, result: outcome.code, ext: TransactionResultExt::V0 },
        meta: TransactionMeta::V4(TransactionMetaV4 {
            ext: ExtensionPoint::V0,
            tx_changes_before: told_before,
            operations: outcome.operations.try_into().unwrap_or_default(),
            tx_changes_after: LedgerEntryChanges::default(),
            soroban_meta: None,
            events: vec![TransactionEvent { stage: TransactionEventStage::BeforeAllTxs, event: fee_event.clone() }]
                .try_into()
                .unwrap_or_default(),
            diagnostic_events: stellar_xdr::VecM::default(),
        }),
        fee_event,
        operation_events: outcome.events,
    }
}

struct Outcome {
    code: TransactionResultResult,
    changes: Changes,
    operations: Vec<OperationMetaV2>,
    events: Option<Vec<Vec<ContractEvent>>>,
}

impl Outcome {
    /// A failure: nothing changes but what was done before.
    fn early(code: TransactionResultResult) -> Self {
        Self { code, changes: Changes::new(), operations: Vec::new(), events: None }
    }
}

/// Signatures once, before any operation: no operation can change what a later one of the same transaction needs.
fn signed_and_run(frame: &Frame, entries: &Entries, closing: Closing) -> Outcome {
    let mut signatures = Signatures::new(frame.hash, &frame.signatures);
    let Some(source) = entries.account(&frame.source()) else {
        return Outcome::early(TransactionResultResult::TxNoAccount);
    };
    if !admission::source_signed(frame, &source, &mut signatures) {
        return Outcome::early(TransactionResultResult::TxBadAuth);
    }
    let operations = frame.tx.operations.iter();
    let signed: Vec<bool> = operations.map(|operation| admission::operation_signed(frame, operation, entries, &mut signatures)).collect();
    if signed.contains(&false) {
        let results = frame
            .tx
            .operations
            .iter()
            .zip(&signed)
            .map(|(operation, signed)| if *signed { ops::blank(&operation.body) } else { OperationResult::OpBadAuth });
        let results: Vec<OperationResult> = results.collect();
        return Outcome::early(TransactionResultResult::TxFailed(results.try_into().unwrap_or_default()));
    }
    if !signatures.all_used() {
        return Outcome::early(TransactionResultResult::TxBadAuthExtra);
    }
    run_operations(frame, entries, closing)
}

/// All operations run, also after one failed; each sees what the successful ones before it did. One failure undoes all.
fn run_operations(frame: &Frame, entries: &Entries, closing: Closing) -> Outcome {
    let place = Place { ledger: closing.ledger, base_reserve: closing.base_reserve };
    let mut state = Scratch::new(entries, closing.ledger);
    let mut results = Vec::with_capacity(frame.tx.operations.len());
    let mut metas = Vec::new();
    let mut happened = Vec::new();
    for operation in frame.tx.operations.iter() {
        let mut step = Scratch::new(&state, closing.ledger);
        let result = ops::apply(&operation.body, &frame.operation_source(operation), &mut step, place);
        if ops::succeeded(&result) {
            let changes = step.into_changes();
            let events = events::of_operation(closing.network_id, frame, operation);
            metas.push(OperationMetaV2 {
                ext: ExtensionPoint::V0,
                changes: told(&state, &changes),
                events: events.clone().try_into().unwrap_or_default(),
            });
            happened.push(events);
            state.absorb(changes);
        }
        results.push(result);
    }
    let all = happened.len() == results.len();
    let results = results.try_into().unwrap_or_default();
    if !all {
        return Outcome::early(TransactionResultResult::TxFailed(results));
    }
    Outcome { code: TransactionResultResult::TxSuccess(results), changes: state.into_changes(), operations: metas, events: Some(happened) }
}

fn terms(closing: Closing) -> Terms {
    Terms {
        next_ledger: closing.ledger,
        last_close_time: closing.close_time,
        earliest_max_time: closing.close_time,
        base_fee: closing.base_fee,
        base_reserve: closing.base_reserve,
    }
}
