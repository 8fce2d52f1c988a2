//! The one engine of the process. Whatever changes compiled code or receipts is fixed here (section 6 of the design).

use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};
use windlass_domain::limits::RunLimits;

use crate::SandboxError;

/// How long guest code runs before it lets others have the thread, and how finely wall time is enforced on it.
const EPOCH: Duration = Duration::from_millis(1);

/// Stack of guest code, in bytes.
const WASM_STACK_BYTES: usize = 512 << 10;

/// Makes the engine, with a pool for so many runs at once. Where the pool cannot be made (address space is short), runs
/// allocate on demand, which is slower and otherwise the same.
pub(crate) fn new(runs_at_once: u32) -> Result<Engine, SandboxError> {
    let engine = match Engine::new(config().allocation_strategy(InstanceAllocationStrategy::Pooling(pool(runs_at_once)))) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::warn!(%error, "no pool of instances: allocating on demand, which is slower");
            Engine::new(&config()).map_err(SandboxError::Engine)?
        }
    };
    start_ticker(&engine)?;
    Ok(engine)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .shared_memory(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(2 << 20)
        .async_stack_zeroing(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

/// Room for every run at the highest counts that [`RunLimits`] allows, so that a pool never runs out before its permits.
fn pool(runs_at_once: u32) -> PoolingAllocationConfig {
    let limits = RunLimits::default();
    // One more for the probe of an upload.
    let runs = runs_at_once.saturating_add(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(runs)
        .total_stacks(runs)
        .total_core_instances(runs.saturating_mul(limits.core_instances))
        .total_memories(runs.saturating_mul(limits.memories))
        .total_tables(runs.saturating_mul(limits.tables))
        .max_core_instances_per_component(limits.core_instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .table_elements(usize::try_from(limits.table_elements).unwrap_or(usize::MAX))
        .max_unused_warm_slots(runs.saturating_mul(2))
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10);
    pool
}

/// Moves the epoch on until the engine is gone.
fn start_ticker(engine: &Engine) -> Result<(), SandboxError> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch-ticker".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(EPOCH);
            }
        })
        .map(|_| ())
        .map_err(SandboxError::Ticker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_for_a_pool_runs_allocate_on_demand() {
        // So many memories do not fit into an address space.
        let engine = new(20_000).unwrap();
        assert!(engine.pooling_allocator_metrics().is_none());
        assert!(new(4).unwrap().pooling_allocator_metrics().is_some());
    }
}
