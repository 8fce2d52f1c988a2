//! The client against a server that answers as it is told: paging, limits, faults.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use windlass_domain::ports::ledger::{From, Ledger as _, LedgerError, Submission};
use windlass_stellar::setup::{self, Signed};
use windlass_stellar::{Error, RpcLedger, RpcOptions, keys};

/// What to answer to a method with its parameters: the status line's number and the body. No answer: the call hangs.
type Answer = fn(&str, &Value) -> Option<(u16, Value)>;

/// A server, and the calls that it got.
async fn serve(answer: Answer) -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(connection(socket, answer, Arc::clone(&seen)));
        }
    });
    (url, calls)
}

async fn connection(mut socket: TcpStream, answer: Answer, calls: Arc<Mutex<Vec<(String, Value)>>>) {
    let mut request = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..read]);
        let head_end = request.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(body) = head_end.and_then(|at| serde_json::from_slice::<Value>(&request[at..]).ok()) {
            break body;
        }
    };
    let method = body["method"].as_str().unwrap().to_owned();
    calls.lock().unwrap().push((method.clone(), body["params"].clone()));
    let Some((status, answer)) = answer(&method, &body["params"]) else {
        tokio::time::sleep(Duration::from_secs(60)).await;
        return;
    };
    let answer = answer.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /elsewhere\r\nconnection: close\r\n\r\n", answer.len());
    socket.write_all(head.as_bytes()).await.unwrap();
    // The client may have hung up on an answer that is too long.
    let _gone = socket.write_all(answer.as_bytes()).await;
}

fn ok(result: Value) -> Option<(u16, Value)> {
    Some((200, json!({ "jsonrpc": "2.0", "id": 1, "result": result })))
}

fn refused(code: i64, message: &str) -> Option<(u16, Value)> {
    Some((200, json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": message } })))
}

fn client(url: &str) -> RpcLedger {
    let options = RpcOptions { timeout: Duration::from_millis(500), answer_bytes_max: 10_000, ..RpcOptions::default() };
    RpcLedger::new(url, "n", &options).unwrap()
}

#[tokio::test]
async fn many_entries_are_asked_in_pages_and_the_lowest_ledger_counts() {
    let (url, calls) = serve(|_, params| {
        let count = params["keys"].as_array().unwrap().len();
        ok(json!({ "entries": [], "latestLedger": if count == 200 { 10 } else { 9 } }))
    })
    .await;
    let accounts: Vec<_> = (0..=200).map(|n| keys::account_of([n; 32])).collect();
    let twice = [accounts.clone(), accounts].concat();
    let entries = client(&url).entries(&twice, &[]).await.unwrap();
    assert_eq!(entries.latest_ledger, 9);
    let calls = calls.lock().unwrap();
    let sizes: Vec<_> = calls.iter().map(|(_, params)| params["keys"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [200, 200, 2], "each account, and whether it asks for a memo");
}

#[tokio::test]
async fn no_entries_ask_for_the_head_only_and_older_servers_say_its_time_in_a_look_up() {
    let (url, calls) = serve(|method, _| match method {
        "getLatestLedger" => ok(json!({ "sequence": 5 })),
        "getTransaction" => ok(json!({ "status": "NOT_FOUND", "latestLedger": 6, "latestLedgerCloseTime": "77", "oldestLedger": 1 })),
        _ => None,
    })
    .await;
    let ledger = client(&url);
    assert_eq!(ledger.entries(&[], &[]).await.unwrap().latest_ledger, 6);
    let head = ledger.head().await.unwrap();
    assert_eq!((head.sequence, head.close_time_s), (6, 77), "of one and the same ledger");
    assert!(calls.lock().unwrap().iter().all(|(method, params)| method != "getLatestLedger" || params.is_null()));
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_again_with_fewer() {
    let (url, calls) = serve(|_, params| {
        let limit = params["pagination"]["limit"].as_u64().unwrap();
        let padding = "x".repeat(usize::try_from(limit).unwrap() * 100);
        ok(json!({ "transactions": [], "latestLedger": 1, "padding": padding }))
    })
    .await;
    let page = client(&url).payments(&From::Cursor("7".into()), 1_000).await.unwrap();
    assert_eq!(page.next, From::Cursor("7".into()));
    let limits: Vec<_> = calls.lock().unwrap().iter().map(|(_, params)| params["pagination"]["limit"].clone()).collect();
    assert_eq!(limits, [200, 100, 50]);
}

#[tokio::test]
async fn a_history_that_is_not_kept_is_out_of_range() {
    let (url, _) = serve(|method, params| match method {
        "getHealth" => ok(json!({ "status": "healthy", "latestLedger": 90, "oldestLedger": 50 })),
        _ if params["startLedger"].is_null() => refused(-32602, "database does not contain metadata for ledger: 3"),
        _ => refused(-32600, "start ledger (4) must be between the oldest ledger: 50 and the latest ledger: 90 for this rpc instance"),
    })
    .await;
    for (from, asked) in [(From::Cursor("12884901888".into()), 3), (From::Ledger(4), 4)] {
        let error = client(&url).payments(&from, 10).await.unwrap_err();
        assert_eq!(error, LedgerError::OutOfRange { url: url.trim_end_matches('/').into(), asked, oldest: 50, latest: 90 });
    }
}

#[tokio::test]
async fn the_fee_is_what_most_bid_within_bounds() {
    let (url, _) = serve(|_, _| ok(json!({ "inclusionFee": { "p90": "2500" } }))).await;
    assert_eq!(client(&url).fee_per_operation().await, Ok(2_500));
    let (url, _) = serve(|_, _| ok(json!({ "inclusionFee": { "p90": "1" } }))).await;
    assert_eq!(client(&url).fee_per_operation().await, Ok(100));
    let (url, _) = serve(|_, _| ok(json!({ "inclusionFee": { "p90": "99999999999" } }))).await;
    assert_eq!(client(&url).fee_per_operation().await, Ok(1_000_000));
}

#[tokio::test]
async fn rule_1_faults_are_no_answers() {
    let hash = "ab".repeat(32);
    let unavailable: [Answer; 5] = [
        |_, _| None,
        |_, _| Some((503, json!("busy"))),
        |_, _| Some((307, json!({}))),
        |_, _| refused(-32603, "could not submit transaction to stellar-core"),
        |_, _| ok(json!({ "padding": "x".repeat(20_000) })),
    ];
    for (case, answer) in unavailable.into_iter().enumerate() {
        let (url, _) = serve(answer).await;
        let ledger = client(&url);
        assert!(matches!(ledger.submit("AAAA").await, Err(LedgerError::Unavailable { .. })), "case {case}");
        assert!(matches!(ledger.look_up(&hash).await, Err(LedgerError::Unavailable { .. })), "case {case}");
    }
    let undecodable: [Answer; 3] =
        [|_, _| Some((200, json!("hello"))), |_, _| Some((200, json!({ "id": 1 }))), |_, _| ok(json!({ "status": "NEW" }))];
    for (case, answer) in undecodable.into_iter().enumerate() {
        let (url, _) = serve(answer).await;
        let ledger = client(&url);
        assert!(matches!(ledger.submit("AAAA").await, Err(LedgerError::Undecodable { .. })), "case {case}");
        assert!(matches!(ledger.look_up(&hash).await, Err(LedgerError::Undecodable { .. })), "case {case}");
    }
    let nobody = client("http://127.0.0.1:9/");
    assert!(matches!(nobody.submit("AAAA").await, Err(LedgerError::Unavailable { .. })));
}

#[tokio::test]
async fn rule_1_the_end_of_patience_is_no_verdict() {
    let (url, calls) = serve(|method, _| match method {
        "sendTransaction" => ok(json!({ "status": "ERROR", "errorResultXdr": "AAAAAAAAAGT////7AAAAAA==" })),
        _ => ok(json!({ "status": "NOT_FOUND", "latestLedger": 6, "latestLedgerCloseTime": "77", "oldestLedger": 1 })),
    })
    .await;
    let ledger = client(&url);
    assert_eq!(ledger.submit("AAAA").await, Ok(Submission::Refused("txBAD_SEQ".into())));
    let signed = Signed { hash: "ab".repeat(32), xdr: "AAAA".into() };
    let error = setup::submit_and_wait(&ledger, &signed, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(&error, Error::NoVerdict { last, .. } if last.contains("txBAD_SEQ")), "{error}");
    let sent =
        calls.lock().unwrap().iter().filter(|(method, params)| method == "sendTransaction" && params["transaction"] == "AAAA").count();
    assert!(sent > 2, "the same bytes, again and again");
}
