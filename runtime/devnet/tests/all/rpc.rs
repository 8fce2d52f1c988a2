//! The RPC API, the friendbot and the controls.

use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use stellar_xdr::{
    AccountId, Asset, DecoratedSignature, LedgerCloseMeta, LedgerEntryData, LedgerKey, LedgerKeyAccount, Limits, Memo, Operation,
    OperationBody, PaymentOp, Preconditions, ReadXdr, SequenceNumber, Signature, SignatureHint, TimeBounds, TimePoint, Transaction,
    TransactionEnvelope, TransactionExt, TransactionResult, TransactionResultResult, TransactionV1Envelope, WriteXdr,
};
use windlass_devnet::{
    Closing, Devnet, DevnetConfig,
    ledger::{account_id, network_id},
};

use crate::client;

pub(super) async fn devnet(closing: Closing) -> Devnet {
    let config = DevnetConfig { closing, ..DevnetConfig::default() };
    Devnet::start(config).await.expect("a devnet")
}

pub(super) fn key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name; 32])
}

pub(super) fn account(name: u8) -> AccountId {
    account_id(key(name).verifying_key().to_bytes())
}

pub(super) async fn call(devnet: &Devnet, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = client().post(devnet.url()).json(&body).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

pub(super) fn payment(devnet: &Devnet, from: u8, to: u8, sequence: i64, amount: i64, max_time: u64) -> (String, String) {
    let tx = Transaction {
        source_account: account(from).into(),
        fee: 100,
        seq_num: SequenceNumber(sequence),
        cond: Preconditions::Time(TimeBounds { min_time: TimePoint(0), max_time: TimePoint(max_time) }),
        memo: Memo::Text("a payment".try_into().expect("short")),
        operations: vec![Operation {
            source_account: None,
            body: OperationBody::Payment(PaymentOp { destination: account(to).into(), asset: Asset::Native, amount }),
        }]
        .try_into()
        .expect("one operation"),
        ext: TransactionExt::V0,
    };
    let hash = tx.hash(network_id(&devnet.passphrase())).expect("a hash");
    let [.., a, b, c, d] = key(from).verifying_key().to_bytes();
    let signature = DecoratedSignature {
        hint: SignatureHint([a, b, c, d]),
        signature: Signature(key(from).sign(&hash).to_bytes().to_vec().try_into().expect("64 bytes")),
    };
    let envelope = TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures: vec![signature].try_into().expect("one signature") });
    (envelope.to_xdr_base64(Limits::none()).expect("XDR"), hex::encode(hash))
}

/// Asks for a transaction until it is in a ledger.
pub(super) async fn verdict(devnet: &Devnet, hash: &str) -> Value {
    for _ in 0..1500 {
        let answer = call(devnet, "getTransaction", json!({"hash": hash})).await;
        if answer["result"]["status"] != "NOT_FOUND" {
            return answer["result"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{hash} is in no ledger");
}

#[tokio::test]
async fn a_payment_goes_from_friendbot_to_the_ledger() {
    let devnet = devnet(Closing::AtOnce).await;
    let (a, b) = (account(1).to_string(), account(2).to_string());
    for address in [&a, &b] {
        let url = format!("{}?addr={address}", devnet.friendbot_url());
        let funded = client().get(url).send().await.expect("an answer");
        assert_eq!(funded.status(), 200);
    }
    let again = client().post(format!("{}?addr={a}", devnet.friendbot_url())).send().await.expect("an answer");
    assert_eq!(again.status(), 400);
    assert!(again.text().await.expect("a body").contains("createAccountAlreadyExist"));
    let nonsense = client().get(format!("{}?addr=GABC", devnet.friendbot_url())).send().await.expect("an answer");
    assert_eq!(nonsense.status(), 400);

    let key = LedgerKey::Account(LedgerKeyAccount { account_id: account(1) });
    let missing = LedgerKey::Account(LedgerKeyAccount { account_id: account(7) });
    let keys = [&key, &missing].map(|key| key.to_xdr_base64(Limits::none()).expect("XDR"));
    let entries = call(&devnet, "getLedgerEntries", json!({"keys": keys})).await;
    let entries = entries["result"]["entries"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), 1);
    let xdr = entries[0]["xdr"].as_str().expect("text");
    let Ok(LedgerEntryData::Account(entry)) = LedgerEntryData::from_xdr_base64(xdr, Limits::none()) else {
        panic!("not an account: {xdr}");
    };
    assert_eq!(entry.balance, 100_000_000_000);

    let (envelope, hash) = payment(&devnet, 1, 2, entry.seq_num.0 + 1, 5, 0);
    let sent = call(&devnet, "sendTransaction", json!({"transaction": envelope})).await;
    assert_eq!(sent["result"]["status"], "PENDING", "{sent}");
    assert_eq!(sent["result"]["hash"], hash);
    assert!(sent["result"]["latestLedgerCloseTime"].is_string());
    let done = verdict(&devnet, &hash).await;
    assert_eq!(done["status"], "SUCCESS", "{done}");
    assert!(done["createdAt"].is_string() && done["latestLedgerCloseTime"].is_string(), "{done}");
    let result = TransactionResult::from_xdr_base64(done["resultXdr"].as_str().expect("text"), Limits::none());
    assert!(matches!(result.expect("XDR").result, TransactionResultResult::TxSuccess(_)));
    assert_eq!(done["events"]["contractEventsXdr"][0].as_array().map(Vec::len), Some(1));

    let resent = call(&devnet, "sendTransaction", json!({"transaction": envelope})).await;
    assert_eq!(resent["result"]["status"], "TRY_AGAIN_LATER", "{resent}");
    let fees = call(&devnet, "getFeeStats", Value::Null).await;
    assert_eq!(fees["result"]["inclusionFee"]["p90"], "100", "{fees}");
    devnet.shutdown().await;
}

#[tokio::test]
async fn pages_of_transactions_follow_the_cursor_and_an_empty_page_goes_back() {
    let devnet = devnet(Closing::Manual).await;
    devnet.set_closing(Closing::AtOnce);
    devnet.fund(&account(1).to_string()).await.expect("funded");
    devnet.fund(&account(2).to_string()).await.expect("funded");
    devnet.set_closing(Closing::Manual);
    let sequence = devnet.ledger().sequence(&account(1)).expect("it exists");
    let mut hashes = Vec::new();
    for step in 1..=3 {
        let (envelope, hash) = payment(&devnet, 1, 2, sequence + step, 5, 0);
        let sent = call(&devnet, "sendTransaction", json!({"transaction": envelope})).await;
        assert_eq!(sent["result"]["status"], "PENDING", "{sent}");
        devnet.close();
        hashes.push(hash);
    }
    let first_ledger = devnet.ledger().last().sequence() - 2;

    let page = |params: Value| call(&devnet, "getTransactions", params);
    let first = page(json!({"startLedger": first_ledger, "pagination": {"limit": 2}})).await["result"].clone();
    let listed: Vec<&str> = first["transactions"].as_array().expect("a list").iter().filter_map(|one| one["txHash"].as_str()).collect();
    assert_eq!(listed, hashes[..2]);
    assert!(first["transactions"][0]["createdAt"].is_number(), "{first}");
    assert!(first["latestLedgerCloseTimestamp"].is_number(), "{first}");
    let second = page(json!({"pagination": {"cursor": first["cursor"], "limit": 2}})).await["result"].clone();
    assert_eq!(second["transactions"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["transactions"][0]["txHash"], hashes[2].as_str());
    let empty = page(json!({"startLedger": null, "pagination": {"cursor": second["cursor"], "limit": null}})).await["result"].clone();
    assert_eq!(empty["transactions"].as_array().map(Vec::len), Some(0));
    let number = |value: &Value| value["cursor"].as_str().and_then(|text| text.parse::<u64>().ok()).expect("a number");
    assert!(number(&empty) < number(&second));

    let table = [
        (json!({"startLedger": 1}), -32600, "start ledger (1) must be between the oldest ledger: 2 and"),
        (json!({"startLedger": 9999}), -32600, "start ledger (9999) must be between the oldest ledger: 2 and"),
        (json!({}), -32600, "start ledger (0) must be between"),
        (json!({"startLedger": 2, "pagination": {"limit": 1000}}), -32600, "limit must not exceed 200"),
        (json!({"startLedger": 2, "pagination": {"cursor": "5"}}), -32600, "startLedger (2) and cursor (5) cannot both be set"),
        (json!({"pagination": {"cursor": "4294967296"}}), -32602, "database does not contain metadata for ledger: 1"),
        (json!({"pagination": {"cursor": "abc"}}), -32602, "strconv.ParseInt: parsing \"abc\": invalid syntax"),
    ];
    for (params, code, message) in table {
        let answer = page(params).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(answer["error"]["message"].as_str().expect("text").starts_with(message), "{answer}");
    }
}

#[tokio::test]
async fn ledgers_are_told_whole_and_in_pages() {
    let devnet = devnet(Closing::AtOnce).await;
    devnet.fund(&account(1).to_string()).await.expect("funded");
    devnet.set_closing(Closing::Manual);
    devnet.close();
    let latest = call(&devnet, "getLatestLedger", Value::Null).await["result"].clone();
    let first = call(&devnet, "getLedgers", json!({"startLedger": 3, "pagination": {"limit": 1}})).await["result"].clone();
    let Some([funding]) = first["ledgers"].as_array().map(Vec::as_slice) else {
        panic!("not one ledger: {first}");
    };
    let meta = LedgerCloseMeta::from_xdr_base64(funding["metadataXdr"].as_str().expect("text"), Limits::none());
    let Ok(LedgerCloseMeta::V2(meta)) = meta else {
        panic!("not a ledger of the newest kind");
    };
    assert_eq!((meta.ledger_header.header.ledger_seq, meta.tx_processing.len()), (3, 1));
    assert_eq!(hex::encode(meta.ledger_header.hash.0), funding["hash"]);
    let rest = call(&devnet, "getLedgers", json!({"pagination": {"cursor": first["cursor"]}})).await["result"].clone();
    let last = rest["ledgers"].as_array().and_then(|ledgers| ledgers.last()).expect("a ledger");
    assert_eq!((&last["hash"], &last["sequence"]), (&latest["id"], &latest["sequence"]));
    let empty = call(&devnet, "getLedgers", json!({"pagination": {"cursor": rest["cursor"]}})).await["result"].clone();
    assert_eq!((&empty["ledgers"], &empty["cursor"]), (&json!([]), &rest["cursor"]));
    let wrong = call(&devnet, "getLedgers", json!({"pagination": {"cursor": "abc"}})).await;
    assert_eq!(wrong["error"]["message"], "strconv.ParseUint: parsing \"abc\": invalid syntax");
}

#[tokio::test]
async fn json_rpc_is_answered_as_a_node_answers_it() {
    let devnet = devnet(Closing::Manual).await;
    let post = async |body: &'static str| {
        let answer = client().post(devnet.url()).body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let (status, text) = post("{").await;
    assert_eq!((status, text.as_str()), (500, "[-32700] invalid request value\n"));
    let (status, _) = post(r#"{"jsonrpc": "2.0", "method": "getHealth"}"#).await;
    assert_eq!(status, 204);
    let (_, batch) = post(r#"[{"jsonrpc":"2.0","id":1,"method":"getHealth"},{"jsonrpc":"2.0","id":"x","method":"nope"}]"#).await;
    let batch: Value = serde_json::from_str(&batch).expect("JSON");
    assert_eq!(batch[0]["result"]["status"], "healthy");
    assert_eq!(
        batch[1],
        json!({"jsonrpc": "2.0", "id": "x", "error":
        {"code": -32601, "message": "method not found", "data": "nope"}})
    );

    let network = call(&devnet, "getNetwork", Value::Null).await;
    assert_eq!(network["result"]["passphrase"], devnet.passphrase());
    let latest = call(&devnet, "getLatestLedger", Value::Null).await;
    assert_eq!(latest["result"]["sequence"], 2);
    let version = call(&devnet, "getVersionInfo", Value::Null).await;
    assert_eq!(version["result"]["protocolVersion"], 24);
    let table = [
        ("getHealth", json!({"x": 1}), -32602, "no parameters accepted"),
        ("getTransaction", json!({"hash": "xyz"}), -32602, "unexpected hash length (3)"),
        ("getTransaction", json!(["xyz"]), -32602, "invalid parameters"),
        ("sendTransaction", json!({}), -32602, "invalid_xdr"),
        ("sendTransaction", json!({"transaction": "AAAA"}), -32602, "invalid_xdr"),
        ("getLedgerEntries", json!({"keys": ["AAAA"]}), -32602, "cannot unmarshal key value AAAA at index 0"),
        ("getLedgerEntries", json!({}), -32603, "could not query captive core: no keys specified in request"),
    ];
    for (method, params, code, message) in table {
        let answer = call(&devnet, method, params).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["error"]["message"], message, "{answer}");
    }
    let missing = call(&devnet, "getTransaction", json!({"hash": "ab".repeat(32)})).await["result"].clone();
    assert_eq!(missing["status"], "NOT_FOUND");
    assert_eq!((&missing["ledger"], &missing["createdAt"]), (&json!(0), &json!("0")));
}
