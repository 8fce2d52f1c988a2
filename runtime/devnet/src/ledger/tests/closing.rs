//! What a ledger does with the transactions it takes.

use super::*;

#[test]
fn a_transaction_that_grew_too_old_is_dropped_and_its_sequence_is_free() {
    let mut ledger = ledger_with(vec![]);
    let bounded = |max| {
        let mut tx = tx(A, 1, vec![pay(B, Asset::Native, 1)]);
        tx.cond = time(0, max);
        tx
    };
    assert_eq!(submit(&mut ledger, bounded(THEN + 20), &[A]), SubmitStatus::Pending);
    assert!(ledger.close(THEN + 21).transactions.is_empty());
    assert_eq!(ledger.sequence(&id(A)), Some(0));
    assert_eq!(submit(&mut ledger, bounded(THEN + 20), &[A]), SubmitStatus::TryAgainLater);
    // A bound equal to the close time still applies.
    assert_eq!(submit(&mut ledger, bounded(THEN + 40), &[A]), SubmitStatus::Pending);
    assert_eq!(ledger.close(THEN + 40).transactions.len(), 1);
}

#[test]
fn a_failed_transaction_takes_fee_and_sequence_and_undoes_the_rest() {
    let mut ledger = ledger_with(vec![]);
    let got = results(&mut ledger, vec![pay(B, usd(), 1), pay(X, usd(), 1), pay(B, usd(), 9), pay(B, usd(), 1)]);
    let payment = |result| OperationResult::OpInner(OperationResultTr::Payment(result));
    // Each operation sees what the successful ones before it did: the last finds the line full.
    assert_eq!(
        got,
        vec![
            payment(PaymentResult::Success),
            payment(PaymentResult::NoDestination),
            payment(PaymentResult::Success),
            payment(PaymentResult::LineFull),
        ]
    );
    assert_eq!(ledger.balance(&id(B), &usd()), Some(0));
    assert_eq!(ledger.sequence(&id(A)), Some(1));
    assert_eq!(ledger.balance(&id(A), &Asset::Native), Some(1000 * STROOPS - 400));
    assert_eq!(ledger.last().header.fee_pool, 400);
    let transaction = &ledger.last().transactions[0];
    assert!(!transaction.successful && transaction.operation_events.is_none());
    assert_eq!(transaction.result.fee_charged, 400);
    let TransactionMeta::V4(meta) = &transaction.meta else {
        panic!("another meta");
    };
    assert_eq!((meta.tx_changes_before.0.len(), meta.operations.len()), (2, 0));
}

#[test]
fn the_fee_charged_is_the_least_and_not_the_bid() {
    let mut ledger = ledger_with(vec![]);
    let mut generous = tx(A, 1, vec![pay(B, Asset::Native, 1)]);
    generous.fee = 5000;
    assert_eq!(submit(&mut ledger, generous, &[A]), SubmitStatus::Pending);
    assert_eq!(ledger.close(THEN + 5).transactions[0].result.fee_charged, 100);
    assert_eq!(ledger.balance(&id(A), &Asset::Native), Some(1000 * STROOPS - 101));
}

#[test]
fn fees_are_charged_before_anything_is_paid() {
    // B can just pay; whatever the order, both fees are gone by then.
    let b = account(B, 2 * RESERVE + 100 + 50, |_| {});
    for reverse in [false, true] {
        let mut ledger = ledger_with(vec![b.clone()]);
        let sender = tx(A, 1, vec![pay(B, Asset::Native, 1)]);
        let spender = tx(B, 1, vec![pay(A, Asset::Native, 51)]);
        let mut order = [&sender, &spender].map(|tx| tx.hash(ledger.network_id()).expect("a hash"));
        if reverse {
            order.reverse();
        }
        assert_eq!(submit(&mut ledger, sender, &[A]), SubmitStatus::Pending);
        assert_eq!(submit(&mut ledger, spender, &[B]), SubmitStatus::Pending);
        let closed = ledger.close_in_order(THEN + 5, &order);
        let successes: Vec<bool> = closed.transactions.iter().map(|transaction| transaction.successful).collect();
        assert_eq!(successes, if reverse { [false, true] } else { [true, true] });
        assert_eq!(closed.transactions[1].application_order, 2);
    }
}

#[test]
fn muxed_addresses_are_looked_through_and_every_memo_is_kept() {
    let muxed =
        |name: u8| MuxedAccount::MuxedEd25519(MuxedAccountMed25519 { id: 42, ed25519: Uint256(key(name).verifying_key().to_bytes()) });
    let memos = [
        Memo::None,
        Memo::Text("hello".try_into().expect("short")),
        Memo::Id(u64::MAX),
        Memo::Hash(Hash([7; 32])),
        Memo::Return(Hash([8; 32])),
    ];
    let mut ledger = ledger_with(vec![]);
    for (sequence, memo) in (1..).zip(memos) {
        let body = OperationBody::Payment(PaymentOp { destination: muxed(B), asset: Asset::Native, amount: 1 });
        let mut tx = tx(A, sequence, vec![body]);
        tx.source_account = muxed(A);
        tx.memo = memo;
        assert_eq!(submit(&mut ledger, tx.clone(), &[A]), SubmitStatus::Pending);
        let closed = ledger.close(0);
        let TransactionEnvelope::Tx(kept) = &closed.transactions[0].envelope else {
            panic!("another envelope");
        };
        assert_eq!(kept.tx, tx);
    }
    assert_eq!(ledger.balance(&id(B), &Asset::Native), Some(1000 * STROOPS + 5));
}

#[test]
fn close_times_advance_by_a_second_at_least_and_hashes_chain() {
    let mut ledger = ledger_with(vec![]);
    let first = ledger.last().hash;
    assert_eq!(ledger.close(0).close_time(), THEN + 1);
    assert_eq!(ledger.last().header.previous_ledger_hash.0, first);
    assert_eq!(ledger.close(THEN + 60).close_time(), THEN + 60);
    assert_eq!(ledger.closed().len(), 3);
    assert_eq!(ledger.closed_at(3).map(|closed| closed.close_time()), Some(THEN + 1));
    assert!(ledger.closed_at(9).is_none() && ledger.closed_at(1).is_none());
}
