//! What the queue says, and which of two faults it tells.

use super::*;

#[test]
fn admission_tells_the_first_fault_in_the_order_of_the_ledger() {
    let good = || tx(A, 1, vec![pay(B, Asset::Native, 1)]);
    let with = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = good();
        change(&mut tx);
        tx
    };
    let conditions = |change: &dyn Fn(&mut PreconditionsV2)| {
        let mut all = PreconditionsV2 {
            time_bounds: None,
            ledger_bounds: None,
            min_seq_num: None,
            min_seq_age: Duration(0),
            min_seq_ledger_gap: 0,
            extra_signers: VecM::default(),
        };
        change(&mut all);
        with(&|tx| tx.cond = Preconditions::V2(all.clone()))
    };
    let of_b = |tx: &mut Transaction| {
        let mut operations = tx.operations.to_vec();
        operations[0].source_account = Some(id(B).into());
        tx.operations = operations.try_into().expect("one operation");
    };
    let b_key = SignerKey::Ed25519(Uint256(key(B).verifying_key().to_bytes()));
    let twice = conditions(&|all| all.extra_signers = vec![b_key.clone(), b_key.clone()].try_into().expect("two"));
    let extra = conditions(&|all| all.extra_signers = vec![b_key.clone()].try_into().expect("one"));
    let table: Vec<(&str, Transaction, &[u8], &str)> = vec![
        ("good", good(), &[A], "PENDING"),
        ("extra signer twice", twice, &[A, B], "TxMalformed"),
        (
            "no operations, and too early",
            with(&|tx| {
                tx.operations = VecM::default();
                tx.cond = time(THEN + 1, 0);
            }),
            &[A],
            "TxMissingOperation",
        ),
        ("too early, and too late", with(&|tx| tx.cond = time(THEN + 1, 1)), &[A], "TxTooEarly"),
        ("just not too early", with(&|tx| tx.cond = time(THEN, 0)), &[A], "PENDING"),
        (
            "too late, and fee too low",
            with(&|tx| {
                tx.cond = time(0, THEN + 2 * EXPECTED - 1);
                tx.fee = 99;
            }),
            &[A],
            "TxTooLate",
        ),
        ("just not too late", with(&|tx| tx.cond = time(0, THEN + 2 * EXPECTED)), &[A], "PENDING"),
        (
            "ledger too early",
            conditions(&|all| {
                all.ledger_bounds = Some(LedgerBounds { min_ledger: 4, max_ledger: 0 });
            }),
            &[A],
            "TxTooEarly",
        ),
        (
            "ledger too late",
            conditions(&|all| {
                all.ledger_bounds = Some(LedgerBounds { min_ledger: 0, max_ledger: 3 });
            }),
            &[A],
            "TxTooLate",
        ),
        (
            "fee too low, and no account",
            with(&|tx| {
                tx.fee = 99;
                tx.source_account = id(X).into();
            }),
            &[A],
            "TxInsufficientFee",
        ),
        ("no account, and not signed", with(&|tx| tx.source_account = id(X).into()), &[], "TxNoAccount"),
        ("sequence used, and not signed", with(&|tx| tx.seq_num = SequenceNumber(0)), &[], "TxBadSeq"),
        ("sequence gap", with(&|tx| tx.seq_num = SequenceNumber(2)), &[A], "TxBadSeq"),
        (
            "sequence gap allowed",
            {
                let mut tx = conditions(&|all| all.min_seq_num = Some(SequenceNumber(0)));
                tx.seq_num = SequenceNumber(7);
                tx
            },
            &[A],
            "PENDING",
        ),
        ("too young, and not signed", conditions(&|all| all.min_seq_age = Duration(THEN + 1)), &[], "TxBadMinSeqAgeOrGap"),
        ("gap too small", conditions(&|all| all.min_seq_ledger_gap = 4), &[A], "TxBadMinSeqAgeOrGap"),
        ("not signed, and a bid beyond the balance", with(&|tx| tx.fee = u32::MAX), &[], "TxBadAuth"),
        ("signed by another", good(), &[B], "TxBadAuth"),
        ("extra signer missing", extra.clone(), &[A], "TxBadAuth"),
        ("extra signer there", extra, &[A, B], "PENDING"),
        ("bid below the balance, above what is available", with(&|tx| tx.fee = 99 * 10_000_000), &[A], "TxInsufficientBalance"),
        ("operation of another, not signed, and an extra signature", with(&|tx| of_b(tx)), &[A, I], "TxFailed"),
        ("operation of another, signed", with(&|tx| of_b(tx)), &[A, B], "PENDING"),
        ("one signature too many", good(), &[A, B], "TxBadAuthExtra"),
        ("one signature twice", good(), &[A, A], "TxBadAuthExtra"),
    ];
    for (what, tx, signers, expected) in table {
        let mut ledger = ledger_with(vec![account(A, 100 * STROOPS, |account| account.num_sub_entries = 1)]);
        let status = submit(&mut ledger, tx.clone(), signers);
        assert_eq!(code(&status), expected, "{what}: {status:?}");
        if let SubmitStatus::Error(result) = status {
            assert_eq!(result.fee_charged, 100 * i64::try_from(tx.operations.len().max(1)).expect("few"), "{what}");
        }
    }
}

#[test]
fn a_refusal_names_the_first_bad_operation_and_reads_success_elsewhere() {
    let mut ledger = ledger_with(vec![]);
    let bodies = vec![pay(B, Asset::Native, 1), pay(B, Asset::Native, 0), pay(B, Asset::Native, -1)];
    let SubmitStatus::Error(refused) = submit(&mut ledger, tx(A, 1, bodies), &[A]) else {
        panic!("not refused");
    };
    let payment = |result| OperationResult::OpInner(OperationResultTr::Payment(result));
    let expected = vec![payment(PaymentResult::Success), payment(PaymentResult::Malformed), payment(PaymentResult::Success)];
    assert_eq!(refused.result, TransactionResultResult::TxFailed(expected.try_into().expect("three")));
    assert_eq!(ledger.waiting(), 0);
}

#[test]
fn the_queue_takes_one_transaction_per_source_and_bans_what_was_applied() {
    let mut ledger = ledger_with(vec![]);
    let first = || tx(A, 1, vec![pay(B, Asset::Native, 1)]);
    let next = || tx(A, 2, vec![pay(B, Asset::Native, 1)]);
    let again = || tx(A, 0, vec![pay(B, Asset::Native, 1)]);
    assert_eq!(submit(&mut ledger, first(), &[A]), SubmitStatus::Pending);
    assert_eq!(submit(&mut ledger, first(), &[A]), SubmitStatus::Duplicate);
    // Without any other check: not even the signature is looked at.
    assert_eq!(submit(&mut ledger, next(), &[]), SubmitStatus::TryAgainLater);
    let SubmitStatus::Error(behind) = submit(&mut ledger, again(), &[A]) else {
        panic!("not refused");
    };
    assert_eq!((behind.fee_charged, behind.result), (0, TransactionResultResult::TxBadSeq));
    assert_eq!(submit(&mut ledger, tx(B, 1, vec![pay(A, Asset::Native, 1)]), &[B]), SubmitStatus::Pending);

    let applied_in = ledger.close(THEN + 5).sequence();
    assert_eq!(ledger.last().transactions.len(), 2);
    while ledger.last().sequence() <= applied_in + 8 {
        assert_eq!(submit(&mut ledger, first(), &[A]), SubmitStatus::TryAgainLater);
        ledger.close(0);
    }
    assert_eq!(code(&submit(&mut ledger, first(), &[A])), "TxBadSeq");
    // The ban is on the envelope, not on the transaction: with another signature list it is checked at once.
    assert_eq!(submit(&mut ledger, next(), &[A]), SubmitStatus::Pending);
    ledger.close(0);
    assert_eq!(code(&submit(&mut ledger, next(), &[A, B])), "TxBadSeq");
}

#[test]
fn the_time_bound_of_a_late_submission_counts_from_the_clock() {
    let mut ledger = ledger_with(vec![]);
    let mut late = tx(A, 1, vec![pay(B, Asset::Native, 1)]);
    late.cond = time(0, THEN + 100);
    let envelope = sign(&ledger, late, &[A]);
    let refused = ledger.submit(envelope.clone(), THEN + 91).expect("a known operation");
    assert_eq!(code(&refused.status), "TxTooLate");
    let taken = ledger.submit(envelope, THEN + 90).expect("a known operation");
    assert_eq!(taken.status, SubmitStatus::Pending);
}

#[test]
fn v0_envelopes_are_hashed_and_kept_as_v1() {
    let mut ledger = ledger_with(vec![]);
    let v1 = tx(A, 1, vec![pay(B, Asset::Native, 1)]);
    let hash = v1.hash(ledger.network_id()).expect("a hash");
    let signatures = signatures(&ledger, &v1, &[A]);
    let v0 = TransactionEnvelope::TxV0(TransactionV0Envelope {
        tx: TransactionV0 {
            source_account_ed25519: Uint256(key(A).verifying_key().to_bytes()),
            fee: v1.fee,
            seq_num: v1.seq_num.clone(),
            time_bounds: None,
            memo: v1.memo.clone(),
            operations: v1.operations.clone(),
            ext: TransactionV0Ext::V0,
        },
        signatures: signatures.clone(),
    });
    let submitted = ledger.submit(v0, THEN).expect("a known operation");
    assert_eq!((submitted.hash, submitted.status), (hash, SubmitStatus::Pending));
    ledger.close(THEN + 5);
    let (_, applied) = ledger.transaction(&hash).expect("it is in the ledger");
    assert_eq!(applied.envelope, TransactionEnvelope::Tx(TransactionV1Envelope { tx: v1, signatures }));
}

#[test]
fn what_is_outside_is_refused_by_name() {
    let mut ledger = ledger_with(vec![]);
    let inflation = sign(&ledger, tx(A, 1, vec![OperationBody::Inflation]), &[A]);
    let refused = ledger.submit(inflation, THEN);
    assert_eq!(refused, Err(Outside::Operation("Inflation")));
    let text = refused.expect_err("refused").to_string();
    assert!(text.contains("Inflation") && text.contains("CreateAccount"), "{text}");
}
