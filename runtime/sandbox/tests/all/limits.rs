//! Each limit, gone over by a guest that does nothing else.

use wasm_encoder::{BlockType, Instruction};
use windlass_domain::job::RunEnd;

use crate::made::after_deposit as made;
use crate::support::{Bench, FakeHost, after_deposit, call, guest, limited};

/// `ok`.
const OK: Instruction<'static> = Instruction::I32Const(8);

/// The body, for ever.
fn forever<'a>(body: &[Instruction<'a>]) -> Vec<Instruction<'a>> {
    let mut all = vec![Instruction::Loop(BlockType::Empty)];
    all.extend_from_slice(body);
    all.extend([Instruction::Br(0), Instruction::End, Instruction::Unreachable]);
    all
}

async fn end(component: Vec<u8>, change: impl Fn(&mut windlass_domain::limits::RunLimits)) -> RunEnd {
    let outcome = Bench::shared().run(&component, &FakeHost::new(), limited(after_deposit(), change)).await;
    assert!(outcome.state_writes.is_empty() || matches!(outcome.end, RunEnd::LimitExceeded(_)));
    outcome.end
}

fn exceeded(which: &str) -> RunEnd {
    RunEnd::LimitExceeded(which.into())
}

#[tokio::test]
async fn host_calls_are_counted() {
    let endless = made(&["clock.now"], &forever(&[Instruction::Call(0), Instruction::Drop]));
    assert_eq!(end(endless, |limits| limits.host_calls = 50).await, exceeded("50 host calls"));
}

#[tokio::test]
async fn random_bytes_in_one_call_are_bounded() {
    let draw = |len| made(&["random.get-bytes"], &[Instruction::I32Const(len), Instruction::I32Const(16), Instruction::Call(0), OK]);
    assert_eq!(end(draw(65_537), |_| {}).await, exceeded("65536 random bytes in one call"));
    assert_eq!(end(draw(65_536), |_| {}).await, RunEnd::Returned);
}

/// Calls `state.set` with a key and a value of these lengths.
fn set(key: i32, value: i32) -> Vec<u8> {
    let lengths = [Instruction::I32Const(2_048), Instruction::I32Const(key), Instruction::I32Const(4_096), Instruction::I32Const(value)];
    made(&["state.set"], &[&lengths[..], &[Instruction::Call(0), OK]].concat())
}

#[tokio::test]
async fn state_is_bounded() {
    assert_eq!(end(set(1, 100), |limits| limits.state_value_bytes = 99).await, exceeded("99 bytes in one value of state"));
    assert_eq!(end(set(513, 1), |_| {}).await, exceeded("512 bytes in one key of state"));
    assert_eq!(end(set(1, 1), |limits| limits.state_keys = 0).await, exceeded("0 keys in state"));
    assert_eq!(end(set(0, 1), |_| {}).await, RunEnd::Trapped("state: a key must have at least one byte".into()));
    let outcome = Bench::shared().run(&set(512, 100), &FakeHost::new(), limited(after_deposit(), |limits| limits.state_keys = 1)).await;
    assert_eq!((outcome.end, outcome.state_writes.len()), (RunEnd::Returned, 1));
}

#[tokio::test]
async fn bytes_copied_out_at_once_are_bounded() {
    assert_eq!(end(set(1, 50_000), |limits| limits.hostcall_bytes = 40_000).await, exceeded("40000 bytes copied out of the guest at once"));
}

#[tokio::test]
async fn memory_is_refused_at_once_and_by_steps() {
    let grow = |pages| made(&[], &[Instruction::I32Const(pages), Instruction::MemoryGrow(0), Instruction::Drop, OK]);
    assert_eq!(end(grow(2_000), |_| {}).await, RunEnd::OutOfMemory);
    assert_eq!(end(grow(1), |_| {}).await, RunEnd::Returned);
    let steps = made(&[], &forever(&[Instruction::I32Const(1), Instruction::MemoryGrow(0), Instruction::Drop]));
    let outcome = Bench::shared().run(&steps, &FakeHost::new(), limited(after_deposit(), |limits| limits.memory_bytes = 1 << 20)).await;
    assert_eq!((outcome.end, outcome.receipt.memory_bytes_max), (RunEnd::OutOfMemory, 1 << 20));
    assert_eq!(end(grow(1), |limits| limits.memory_bytes = 1 << 16).await, RunEnd::OutOfMemory, "too small to come up");
}

#[tokio::test]
async fn tables_are_bounded() {
    let grow = Instruction::RefNull(wasm_encoder::HeapType::FUNC);
    let steps = made(&[], &forever(&[grow, Instruction::I32Const(100), Instruction::TableGrow(0), Instruction::Drop]));
    assert_eq!(end(steps, |limits| limits.table_elements = 5_000).await, exceeded("5000 table elements"));
}

#[tokio::test]
async fn instances_are_bounded() {
    match end(guest("hello"), |limits| limits.core_instances = 1).await {
        RunEnd::LimitExceeded(which) => assert!(which.contains("instance count too high at"), "{which}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn recursion_traps() {
    // after-deposit is function 1, behind cabi_realloc: it calls itself with its own argument.
    let recursive = made(&[], &[Instruction::LocalGet(0), Instruction::Call(1)]);
    assert_eq!(end(recursive, |_| {}).await, RunEnd::Trapped("wasm trap: call stack exhausted".into()));
}

#[tokio::test]
async fn a_long_log_is_cut_and_the_run_goes_on() {
    let write = [Instruction::I32Const(1), Instruction::I32Const(2_048), Instruction::I32Const(60), Instruction::Call(0)];
    let twice = made(&["log.write"], &[&write[..], &write[..], &write[..], &[OK]].concat());
    let outcome = Bench::shared().run(&twice, &FakeHost::new(), limited(after_deposit(), |limits| limits.log_bytes = 100)).await;
    assert_eq!((outcome.end, outcome.log.len(), outcome.receipt.log_bytes), (RunEnd::Returned, 2, 100));
    assert!(outcome.log[1].message.ends_with("[cut: the log of this run is full]"), "{:?}", outcome.log[1]);
}

#[tokio::test]
async fn nothing_in_memory_survives_a_run() {
    // Traps when its global was set before, then sets it.
    let body = [
        Instruction::GlobalGet(1),
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
        Instruction::I32Const(1),
        Instruction::GlobalSet(1),
        OK,
    ];
    let component = made(&[], &body);
    for _ in 0..20 {
        assert_eq!(end(component.clone(), |_| {}).await, RunEnd::Returned);
    }
}

#[tokio::test]
async fn equal_runs_use_equal_fuel() {
    let mut receipts = Vec::new();
    for _ in 0..3 {
        let outcome = Bench::shared().run(&guest("hello"), &FakeHost::new(), call(after_deposit())).await;
        receipts.push((outcome.receipt.fuel_used, outcome.receipt.memory_bytes_max, outcome.receipt.host_calls, outcome.receipt.log_bytes));
    }
    assert!(receipts[0].0 > 0 && receipts[0].2 == 1);
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
}

#[tokio::test]
async fn more_runs_than_places_wait_and_all_are_made() {
    let runs: Vec<_> = (0..24).map(|_| tokio::spawn(Bench::shared().honest_run_is_well())).collect();
    for run in runs {
        run.await.unwrap();
    }
}
