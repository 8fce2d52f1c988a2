//! One run: a store, an instance, one call, an end, a receipt. Everything of it is thrown away afterwards.
//!
//! The future may be dropped at any time: the instance goes with it, and nothing of it is seen again. What a named effect
//! of it did is in the journal, which the host keeps.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};
use windlass_domain::job::{HookError, RunEnd};
use windlass_domain::ports::egress::Egress;
use windlass_domain::ports::guest::{Call, HookInput, HookOutput, RunHost, RunOutcome};

use crate::components::{Compiler, Ready};
use crate::context::RunContext;
use crate::convert::{Checked, deposit_poll_in, error_in, found_in, payment_out, payout_in, payout_poll_in, transaction_out};
use crate::host::pending::{PendingDeposits, PendingPayouts};

/// Makes the run.
pub(crate) async fn run(compiler: &Compiler, ready: &Ready, egress: Arc<dyn Egress>, call: Call, host: Arc<dyn RunHost>) -> RunOutcome {
    let started_us = host.monotonic_us();
    let mut store = match store(compiler, &call, host, egress) {
        Ok(store) => store,
        Err(error) => return not_run(RunEnd::HostFault(format!("no store: {error:#}")), &call),
    };
    let wall_time = Duration::from_millis(call.limits.wall_time_ms);
    let (end, output) = match tokio::time::timeout(wall_time, invoke(ready, &mut store, &call.input)).await {
        // Ended by the host, whatever the guest made of it.
        _ if store.data().stopped().is_some() => (store.data().stopped().cloned().unwrap_or(RunEnd::TimedOut), None),
        Err(_) => (RunEnd::TimedOut, None),
        Ok(Ok(Ok(Ok(output)))) => (RunEnd::Returned, Some(output)),
        Ok(Ok(Ok(Err(bound)))) => (RunEnd::BadResult(bound), None),
        Ok(Ok(Err(error))) => (RunEnd::Refused(error), None),
        Ok(Err(error)) => (end_of(&error, &call), None),
    };
    outcome(store, started_us, end, output)
}

/// The outcome of a run that could not begin.
pub(crate) fn not_run(end: RunEnd, call: &Call) -> RunOutcome {
    let receipt = windlass_domain::job::Receipt {
        fuel_allowed: call.limits.fuel,
        memory_bytes_allowed: call.limits.memory_bytes,
        ..Default::default()
    };
    RunOutcome { end, output: None, receipt, log: Vec::new(), state_writes: Vec::new() }
}

/// Instantiates and throws away: does a component come up at all? Its imports answer with a fault meanwhile.
pub(crate) async fn probe(
    compiler: &Compiler,
    ready: &Ready,
    egress: Arc<dyn Egress>,
    call: &Call,
    host: Arc<dyn RunHost>,
) -> Result<(), RunEnd> {
    let mut store = store(compiler, call, host, egress).map_err(|error| RunEnd::HostFault(format!("{error:#}")))?;
    let wall_time = Duration::from_millis(call.limits.wall_time_ms);
    let result = tokio::time::timeout(wall_time, ready.pre.instantiate_async(&mut store)).await;
    match (store.data().stopped(), result) {
        (Some(end), _) => Err(end.clone()),
        (None, Err(_)) => Err(RunEnd::TimedOut),
        (None, Ok(Err(error))) => Err(end_of(&error, call)),
        (None, Ok(Ok(_))) => Ok(()),
    }
}

fn store(compiler: &Compiler, call: &Call, host: Arc<dyn RunHost>, egress: Arc<dyn Egress>) -> wasmtime::Result<Store<RunContext>> {
    let mut store = Store::new(compiler.engine(), RunContext::new(call, host, egress));
    store.limiter(|context| &mut context.allocations);
    store.set_fuel(call.limits.fuel)?;
    store.set_hostcall_fuel(usize::try_from(call.limits.hostcall_bytes)?);
    store.set_max_component_handles(call.limits.live_handles as usize);
    // Every slice the guest gives the thread back, so that it starves nobody and its wall time can end it.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
    Ok(store)
}

/// Trap, the hook's error, a broken bound, or the output: in this order.
type Invoked = wasmtime::Result<Result<Checked<HookOutput>, HookError>>;

async fn invoke(ready: &Ready, store: &mut Store<RunContext>, input: &HookInput) -> Invoked {
    match input {
        HookInput::PollPendingDeposits => {
            let instance = exported(&ready.deposits)?.instantiate_async(&mut *store).await?;
            let set = store.data_mut().table.push(PendingDeposits::default())?;
            let result = instance.windlass_anchor_deposits().call_poll_pending_deposits(store, Resource::new_borrow(set.rep())).await?;
            Ok(result.map(|poll| deposit_poll_in(poll).map(HookOutput::DepositPoll)).map_err(error_in))
        }
        HookInput::AfterDeposit(transaction) => {
            let instance = exported(&ready.deposit_events)?.instantiate_async(&mut *store).await?;
            let result = instance.windlass_anchor_deposit_events().call_after_deposit(store, &transaction_out(transaction)).await?;
            Ok(result.map(|()| Ok(HookOutput::Nothing)).map_err(error_in))
        }
        HookInput::ProcessWithdrawal(payment, transaction) => {
            let instance = exported(&ready.withdrawals)?.instantiate_async(&mut *store).await?;
            let (payment, transaction) = (payment_out(payment), transaction_out(transaction));
            let result = instance.windlass_anchor_withdrawals().call_process_withdrawal(store, &payment, &transaction).await?;
            Ok(result.map(|payout| payout_in(payout).map(HookOutput::Payout)).map_err(error_in))
        }
        HookInput::PollPendingPayouts => {
            let instance = exported(&ready.payouts)?.instantiate_async(&mut *store).await?;
            let set = store.data_mut().table.push(PendingPayouts::default())?;
            let result = instance.windlass_anchor_payouts().call_poll_pending_payouts(store, Resource::new_borrow(set.rep())).await?;
            Ok(result.map(|poll| payout_poll_in(poll).map(HookOutput::PayoutPoll)).map_err(error_in))
        }
        HookInput::PayoutStatus(transaction, effect, key) => {
            let instance = exported(&ready.payout_status)?.instantiate_async(&mut *store).await?;
            let result = instance.windlass_anchor_payout_status().call_look_up(store, &transaction_out(transaction), effect, key).await?;
            Ok(result.map(|found| found_in(found).map(HookOutput::Found)).map_err(error_in))
        }
    }
}

fn exported<T>(hook: &Option<T>) -> wasmtime::Result<&T> {
    hook.as_ref().ok_or_else(|| wasmtime::Error::msg("the component does not export this hook"))
}

/// How a run ended that the guest or the engine ended.
fn end_of(error: &wasmtime::Error, call: &Call) -> RunEnd {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return RunEnd::OutOfFuel,
        Some(Trap::Interrupt) => return RunEnd::TimedOut,
        Some(trap) => return RunEnd::Trapped(trap.to_string()),
        None => {}
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return RunEnd::HostFault("no free place in the pool of instances".to_owned());
    }
    // These have no types of their own in wasmtime; the tests of limits keep the texts true.
    let text = error.root_cause().to_string();
    if text.contains("fuel allocated for hostcalls") {
        RunEnd::LimitExceeded(format!("{} bytes copied out of the guest at once", call.limits.hostcall_bytes))
    } else if text.contains("resource limit exceeded") {
        RunEnd::LimitExceeded(text.trim_start_matches("resource limit exceeded: ").to_owned())
    } else if text.contains("handle limit exceeded") {
        RunEnd::LimitExceeded(format!("{} live handles", call.limits.live_handles))
    } else {
        RunEnd::Trapped(text)
    }
}

fn outcome(store: Store<RunContext>, started_us: u64, end: RunEnd, output: Option<HookOutput>) -> RunOutcome {
    // A run without fuel left cannot have any.
    let fuel_left = if end == RunEnd::OutOfFuel { 0 } else { store.get_fuel().unwrap_or(0) };
    let context = store.into_data();
    let (log, log_bytes) = context.log.into_lines();
    let mut receipt = context.receipt;
    receipt.fuel_used = receipt.fuel_allowed.saturating_sub(fuel_left);
    receipt.memory_bytes_max = context.allocations.memory_bytes_max();
    receipt.wall_time_us = context.host.monotonic_us().saturating_sub(started_us);
    receipt.log_bytes = log_bytes;
    RunOutcome { end, output, receipt, log, state_writes: context.writes.into_iter().collect() }
}
