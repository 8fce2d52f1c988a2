//! The controls: when ledgers close, and what goes wrong on the way.

use std::time::Duration;

use serde_json::{Value, json};
use stellar_xdr::{
    Asset, Limits, Memo, Operation, OperationBody, Preconditions, SequenceNumber, Transaction, TransactionEnvelope, TransactionExt,
    WriteXdr,
};
use windlass_devnet::{Closing, Fault, FaultMode};

use crate::{
    client,
    rpc::{account, call, devnet, payment, verdict},
};

#[tokio::test]
async fn ledgers_close_at_an_interval_and_by_hand() {
    let devnet = devnet(Closing::Interval(Duration::from_millis(10))).await;
    let started = devnet.ledger().last().sequence();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(devnet.ledger().last().sequence() > started);

    let closing = format!("{}/control/closing", devnet.url());
    let set = client().put(&closing).json(&json!({"mode": "manual"})).send().await.expect("an answer");
    assert_eq!(set.status(), 204);
    let wrong = client().put(&closing).json(&json!({"mode": "never"})).send().await.expect("an answer");
    assert!(wrong.status().is_client_error());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = devnet.ledger().last().sequence();
    let closed = client().post(format!("{}/control/close", devnet.url())).send().await.expect("an answer");
    let closed: Value = closed.json().await.expect("JSON");
    assert_eq!(closed["ledger"], before + 1);
}

#[tokio::test]
async fn a_dropped_submission_is_acted_on_and_a_failed_one_is_not() {
    let devnet = devnet(Closing::AtOnce).await;
    devnet.fund(&account(1).to_string()).await.expect("funded");
    devnet.fund(&account(2).to_string()).await.expect("funded");
    let sequence = devnet.ledger().sequence(&account(1)).expect("it exists");
    let (envelope, hash) = payment(&devnet, 1, 2, sequence + 1, 5, 0);
    let params = json!({"transaction": envelope});

    devnet.set_fault("sendTransaction", Some(Fault { mode: FaultMode::Fail, times: Some(1) }));
    let failed = call(&devnet, "sendTransaction", params.clone()).await;
    assert_eq!(failed["error"]["code"], -32603, "{failed}");
    assert_eq!(devnet.ledger().waiting(), 0);

    let faults = format!("{}/control/faults", devnet.url());
    let fault = json!({"method": "sendTransaction", "mode": "drop-after", "times": 1});
    let set = client().put(&faults).json(&fault).send().await.expect("an answer");
    assert_eq!(set.status(), 204);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": params});
    let dropped = client().post(devnet.url()).json(&body).send().await;
    assert!(dropped.is_err(), "{dropped:?}");
    assert_eq!(verdict(&devnet, &hash).await["status"], "SUCCESS");
}

#[tokio::test]
async fn a_stalled_call_goes_on_when_it_is_released() {
    let devnet = devnet(Closing::Manual).await;
    devnet.set_fault("getHealth", Some(Fault { mode: FaultMode::Stall, times: None }));
    let stalled = call(&devnet, "getHealth", Value::Null);
    tokio::pin!(stalled);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut stalled).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(call(&devnet, "getLatestLedger", Value::Null).await["result"]["sequence"], 2);
    devnet.set_fault("getHealth", None);
    assert_eq!(stalled.await["result"]["status"], "healthy");
}

#[tokio::test]
async fn an_operation_outside_is_refused_by_name() {
    let devnet = devnet(Closing::Manual).await;
    let tx = Transaction {
        source_account: account(1).into(),
        fee: 100,
        seq_num: SequenceNumber(1),
        cond: Preconditions::None,
        memo: Memo::None,
        operations: vec![Operation { source_account: None, body: OperationBody::Inflation }].try_into().expect("one"),
        ext: TransactionExt::V0,
    };
    let envelope = TransactionEnvelope::from(tx).to_xdr_base64(Limits::none()).expect("XDR");
    let answer = call(&devnet, "sendTransaction", json!({"transaction": envelope})).await;
    assert_eq!(answer["error"]["code"], -32000, "{answer}");
    assert!(answer["error"]["message"].as_str().expect("text").contains("Inflation"), "{answer}");
}

#[tokio::test]
async fn many_wishes_share_a_friendbot_transaction() {
    let devnet = devnet(Closing::AtOnce).await;
    let wishes = (10..60).map(|name| {
        let url = format!("{}?addr={}", devnet.friendbot_url(), account(name));
        async move { client().get(url).send().await.expect("an answer").status().as_u16() }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for wish in wishes.collect::<Vec<_>>() {
        tasks.spawn(wish);
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == 200));
    let ledger = devnet.ledger();
    assert!((10..60).all(|name| ledger.balance(&account(name), &Asset::Native) == Some(100_000_000_000)));
    assert!(ledger.last().sequence() < 40, "{}", ledger.last().sequence());
}

#[tokio::test]
async fn a_stalled_submission_is_acted_on_later_although_its_client_has_gone() {
    let devnet = devnet(Closing::AtOnce).await;
    devnet.fund(&account(1).to_string()).await.expect("funded");
    devnet.fund(&account(2).to_string()).await.expect("funded");
    let sequence = devnet.ledger().sequence(&account(1)).expect("it exists");
    let (envelope, hash) = payment(&devnet, 1, 2, sequence + 1, 5, 0);
    let stall = Fault { mode: FaultMode::Stall, times: None };
    devnet.set_fault("sendTransaction", Some(stall));
    let sent = call(&devnet, "sendTransaction", json!({"transaction": envelope}));
    let given_up = tokio::time::timeout(Duration::from_secs(1), sent).await;
    assert!(given_up.is_err(), "{given_up:?}");
    devnet.set_fault("sendTransaction", None);
    assert_eq!(verdict(&devnet, &hash).await["status"], "SUCCESS");
}
