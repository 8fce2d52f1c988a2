//! One test per attack: the exact end, the receipt, and the next honest run in the same process is well.

use windlass_domain::job::{LogLevel, RunEnd};
use windlass_domain::ports::guest::HookInput;

use crate::support::{Bench, FakeHost, after_deposit, call, guest, limited};

#[tokio::test]
async fn an_endless_loop_ends_out_of_fuel() {
    let bench = Bench::shared();
    let call = limited(after_deposit(), |limits| limits.fuel = 50_000_000);
    let outcome = bench.run(&guest("hostile-endless-loop"), &FakeHost::new(), call).await;
    assert_eq!(outcome.end, RunEnd::OutOfFuel);
    assert_eq!((outcome.receipt.fuel_used, outcome.receipt.fuel_allowed), (50_000_000, 50_000_000));
    assert_eq!((outcome.receipt.host_calls, outcome.receipt.http_requests), (0, 0));
    assert!(outcome.output.is_none() && outcome.state_writes.is_empty());
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn an_endless_loop_with_plenty_of_fuel_ends_timed_out() {
    let bench = Bench::shared();
    let call = limited(after_deposit(), |limits| (limits.fuel, limits.wall_time_ms) = (u64::MAX / 2, 300));
    let outcome = bench.run(&guest("hostile-endless-loop"), &FakeHost::new(), call).await;
    assert_eq!(outcome.end, RunEnd::TimedOut);
    assert!((300_000..5_000_000).contains(&outcome.receipt.wall_time_us), "{:?}", outcome.receipt);
    assert!(outcome.receipt.fuel_used > 0);
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn a_loop_starves_nobody_on_its_own_thread() {
    // One thread for both: the honest run goes through while the loop is still running.
    let bench = Bench::shared();
    let host = FakeHost::new();
    let (component, call) =
        (guest("hostile-endless-loop"), limited(after_deposit(), |limits| (limits.fuel, limits.wall_time_ms) = (u64::MAX / 2, 3_000)));
    tokio::select! {
        biased;
        outcome = bench.run(&component, &host, call) => panic!("the loop came to its end first: {:?}", outcome.end),
        () = bench.honest_run_is_well() => {}
    }
}

#[tokio::test]
async fn growing_memory_ends_out_of_memory() {
    let bench = Bench::shared();
    let outcome = bench.run(&guest("hostile-memory-growth"), &FakeHost::new(), call(after_deposit())).await;
    assert_eq!(outcome.end, RunEnd::OutOfMemory);
    let (most, allowed) = (outcome.receipt.memory_bytes_max, outcome.receipt.memory_bytes_allowed);
    assert_eq!(allowed, 64 << 20);
    assert!((60 << 20..=64 << 20).contains(&most), "{most}");
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn a_forbidden_host_is_denied_and_nothing_is_sent() {
    let bench = Bench::shared();
    let outcome = bench.run(&guest("hostile-forbidden-host"), &FakeHost::new(), call(after_deposit())).await;
    assert_eq!(outcome.end, RunEnd::Returned);
    assert_eq!((outcome.receipt.http_requests, outcome.receipt.bytes_out, outcome.receipt.bytes_in), (1, 0, 0));
    assert!(outcome.log[0].message.starts_with("denied: https://forbidden.example/take?id=tx_"), "{:?}", outcome.log);
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn a_panic_ends_trapped_and_its_text_is_in_the_log() {
    let bench = Bench::shared();
    let outcome = bench.run(&guest("hostile-panics"), &FakeHost::new(), call(after_deposit())).await;
    assert_eq!(outcome.end, RunEnd::Trapped("wasm trap: wasm `unreachable` instruction executed".into()));
    assert!(
        outcome.log.iter().any(|line| line.level == LogLevel::Error && line.message.contains("hostile panic for tx_")),
        "{:?}",
        outcome.log
    );
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn rule_3_an_effect_in_a_poll_traps_before_anything_is_recorded() {
    let bench = Bench::shared();
    let mut host = FakeHost::blank();
    host.settings.insert("bank-url".into(), "https://api.bank.example".into());
    let host = std::sync::Arc::new(host);
    let outcome = bench.run(&guest("hostile-effect-in-poll"), &host, call(HookInput::PollPendingDeposits)).await;
    assert_eq!(outcome.end, RunEnd::Trapped("poll-pending-deposits must only ask: the effect \"payout\" is not allowed in it".into()));
    assert_eq!(host.journal(), Vec::<String>::new());
    assert_eq!((outcome.receipt.http_requests, outcome.receipt.bytes_out), (1, 0));
    bench.honest_run_is_well().await;
}

#[tokio::test]
async fn a_run_that_is_dropped_half_way_harms_nobody() {
    let bench = Bench::shared();
    let (component, host) = (guest("hostile-endless-loop"), FakeHost::new());
    for _ in 0..8 {
        let run = bench.run(&component, &host, limited(after_deposit(), |limits| limits.fuel = u64::MAX / 2));
        assert!(tokio::time::timeout(std::time::Duration::from_millis(30), run).await.is_err());
    }
    bench.honest_run_is_well().await;
}
