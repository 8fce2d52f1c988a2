//! Starting and stopping the whole runtime against the devnet.

use windlass::{Config, Database, Error, MasterKey, Network, Runtime};
use windlass_devnet::{Devnet, DevnetConfig};

fn config(passphrase: &str, rpc_url: &str) -> Config {
    let network = Network { passphrase: passphrase.to_owned(), rpc_url: rpc_url.to_owned() };
    Config::new(Database::InMemory, network, MasterKey::from_bytes([1; 32]), "operator")
}

/// The status line of a GET, without an HTTP client: the runtime has none to lend.
async fn get(api_url: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(api_url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: windlass\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_answers_and_stops() {
    let devnet = Devnet::start(DevnetConfig::default()).await.unwrap();
    let running = Runtime::start(config(&devnet.passphrase(), &devnet.url())).await.unwrap();
    let url = running.api_url();
    assert_eq!(get(&url, "/healthz").await, "HTTP/1.1 200 OK");
    assert_eq!(get(&url, "/v1/tenants").await, "HTTP/1.1 401 Unauthorized");
    running.shutdown().await;
    assert!(tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.is_err(), "nothing listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_another_network_stops_the_start() {
    let devnet = Devnet::start(DevnetConfig::default()).await.unwrap();
    let error = Runtime::start(config("Another Network", &devnet.url())).await.err().expect("refused");
    assert!(matches!(&error, Error::WrongNetwork { found, .. } if *found == devnet.passphrase()), "{error}");
    assert!(error.is_configuration());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_does_not_answer_does_not() {
    let running = Runtime::start(config("Any Network", "http://127.0.0.1:9")).await.unwrap();
    assert_eq!(get(&running.api_url(), "/healthz").await, "HTTP/1.1 200 OK");
    running.shutdown().await;
}
