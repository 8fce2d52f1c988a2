//! The demo, as people run it.

use std::process::Command;

use serde_json::Value;

fn demo(arguments: &[&str]) -> (Option<i32>, Value) {
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
