//! Recorded answers of a Stellar RPC server (v24.0.0), read by the parse functions. Left out of the recording: metadata and
//! events, which are not read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use windlass_domain::ports::ledger::{From, LookUpStatus, OperationResult, Submission};
use windlass_domain::{AccountId, Amount, Memo};
use windlass_stellar::keys;
use windlass_stellar::rpc::parse::{self, PageError};

/// A recorded answer, by the note it was recorded under.
fn recorded(note: &str) -> (Value, Value) {
    let mut all: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    for line in include_str!("../fixtures/rpc.jsonl").lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        all.insert(line["note"].as_str().unwrap().to_owned(), (line["request"].take(), line["response"].take()));
    }
    all.remove(note).unwrap_or_else(|| panic!("nothing recorded as {note:?}"))
}

fn result(note: &str) -> Value {
    recorded(note).1["result"].take()
}

fn hash_asked(note: &str) -> String {
    recorded(note).0["hash"].as_str().unwrap().to_owned()
}

fn look_up(note: &str) -> windlass_domain::ports::ledger::LookUp {
    parse::look_up(&hash_asked(note), &result(note)).unwrap()
}

#[test]
fn look_ups_found_and_not_found() {
    let absent = look_up("getTransaction before sending");
    assert_eq!(absent.status, LookUpStatus::NotFound, "whatever the other fields say");
    assert_eq!((absent.latest_ledger, absent.latest_close_time_s, absent.oldest_ledger), (480, 1_795_353_198, 7));
    assert_eq!(look_up("getTransaction SUCCESS").status, LookUpStatus::Success { ledger: 481 });
    let failed = LookUpStatus::Failed {
        ledger: 482,
        code: "txFAILED".into(),
        operations: vec![OperationResult::Success, OperationResult::Failed("payment_no_destination".into())],
    };
    assert_eq!(look_up("getTransaction FAILED").status, failed);
}

#[test]
fn a_fee_bump_is_found_by_both_hashes() {
    for note in ["getTransaction by outer hash", "getTransaction by inner hash"] {
        assert_eq!(look_up(note).status, LookUpStatus::Success { ledger: 483 }, "{note}");
    }
    for note in ["getTransaction failed fee bump, outer", "getTransaction failed fee bump, inner"] {
        let LookUpStatus::Failed { ledger: 484, code, operations } = look_up(note).status else { panic!("{note}") };
        assert_eq!(code, "txFEE_BUMP_INNER_FAILED:txFAILED");
        assert_eq!(operations, [OperationResult::Failed("payment_no_destination".into())], "{note}");
    }
}

#[test]
fn rule_1_an_answer_that_does_not_decode_is_unknown() {
    let note = "getTransaction FAILED";
    let good = result(note);
    let changed = |name: &str, value: Value| {
        let mut answer = good.clone();
        answer[name] = value;
        answer
    };
    // txFROZEN_KEY_ACCESSED is -18 in protocol 26; -99 is what a later one may add.
    let unknown_code = "AAAAAAAAAGT///+dAAAAAA==";
    for (name, value) in [
        ("resultXdr", json!(unknown_code)),
        ("resultXdr", json!("AAAA")),
        ("resultXdr", json!("%")),
        ("resultXdr", Value::Null),
        ("resultXdr", json!("AAAAAAAAAGQAAAAAAAAAAQAAAAAAAAABAAAAAAAAAAA=")),
        ("status", json!("MAYBE")),
        ("status", Value::Null),
        ("ledger", json!(0)),
        ("ledger", json!(-1)),
        ("latestLedger", Value::Null),
        ("latestLedgerCloseTime", json!("soon")),
        ("oldestLedger", Value::Null),
        ("txHash", json!("ab".repeat(32))),
    ] {
        let answer = changed(name, value);
        assert!(parse::look_up(&hash_asked(note), &answer).is_err(), "{name}: {}", answer[name]);
    }
}

#[test]
fn rule_1_a_success_that_contradicts_itself_is_unknown() {
    let note = "getTransaction SUCCESS";
    let mut answer = result(note);
    answer["resultXdr"] = result("getTransaction FAILED")["resultXdr"].take();
    assert!(parse::look_up(&hash_asked(note), &answer).is_err());
    // But what a newer protocol adds to the result of a success does not unmake it.
    answer["resultXdr"] = json!("AAAA");
    assert!(matches!(parse::look_up(&hash_asked(note), &answer).unwrap().status, LookUpStatus::Success { .. }));
}

#[test]
fn rule_1_an_absence_without_its_ledger_is_unknown() {
    let note = "unknown hash";
    for name in ["latestLedger", "latestLedgerCloseTime", "oldestLedger"] {
        let mut answer = result(note);
        answer.as_object_mut().unwrap().remove(name);
        assert!(parse::look_up(&hash_asked(note), &answer).is_err(), "{name}");
    }
}

#[test]
fn numbers_may_be_texts_and_texts_numbers() {
    let note = "getTransaction SUCCESS";
    let mut answer = result(note);
    answer["latestLedger"] = json!("481");
    answer["latestLedgerCloseTime"] = json!(1_795_353_199);
    let read = parse::look_up(&hash_asked(note), &answer).unwrap();
    assert_eq!((read.latest_ledger, read.latest_close_time_s), (481, 1_795_353_199));
}

#[test]
fn rule_1_what_a_submission_answers() {
    let refused = |text: &str| Submission::Refused(text.into());
    for (note, expected) in [
        ("PENDING", Submission::Pending),
        ("DUPLICATE", Submission::Duplicate),
        ("TRY_AGAIN_LATER: next sequence", Submission::TryAgainLater),
        ("sent again after it was applied", Submission::TryAgainLater),
        ("sent again after it failed", Submission::TryAgainLater),
        ("inner again after the bump was applied", refused("txBAD_SEQ")),
        ("fee bump below ten times the queued fee", refused("txINSUFFICIENT_FEE")),
        ("ERROR: bad sequence", refused("txBAD_SEQ")),
        ("ERROR: bad auth", refused("txBAD_AUTH")),
        ("ERROR: too late", refused("txTOO_LATE")),
        ("ERROR: too early", refused("txTOO_EARLY")),
        ("ERROR: missing operation", refused("txMISSING_OPERATION")),
        ("ERROR: no account", refused("txNO_ACCOUNT")),
        ("ERROR: insufficient balance", refused("txINSUFFICIENT_BALANCE")),
        ("ERROR: malformed operation", refused("txFAILED (payment_malformed)")),
        ("ERROR: operation bad auth", refused("txFAILED (op_bad_auth)")),
        ("ERROR: fee bump, inner bad sequence", refused("txFEE_BUMP_INNER_FAILED:txBAD_SEQ")),
    ] {
        assert_eq!(parse::submission(&result(note)), Ok(expected), "{note}");
    }
    for answer in
        [json!({}), json!({ "status": "FILTERED" }), json!({ "status": "ERROR" }), json!({ "status": "ERROR", "errorResultXdr": "AAAA" })]
    {
        assert!(parse::submission(&answer).is_err(), "{answer}");
    }
}

#[test]
fn accounts_and_trustlines() {
    let one = parse::entries(&result("account")).unwrap();
    assert_eq!(one.latest_ledger, 480);
    let (account, entry) = one.accounts.first_key_value().unwrap();
    assert_eq!(keys::parse_account(account.as_str()).unwrap(), *account);
    assert_eq!((entry.sequence, entry.balance), ((426 << 32) + 22, Amount::from_units(9_938_997_701)));
    assert!(entry.available < entry.balance && entry.available.is_positive(), "{entry:?}");
    assert!(one.memo_required.is_empty());
    let none = parse::entries(&result("missing account")).unwrap();
    assert!(none.accounts.is_empty() && none.latest_ledger == 480);
    let limited = parse::entries(&result("trust line sponsored, limited authorization")).unwrap();
    let ((_, asset), line) = limited.trustlines.first_key_value().unwrap();
    assert_eq!(asset.code(), "REGULATED");
    assert!(!line.authorized, "authorised to keep what it holds is not authorised to receive");
}

#[test]
fn entries_that_were_not_asked_for_or_do_not_decode_are_an_error() {
    assert!(parse::entries(&result("several kinds, one missing")).is_err(), "of data entries, only the one of SEP-29 is asked for");
    let mut answer = result("account");
    answer["entries"][0]["xdr"] = json!("AAAA");
    assert!(parse::entries(&answer).is_err());
    answer["entries"] = Value::Null;
    assert!(parse::entries(&answer).unwrap().accounts.is_empty());
}

#[test]
fn rule_2_pages_follow_each_other_and_an_empty_one_keeps_its_cursor() {
    let first = parse::payments("n", &From::Ledger(424), 3, &result("getTransactions first page")).unwrap();
    assert_eq!(first.next, From::Cursor("1842540974081".into()));
    assert_eq!((first.at_end, first.latest_ledger), (false, 484));
    assert!(first.undecodable.is_empty());
    let given = From::Cursor("2078764175361".into());
    let end = parse::payments("n", &given, 10, &result("getTransactions end of the ledger")).unwrap();
    assert_eq!(end.next, given, "the answer's own cursor lies before it");
    assert!(end.at_end && end.payments.is_empty());
}

#[test]
fn rule_2_failed_transactions_pay_nothing() {
    let page = parse::payments("n", &From::Ledger(484), 10, &result("getTransactions from the newest ledger")).unwrap();
    assert_eq!((page.payments, page.undecodable), (vec![], vec![]));
    assert_eq!(page.next, From::Cursor("2078764175361".into()));
}

/// A page with the recorded payment to a muxed account, as getTransactions lists it.
fn page_of_one() -> Value {
    let found = result("getTransaction SUCCESS");
    let mut page = result("getTransactions from the newest ledger");
    for name in ["status", "txHash", "envelopeXdr", "resultXdr", "ledger", "createdAt", "applicationOrder"] {
        page["transactions"][0][name] = found[name].clone();
    }
    page
}

#[test]
fn rule_2_a_muxed_id_wins_over_the_memo() {
    let page = parse::payments("n", &From::Ledger(481), 10, &page_of_one()).unwrap();
    let [first, second] = page.payments.as_slice() else { panic!("{page:?}") };
    assert_eq!((first.memo.clone(), second.memo.clone()), (Some(Memo::Text("rpc-1".into())), Some(Memo::Id(99))));
    assert_eq!((first.amount.units(), second.amount.units()), (111, 222));
    assert_eq!((first.operation_index, second.operation_index), (0, 1));
    assert_eq!(first.to, second.to, "the muxed address's account");
    assert_eq!(first.transaction_hash, "b04f7c58b1666227e3e3947a667a960d9c5fded3bc9e59547218ac0b235d7a4a");
    assert_eq!((first.ledger, first.closed_at), (481, 1_795_353_199_000));
    assert_eq!(AccountId::new(first.from.as_str()).map(|from| from.to_string()), Ok(first.from.clone()));
}

#[test]
fn rule_2_what_does_not_decode_is_listed_and_not_in_the_way() {
    let mut page = page_of_one();
    let good = page["transactions"][0].clone();
    let mut bad = Vec::new();
    for (name, value) in
        [("envelopeXdr", json!("AAAA")), ("resultXdr", json!("AAAA")), ("status", json!("NEW")), ("createdAt", Value::Null)]
    {
        let mut transaction = good.clone();
        transaction[name] = value;
        bad.push(transaction);
    }
    let count = bad.len();
    page["transactions"] = Value::Array([bad, vec![good]].concat());
    let page = parse::payments("n", &From::Ledger(481), 10, &page).unwrap();
    assert_eq!((page.payments.len(), page.undecodable.len()), (2, count));
    assert!(page.undecodable.iter().all(|(hash, why)| hash.starts_with("b04f7c58") && !why.is_empty()), "{:?}", page.undecodable);
}

#[test]
fn older_servers_do_not_say_the_hash_and_it_is_made_from_the_envelope() {
    let mut page = page_of_one();
    page["transactions"][0].as_object_mut().unwrap().remove("txHash");
    let page = parse::payments("Standalone Network ; February 2017", &From::Ledger(481), 10, &page).unwrap();
    assert_eq!(page.payments[0].transaction_hash, "b04f7c58b1666227e3e3947a667a960d9c5fded3bc9e59547218ac0b235d7a4a");
}

#[test]
fn a_page_without_what_is_needed_to_go_on_is_an_error() {
    for (name, value) in [("cursor", Value::Null), ("cursor", json!("abc")), ("latestLedger", Value::Null), ("transactions", json!({}))] {
        let mut page = page_of_one();
        page[name] = value;
        assert!(parse::payments("n", &From::Ledger(481), 10, &page).is_err(), "{name}");
    }
}

#[test]
fn refusals_of_pages_name_the_range() {
    let refusal = |note| {
        let error = recorded(note).1["error"].take();
        parse::page_error(error["code"].as_i64().unwrap(), error["message"].as_str().unwrap())
    };
    for (note, expected) in [
        ("getTransactions too old", Some(PageError::Range { asked: 1, oldest: 7, latest: 484 })),
        ("getTransactions future", Some(PageError::Range { asked: 10_479, oldest: 7, latest: 484 })),
        ("getTransactions cursor before the kept history", Some(PageError::NotKept { asked: 1 })),
        ("getTransactions limit too large", None),
        ("getTransactions both cursor and start", None),
    ] {
        assert_eq!(refusal(note), expected, "{note}");
    }
}

#[test]
fn the_small_answers() {
    assert_eq!(parse::network(&result("getNetwork")).as_deref(), Ok("Standalone Network ; February 2017"));
    assert_eq!(parse::head(&result("getLatestLedger")), Ok((479, None)));
    assert_eq!(parse::head(&json!({ "sequence": 479, "closeTime": "1795353198" })), Ok((479, Some(1_795_353_198))));
    assert_eq!(parse::range(&result("getHealth")), Ok((7, 479)));
    assert_eq!(parse::fee(&result("getFeeStats")), Ok(100));
}
