//! The demo, as people run it. A binary of its own, and one run at a time: it has to be done within its seconds.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use windlass_devnet::{Closing, Devnet, DevnetConfig};
use windlass_tests::people::fresh_key;

fn demo(arguments: &[&str]) -> (Option<i32>, Value) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(env!("CARGO_BIN_EXE_windlass-demo")).arg("--json").args(arguments).output().expect("the demo starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let summary = serde_json::from_str(last).unwrap_or_else(|error| {
        panic!("the last line {last:?} is not JSON ({error}); the demo said: {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code(), summary)
}

#[test]
fn everything_is_completed_and_the_books_balance() {
    let (code, summary) = demo(&[]);
    assert_eq!(code, Some(0), "{summary}");
    assert_eq!((&summary["deposits_completed"], &summary["withdrawals_completed"]), (&20.into(), &20.into()));
    assert_eq!((&summary["balanced"], &summary["tenants"]), (&true.into(), &2.into()));
    let seconds = summary["seconds"].as_f64().expect("a number of seconds");
    assert!(seconds < 15.0, "{seconds} s: the demo has to be done within 15");
}

#[test]
fn a_lost_line_of_the_bank_is_noticed() {
    let (code, summary) = demo(&["--sabotage", "bank-line"]);
    assert_eq!((code, &summary["balanced"]), (Some(1), &false.into()), "{summary}");
}

/// As on any other network: nothing but its RPC, its passphrase and an account that pays; ledgers close each second.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_story_runs_on_another_network() {
    let passphrase = "Some other network ; 2026".to_owned();
    let closing = Closing::Interval(Duration::from_secs(1));
    let network = Devnet::start(DevnetConfig { passphrase, closing, ..DevnetConfig::default() }).await.expect("a network");
    let funder = fresh_key().expect("a key");
    network.fund(funder.account().as_str()).await.expect("the funder has its lumens");
    let (rpc, passphrase, secret) = (network.url(), network.passphrase(), funder.secret());
    let run = move || demo(&["--rpc", &rpc, "--passphrase", &passphrase, "--funder", &secret]);
    let (code, summary) = tokio::task::spawn_blocking(run).await.expect("the demo ran");
    assert_eq!((code, &summary["balanced"], &summary["deposits_completed"]), (Some(0), &true.into(), &20.into()), "{summary}");
}
