//! The results of each operation, in the order in which faults are told.

use super::*;

#[test]
fn create_account_tells_the_first_fault() {
    let table = [
        (create(B, 1), CreateAccountResult::AlreadyExist),
        (create(X, 2 * RESERVE - 1), CreateAccountResult::LowReserve),
        (create(X, 1000 * STROOPS), CreateAccountResult::Underfunded),
        (create(X, 2 * RESERVE), CreateAccountResult::Success),
    ];
    for (body, expected) in table {
        let mut ledger = ledger_with(vec![]);
        let got = results(&mut ledger, vec![body]);
        assert_eq!(got, vec![OperationResult::OpInner(OperationResultTr::CreateAccount(expected))]);
    }
}

#[test]
fn create_account_starts_the_sequence_at_its_ledger() {
    let mut ledger = ledger_with(vec![]);
    results(&mut ledger, vec![create(X, 20 * STROOPS), pay(X, Asset::Native, 5)]);
    assert_eq!(ledger.sequence(&id(X)), Some(3 << 32));
    assert_eq!(ledger.balance(&id(X), &Asset::Native), Some(20 * STROOPS + 5));
    assert_eq!(ledger.balance(&id(A), &Asset::Native), Some(980 * STROOPS - 5 - 200));
}

#[test]
fn change_trust_tells_the_first_fault() {
    let refusals = [
        (trust(I, b"USD\0", -1), "a negative limit"),
        (trust(I, b"U D\0", 5), "a bad code"),
        (trust(I, b"\0\0\0\0", 5), "no code"),
        (trust(A, b"USD\0", 5), "its own asset"),
    ];
    for (body, what) in refusals {
        let mut ledger = ledger_with(vec![]);
        assert_eq!(code(&submit(&mut ledger, tx(A, 1, vec![body]), &[A])), "TxFailed", "{what}");
    }
    let inner = |code| OperationResult::OpInner(OperationResultTr::ChangeTrust(code));
    let poor = account(A, 3 * RESERVE + 100, |account| account.num_sub_entries = 1);
    let full = account(A, 2000 * STROOPS, |account| account.num_sub_entries = 1000);
    let table: Vec<(Vec<LedgerEntryData>, OperationBody, OperationResult)> = vec![
        (vec![], trust(I, b"USD\0", 99), inner(ChangeTrustResult::InvalidLimit)),
        (vec![], trust(I, b"USD\0", 0), inner(ChangeTrustResult::InvalidLimit)),
        (vec![], trust(I, b"USD\0", 100), inner(ChangeTrustResult::Success)),
        (vec![line(A, 0, 5, 1)], trust(I, b"USD\0", 0), inner(ChangeTrustResult::Success)),
        (vec![], trust(X, b"EUR\0", 0), inner(ChangeTrustResult::InvalidLimit)),
        (vec![], trust(X, b"EUR\0", 5), inner(ChangeTrustResult::NoIssuer)),
        (vec![full], trust(I, b"EUR\0", 5), OperationResult::OpTooManySubentries),
        (vec![poor], trust(I, b"EUR\0", 5), inner(ChangeTrustResult::LowReserve)),
        (vec![], trust(I, b"EUR\0", 5), inner(ChangeTrustResult::Success)),
    ];
    for (more, body, expected) in table {
        let mut ledger = ledger_with(more);
        assert_eq!(results(&mut ledger, vec![body.clone()]), vec![expected], "{body:?}");
    }
}

#[test]
fn a_new_line_takes_its_flags_from_the_issuer_and_counts_as_a_sub_entry() {
    for (issuer_flags, line_flags) in [(0, 1), (1, 0), (1 | 2 | 8, 4), (2 | 8, 1 | 4)] {
        let mut ledger = ledger_with(vec![]);
        assert!(ledger.set_account_flags(&id(I), issuer_flags));
        results(&mut ledger, vec![trust(I, b"EUR\0", 5)]);
        let entries = ledger.entries().filter_map(|entry| match &entry.data {
            LedgerEntryData::Trustline(line) if line.account_id == id(A) => Some(line.flags),
            _ => None,
        });
        let flags: Vec<u32> = entries.collect();
        assert!(flags.contains(&line_flags) && flags.len() == 2, "{issuer_flags}: {flags:?}");
        let account = ledger.entry(&crate::ledger::entries::account_key(&id(A))).map(|entry| &entry.data);
        assert!(matches!(account, Some(LedgerEntryData::Account(account)) if account.num_sub_entries == 2));
    }
}

#[test]
fn payment_looks_at_the_destination_first() {
    let other = |issuer| Asset::CreditAlphanum4(AlphaNum4 { asset_code: AssetCode4(*b"EUR\0"), issuer: id(issuer) });
    let rich = account(B, i64::MAX - 5, |account| account.num_sub_entries = 1);
    let table: Vec<(&str, Vec<LedgerEntryData>, OperationBody, PaymentResult)> = vec![
        ("native to oneself, any amount", vec![], pay(A, Asset::Native, i64::MAX), PaymentResult::Success),
        ("native to nobody, underfunded", vec![], pay(X, Asset::Native, i64::MAX), PaymentResult::NoDestination),
        ("native to one who is full", vec![rich], pay(B, Asset::Native, 6), PaymentResult::LineFull),
        ("native, below the reserve", vec![], pay(B, Asset::Native, 999 * STROOPS), PaymentResult::Underfunded),
        ("native, all that is available", vec![], pay(B, Asset::Native, 1000 * STROOPS - 3 * RESERVE - 100), PaymentResult::Success),
        ("credit to nobody", vec![], pay(X, usd(), 1000), PaymentResult::NoDestination),
        ("credit without lines at either end", vec![], pay(B, other(I), 1), PaymentResult::NoTrust),
        ("credit, not authorized", vec![line(B, 0, 10, 2)], pay(B, usd(), 11), PaymentResult::NotAuthorized),
        ("credit, line full, and underfunded", vec![], pay(B, usd(), 101), PaymentResult::LineFull),
        ("credit back to the issuer without a line", vec![], pay(I, other(I), 1), PaymentResult::SrcNoTrust),
        ("credit, source not authorized", vec![line(A, 100, 1000, 0)], pay(B, usd(), 1), PaymentResult::SrcNotAuthorized),
        ("credit, underfunded", vec![line(B, 0, 1000, 1)], pay(B, usd(), 101), PaymentResult::Underfunded),
        ("credit", vec![], pay(B, usd(), 10), PaymentResult::Success),
        ("credit to the issuer", vec![], pay(I, usd(), 100), PaymentResult::Success),
        ("credit to an issuer that is gone", vec![], pay(X, other(X), 1), PaymentResult::SrcNoTrust),
        ("credit to oneself needs room", vec![line(A, 100, 150, 1)], pay(A, usd(), 51), PaymentResult::LineFull),
    ];
    for (what, more, body, expected) in table {
        let mut ledger = ledger_with(more);
        let got = results(&mut ledger, vec![body]);
        assert_eq!(got, vec![OperationResult::OpInner(OperationResultTr::Payment(expected))], "{what}");
    }
}

#[test]
fn the_issuer_mints_and_burns_without_a_line() {
    let mut ledger = ledger_with(vec![]);
    assert_eq!(submit(&mut ledger, tx(I, 1, vec![pay(B, usd(), 7)]), &[I]), SubmitStatus::Pending);
    assert_eq!(submit(&mut ledger, tx(A, 1, vec![pay(I, usd(), 60)]), &[A]), SubmitStatus::Pending);
    assert!(ledger.close(THEN + 5).transactions.iter().all(|transaction| transaction.successful));
    assert_eq!(ledger.balance(&id(B), &usd()), Some(7));
    assert_eq!(ledger.balance(&id(A), &usd()), Some(40));
    assert_eq!(ledger.balance(&id(I), &usd()), None);
}
