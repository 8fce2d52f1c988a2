//! `http-client` through the real way out, against a small server, with the journal watched.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wasm_encoder::{Instruction, MemArg};
use windlass_domain::job::{Receipt, RunEnd};
use windlass_domain::manifest::{HostRule, Manifest};
use windlass_domain::ports::egress::IncomingResponse;
use windlass_domain::ports::guest::{HostFault, Intent};
use windlass_egress::{CheckedEgress, Loopback, OperatorPolicy};

use crate::made;
use crate::support::{Bench, FakeHost, after_deposit, call};

/// Answers every request with these bytes, and keeps what came.
async fn server(answer: &'static [u8]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/pay", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 10_000];
            let read = socket.read(&mut buffer).await.unwrap();
            seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
            socket.write_all(answer).await.unwrap();
        }
    });
    (url, requests)
}

/// Posts to the URL with the effect `payout`, without headers and body, and returns ok if the answer is of the wanted kind:
/// 0 for a response, 1 for an error.
fn payout(url: &str, wanted: i32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut put = |at: i32, text: &str| {
        for (index, byte) in text.bytes().enumerate() {
            let store = MemArg { offset: 0, align: 0, memory_index: 0 };
            body.extend([
                Instruction::I32Const(at + i32::try_from(index).unwrap()),
                Instruction::I32Const(byte.into()),
                Instruction::I32Store8(store),
            ]);
        }
    };
    put(2_048, url);
    put(4_096, "payout");
    let length = i32::try_from(url.len()).unwrap();
    // method post, url, no headers, no body, effect named("payout"), the answer at 512.
    body.extend([2, 2_048, length, 0, 0, 0, 0, 0, 1, 4_096, 6, 512].map(Instruction::I32Const));
    body.push(Instruction::Call(0));
    let load = MemArg { offset: 0, align: 0, memory_index: 0 };
    body.extend([
        Instruction::I32Const(512),
        Instruction::I32Load8U(load),
        Instruction::I32Const(wanted),
        Instruction::I32Ne,
        Instruction::If(wasm_encoder::BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
        Instruction::I32Const(8),
    ]);
    made::after_deposit(&["http-client.send"], &body)
}

async fn run(url: &str, allowed: bool, wanted: i32, intent: Result<Intent, HostFault>) -> (RunEnd, Vec<String>, Receipt) {
    let egress = CheckedEgress::new(OperatorPolicy { allow_http: true, loopback: Loopback::Any }).unwrap();
    let bench = Bench::new(Arc::new(egress));
    let host = Arc::new(FakeHost { intent, ..FakeHost::blank() });
    let mut call = call(after_deposit());
    if allowed {
        let origin = url.strip_suffix("/pay").unwrap().to_owned();
        let rule = HostRule { url: origin, methods: vec!["POST".into()], paths: vec!["/".into()], secrets: vec![] };
        call.manifest = Manifest { hosts: vec![rule], ..Manifest::default() };
    }
    let outcome = bench.run(&payout(url, wanted), &host, call).await;
    (outcome.end, host.journal(), outcome.receipt)
}

const PAID: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\npaid";

fn send() -> Result<Intent, HostFault> {
    Ok(Intent::Send { key: "c0ffee".into() })
}

#[tokio::test]
async fn rule_3_the_intent_is_recorded_before_and_the_answer_after() {
    let (url, requests) = server(PAID).await;
    let (end, journal, receipt) = run(&url, true, 0, send()).await;
    assert_eq!((end, journal), (RunEnd::Returned, vec!["intend payout".into(), "answered payout: complete 201".into()]));
    let sent = requests.lock().unwrap().concat().to_ascii_lowercase();
    assert!(sent.starts_with("post /pay http/1.1\r\n") && sent.contains("idempotency-key: c0ffee\r\n"), "{sent}");
    assert_eq!((receipt.http_requests, receipt.bytes_in), (1, 19));
}

#[tokio::test]
async fn rule_3_a_denied_effect_leaves_no_intent() {
    let (url, requests) = server(PAID).await;
    let (end, journal, receipt) = run(&url, false, 1, send()).await;
    assert_eq!((end, journal.len(), receipt.bytes_out), (RunEnd::Returned, 0, 0));
    assert_eq!(requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn rule_3_no_connection_is_recorded_as_not_sent_and_a_lost_answer_as_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/pay", listener.local_addr().unwrap());
    drop(listener);
    let (end, journal, _) = run(&closed, true, 1, send()).await;
    assert_eq!((end, journal.last().map(String::as_str)), (RunEnd::Returned, Some("answered payout: not sent")));
    let (url, _) = server(b"").await;
    let (end, journal, _) = run(&url, true, 1, send()).await;
    assert_eq!((end, journal.last().map(String::as_str)), (RunEnd::Returned, Some("answered payout: no answer")));
}

#[tokio::test]
async fn rule_3_a_replayed_answer_sends_nothing() {
    let (url, requests) = server(PAID).await;
    let replay = Intent::Replay(IncomingResponse { status: 201, headers: vec![], body: b"paid".to_vec() });
    let (end, journal, receipt) = run(&url, true, 0, Ok(replay)).await;
    assert_eq!((end, journal, receipt.bytes_out), (RunEnd::Returned, vec!["intend payout".into()], 0));
    assert_eq!(requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn rule_3_what_the_journal_refuses_ends_the_run_unsent() {
    let (url, requests) = server(PAID).await;
    for (intent, expected) in [
        (Ok(Intent::Refuse("payout was sent with another request".into())), RunEnd::Trapped("payout was sent with another request".into())),
        (Err(HostFault::LeaseLost), RunEnd::LeaseLost),
        (Err(HostFault::Failed("the store is away".into())), RunEnd::HostFault("the store is away".into())),
    ] {
        assert_eq!(run(&url, true, 0, intent).await.0, expected);
    }
    assert_eq!(requests.lock().unwrap().len(), 0);
}
