//! The client against small servers that answer, mislead, break off and stay silent.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use windlass_domain::TenantId;
use windlass_domain::manifest::{HostRule, Manifest};
use windlass_domain::ports::egress::{Egress, EgressError, IncomingResponse, OutgoingRequest, OutgoingValue};
use windlass_domain::ports::secrets::SecretBytes;
use windlass_egress::{CheckedEgress, Lookup, Loopback, OperatorPolicy};

/// What a server does with a request.
#[derive(Clone)]
enum Behaviour {
    /// Answers these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Answers the first request of a connection; the next one on the same connection is cut off unanswered.
    CutOffSecond,
    /// Reads the request and closes.
    CutOff,
    /// Reads the request and says nothing.
    Silent,
}

struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (seen, opened) = (requests.clone(), connections.clone());
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                opened.fetch_add(1, Ordering::SeqCst);
                let (behaviour, seen) = (behaviour.clone(), seen.clone());
                tokio::spawn(async move {
                    let mut answered = 0;
                    let mut buffer = vec![0; 65_536];
                    loop {
                        let read = socket.read(&mut buffer).await.unwrap_or(0);
                        if read == 0 {
                            return;
                        }
                        seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                        match &behaviour {
                            Behaviour::Answer(bytes) => {
                                let _ = socket.write_all(bytes).await;
                            }
                            Behaviour::CutOffSecond if answered == 0 => {
                                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                            }
                            Behaviour::CutOff | Behaviour::CutOffSecond => return,
                            Behaviour::Silent => {}
                        }
                        answered += 1;
                    }
                });
            }
        });
        Self { port, requests, connections }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(text: &str) -> Behaviour {
    Behaviour::Answer(text.as_bytes().to_vec())
}

fn manifest(url: &str) -> Manifest {
    let methods = ["GET", "HEAD", "POST"].map(str::to_owned).to_vec();
    Manifest {
        hosts: vec![HostRule { url: url.into(), methods, paths: vec!["/".into()], secrets: vec!["key".into()] }],
        ..Manifest::default()
    }
}

fn request(method: &str, url: &str) -> OutgoingRequest {
    OutgoingRequest {
        method: method.into(),
        url: url.into(),
        headers: vec![],
        body: vec![],
        idempotency_key: None,
        response_body_bytes: 1_000,
        header_bytes: 1_000,
        timeout_ms: 5_000,
    }
}

fn open() -> CheckedEgress {
    CheckedEgress::new(OperatorPolicy { allow_http: true, loopback: Loopback::Any }).unwrap()
}

async fn send(egress: &CheckedEgress, base: &str, request: OutgoingRequest) -> Result<IncomingResponse, EgressError> {
    egress.send(&TenantId::new("acme").unwrap(), &manifest(base), request).await
}

#[tokio::test]
async fn a_request_goes_out_as_written_and_the_answer_comes_back_masked() {
    let server = Server::start(answer("HTTP/1.1 201 Created\r\ncontent-length: 12\r\nX-Echo: Bearer s3cret!\r\n\r\nyou:s3cret!.")).await;
    let mut asked = request("POST", &format!("{}/v1/pay?x=1", server.url()));
    let secret = OutgoingValue::Secret { name: "key".into(), prefix: "Bearer ".into(), value: SecretBytes::new(b"s3cret!".to_vec()) };
    asked.headers = vec![("Authorization".into(), secret), ("X-Plain".into(), OutgoingValue::Plain("yes".into()))];
    asked.body = b"{}".to_vec();
    asked.idempotency_key = Some("abc123".into());
    let response = send(&open(), &server.url(), asked).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (201, &b"you:***."[..]));
    assert!(response.headers.contains(&("x-echo".into(), "Bearer ***".into())), "{:?}", response.headers);
    let sent = server.requests().concat().to_ascii_lowercase();
    for line in [
        "post /v1/pay?x=1 http/1.1\r\n",
        "authorization: bearer s3cret!\r\n",
        "x-plain: yes\r\n",
        "idempotency-key: abc123\r\n",
        "accept-encoding: identity\r\n",
    ] {
        assert!(sent.contains(line), "{line:?} is missing in {sent:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = Server::start(answer("HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n")).await;
    let response = send(&open(), &server.url(), request("GET", &server.url())).await.unwrap();
    assert_eq!((response.status, server.requests().len()), (302, 1));
}

#[tokio::test]
async fn bodies_are_not_unpacked() {
    let server = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x0b..")).await;
    let response = send(&open(), &server.url(), request("GET", &server.url())).await.unwrap();
    assert_eq!(response.body, b"\x1f\x0b..");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_cut_off() {
    let declared = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n")).await;
    let streamed = Server::start(Behaviour::Answer([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1_001]].concat())).await;
    let headers =
        Server::start(Behaviour::Answer(format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1_000)).into_bytes()))
            .await;
    for server in [declared, streamed, headers] {
        let result = send(&open(), &server.url(), request("GET", &server.url())).await;
        assert!(matches!(result, Err(EgressError::TooLarge(_))), "{result:?}");
    }
}

#[tokio::test]
async fn rule_3_only_a_failed_connection_is_certain_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let result = send(&open(), &closed, request("POST", &closed)).await;
    assert!(matches!(result, Err(EgressError::NotConnected(_))), "{result:?}");

    let plain = Server::start(Behaviour::CutOff).await;
    let tls = format!("https://127.0.0.1:{}", plain.port);
    let result = send(&open(), &tls, request("POST", &tls)).await;
    assert!(matches!(result, Err(EgressError::NotConnected(_))), "{result:?}");
    let hello = plain.requests().concat();
    assert!(hello.starts_with("\u{16}\u{3}") && !hello.contains("POST"), "only a TLS greeting may have been sent: {hello:?}");

    for behaviour in [
        Behaviour::CutOff,
        answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        answer("no HTTP at all\r\n\r\n"),
        Behaviour::Silent,
    ] {
        let server = Server::start(behaviour).await;
        let mut asked = request("POST", &server.url());
        asked.timeout_ms = 300;
        let result = send(&open(), &server.url(), asked).await;
        assert!(matches!(result, Err(EgressError::NoAnswer(_))), "{result:?}");
        assert_eq!(server.requests().len(), 1, "sent more than once");
    }
}

#[tokio::test]
async fn rule_3_a_request_on_a_used_connection_that_is_cut_off_is_not_sent_again() {
    let server = Server::start(Behaviour::CutOffSecond).await;
    let egress = open();
    assert_eq!(send(&egress, &server.url(), request("POST", &server.url())).await.unwrap().status, 200);
    let result = send(&egress, &server.url(), request("POST", &server.url())).await;
    assert!(matches!(result, Err(EgressError::NoAnswer(_))), "{result:?}");
    assert_eq!((server.requests().len(), server.connections.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn rule_3_a_request_with_a_key_gets_a_connection_of_its_own() {
    let server = Server::start(Behaviour::CutOffSecond).await;
    let egress = open();
    for _ in 0..3 {
        let mut asked = request("POST", &server.url());
        asked.idempotency_key = Some("abc".into());
        assert_eq!(send(&egress, &server.url(), asked).await.unwrap().status, 200);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn tenants_do_not_share_connections() {
    let server = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let egress = open();
    for tenant in ["acme", "acme", "other"] {
        egress.send(&TenantId::new(tenant).unwrap(), &manifest(&server.url()), request("GET", &server.url())).await.unwrap();
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

/// Answers as told, one answer after the other.
struct Changing(Mutex<Vec<IpAddr>>);

#[async_trait]
impl Lookup for Changing {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![self.0.lock().unwrap().pop().unwrap()])
    }
}

#[tokio::test]
async fn a_name_that_changes_to_a_refused_address_is_denied() {
    let server = Server::start(answer("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")).await;
    let lookup = Changing(Mutex::new(vec![Ipv4Addr::new(169, 254, 169, 254).into(), Ipv4Addr::LOCALHOST.into()]));
    let operator = OperatorPolicy { allow_http: true, loopback: Loopback::Ports(vec![server.port]) };
    let egress = CheckedEgress::with_lookup(operator, Arc::new(lookup)).unwrap();
    let base = format!("http://bank.example:{}", server.port);
    assert_eq!(send(&egress, &base, request("GET", &base)).await.unwrap().status, 200);
    match send(&egress, &base, request("GET", &base)).await {
        Err(EgressError::Denied(text)) => assert!(text.contains("169.254.169.254") && text.contains("link-local"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn loopback_is_reached_by_name_only_on_a_listed_port() {
    let server = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let base = format!("http://localhost:{}", server.port);
    let closed = CheckedEgress::new(OperatorPolicy { allow_http: true, loopback: Loopback::Ports(vec![1]) }).unwrap();
    let result = send(&closed, &base, request("GET", &base)).await;
    assert!(matches!(&result, Err(EgressError::Denied(text)) if text.contains("loopback")), "{result:?}");
    let listed = CheckedEgress::new(OperatorPolicy { allow_http: true, loopback: Loopback::Ports(vec![server.port]) }).unwrap();
    assert_eq!(send(&listed, &base, request("GET", &base)).await.unwrap().status, 200);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nothing_leaves_without_the_manifests_word() {
    let server = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let result = send(&open(), "https://api.bank.example", request("GET", &format!("{}/x", server.url()))).await;
    let line = format!(r#"{{"url":"{}","methods":["GET"],"paths":["/x"],"secrets":[]}}"#, server.url());
    assert_eq!(result, Err(EgressError::Denied(line)));
    assert_eq!(server.requests().len(), 0);
}
