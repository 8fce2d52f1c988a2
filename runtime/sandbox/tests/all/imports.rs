//! What the imports do, seen by a guest that uses all of them.

use std::sync::Arc;

use wasm_encoder::{Instruction, MemArg};
use windlass_domain::job::{HookError, RunEnd};
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::guest::{DepositPoll, HookInput, HookOutput, RunOutcome};

use crate::made;
use crate::support::{Bench, FakeHost, call, guest, limited, process_withdrawal, transaction};

fn host() -> FakeHost {
    let mut host = FakeHost::blank();
    host.settings.insert("probe".into(), "a setting".into());
    host.secrets.insert("probe-hmac".into(), "key".into());
    host.state.insert("probe/a".into(), b"0".to_vec());
    host.state.insert("probe/b".into(), b"0".to_vec());
    host.state.insert("probe/d".into(), b"4".to_vec());
    host
}

/// The probe's lines.
async fn probed(host: FakeHost, seed: u8, signing: bool) -> (Vec<String>, Vec<(String, Option<Vec<u8>>)>) {
    let mut call = call(process_withdrawal());
    call.seed = [seed; 32];
    if signing {
        call.manifest.signing = vec!["probe-hmac".into()];
    }
    let outcome = Bench::shared().run(&guest("hostile-imports-probe"), &Arc::new(host), call).await;
    assert_eq!(outcome.end, RunEnd::Refused(HookError::Refused("the probe pays nothing".into())));
    (outcome.log.into_iter().map(|line| line.message).collect(), outcome.state_writes)
}

fn line<'a>(lines: &'a [String], name: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no line {name} in {lines:?}"))
}

#[tokio::test]
async fn state_reads_what_is_committed_and_the_runs_own_writes() {
    let (lines, writes) = probed(host(), 1, false).await;
    for (name, value) in [
        ("state-before", r#"Ok(Some("0"))"#),
        ("state-own-write", r#"Ok(Some("1"))"#),
        ("state-deleted", "None"),
        ("state-keys", r#"["probe/a", "probe/c", "probe/d"]"#),
        ("state-keys-after-a", r#"["probe/c", "probe/d"]"#),
    ] {
        let seen = line(&lines, name);
        assert!(seen == value || format!("Ok({seen})") == value, "{name}: {seen}");
    }
    assert_eq!(writes, [("probe/a".into(), Some(b"1".to_vec())), ("probe/b".into(), None), ("probe/c".into(), Some(b"3".to_vec()))]);
}

#[tokio::test]
async fn settings_clock_and_arguments_come_from_the_host() {
    let (lines, _) = probed(host(), 1, false).await;
    assert!(line(&lines, "setting").contains("a setting"));
    assert_eq!(line(&lines, "clock"), "1700000000123");
    assert_eq!(line(&lines, "payment"), format!("{}:3", "ab".repeat(32)));
    assert_eq!(line(&lines, "transaction"), crate::support::transaction("withdrawal", 2).id.as_str());
}

#[tokio::test]
async fn random_is_the_seeds_alone() {
    let draw = async |seed| {
        let (lines, _) = probed(host(), seed, false).await;
        (line(&lines, "random-bytes").to_owned(), line(&lines, "random-u64").to_owned())
    };
    let (first, again, other) = (draw(1).await, draw(1).await, draw(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn rule_10_signing_needs_the_manifests_word() {
    let (lines, _) = probed(host(), 1, false).await;
    assert!(lines.iter().any(|line| line.starts_with("hmac-refused=")), "{lines:?}");
    let (lines, _) = probed(host(), 1, true).await;
    // HMAC-SHA-256("key", "message"), computed elsewhere.
    assert_eq!(line(&lines, "hmac"), "6e9ef29b75fffc5b7abae527d58fdadb2fe42e7219011976917343065f58ed4a");
    assert_eq!((line(&lines, "verify-own"), line(&lines, "verify-other")), ("Ok(true)", "Ok(false)"));
    assert!(line(&lines, "hmac-unknown").starts_with("Err("));
    assert!(lines.iter().all(|line| !line.contains("\"key\"")), "the secret is in the log");
}

const NEXT_BATCH: &str = "pending.[method]pending-deposits.next-batch";
const FIND: &str = "pending.[method]pending-deposits.find";

/// Polls with this body, which has the set as its local 0 and leaves its imports in the order of the contract, and
/// gives the set back. Five deposits are pending.
async fn polled(imports: &[&str], drop: u32, body: &[Instruction<'_>], change: impl Fn(&mut RunLimits)) -> RunOutcome {
    let end = [Instruction::LocalGet(0), Instruction::Call(drop), Instruction::I32Const(8)];
    let component = made::hook("deposits", &[imports, &["pending.drop"][..]].concat(), &[body, &end[..]].concat());
    let host = FakeHost { pending: (1..=5).map(|n| transaction("deposit", n)).collect(), ..FakeHost::blank() };
    Bench::shared().run(&component, &Arc::new(host), limited(HookInput::PollPendingDeposits, change)).await
}

/// Logs the id of the first transaction of the list at 512.
fn log_first(log: u32) -> [Instruction<'static>; 10] {
    let at = |offset| MemArg { offset, align: 2, memory_index: 0 };
    let first = Instruction::I32Load(at(0));
    [
        Instruction::I32Const(1),
        Instruction::I32Const(512),
        first.clone(),
        first.clone(),
        Instruction::I32Const(512),
        first,
        Instruction::I32Load(at(4)),
        Instruction::Call(log),
        Instruction::Nop,
        Instruction::Nop,
    ]
}

#[tokio::test]
async fn batches_go_on_where_the_last_one_ended() {
    let next = |max| [Instruction::LocalGet(0), Instruction::I32Const(max), Instruction::I32Const(512), Instruction::Call(0)];
    let body = [&next(2)[..], &log_first(2), &next(2)[..], &log_first(2), &next(100)[..], &log_first(2)].concat();
    let outcome = polled(&[NEXT_BATCH, "log.write"], 1, &body, |_| {}).await;
    assert_eq!((outcome.end, outcome.output), (RunEnd::Returned, Some(HookOutput::DepositPoll(DepositPoll::default()))));
    let seen: Vec<String> = outcome.log.into_iter().map(|line| line.message).collect();
    let ids = [1, 3, 5].map(|n| transaction("deposit", n).id.to_string());
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn batches_and_searches_are_bounded() {
    let none = [Instruction::LocalGet(0), Instruction::I32Const(0), Instruction::I32Const(512), Instruction::Call(0)];
    let end = polled(&[NEXT_BATCH], 1, &none, |_| {}).await.end;
    assert_eq!(end, RunEnd::Trapped("next-batch(0): ask for at least one transaction".into()));
    let find = |count| {
        [
            Instruction::LocalGet(0),
            Instruction::I32Const(2_048),
            Instruction::I32Const(count),
            Instruction::I32Const(512),
            Instruction::Call(0),
        ]
    };
    assert_eq!(polled(&[FIND], 1, &find(100), |_| {}).await.end, RunEnd::Returned);
    let end = polled(&[FIND], 1, &find(101), |_| {}).await.end;
    assert_eq!(end, RunEnd::Trapped("find: 101 at once, at most 100 are allowed".into()));
}

#[tokio::test]
async fn handles_are_bounded_and_must_be_given_back() {
    let end = polled(&[], 0, &[], |limits| limits.live_handles = 0).await.end;
    assert_eq!(end, RunEnd::LimitExceeded("0 live handles".into()));
    let kept = made::hook("deposits", &[], &[Instruction::I32Const(8)]);
    let outcome = Bench::shared().run(&kept, &FakeHost::new(), call(HookInput::PollPendingDeposits)).await;
    assert_eq!(outcome.end, RunEnd::Trapped("borrow handles still remain at the end of the call".into()));
}

#[tokio::test]
async fn a_list_that_is_too_long_is_a_bad_result() {
    // The poll's `updates` lie at 16: address and length.
    let at = MemArg { offset: 0, align: 2, memory_index: 0 };
    let body = [
        Instruction::I32Const(16),
        Instruction::I32Const(2_048),
        Instruction::I32Store(at),
        Instruction::I32Const(20),
        Instruction::I32Const(1_001),
        Instruction::I32Store(at),
    ];
    let end = polled(&[], 0, &body, |_| {}).await.end;
    assert_eq!(end, RunEnd::BadResult("updates: 1001 of them, at most 1000 are allowed".into()));
}
