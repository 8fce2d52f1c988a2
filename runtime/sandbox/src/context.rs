//! What one run carries along: whose it is, what it may, what it has used, what it has written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wasmtime::component::ResourceTable;
use windlass_domain::TenantId;
use windlass_domain::job::{Hook, Receipt, RunEnd};
use windlass_domain::limits::RunLimits;
use windlass_domain::manifest::Manifest;
use windlass_domain::ports::egress::Egress;
use windlass_domain::ports::guest::{Call, HostFault, RunHost};

use crate::host::log::LogBuffer;
use crate::limits::Allocations;

/// Pending sets that a run is given: one at most.
const SETS: usize = 1;

/// The data of a run's store.
pub(crate) struct RunContext {
    pub(crate) host: Arc<dyn RunHost>,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) tenant: TenantId,
    pub(crate) manifest: Manifest,
    /// Named effects are refused where the hook may not have them.
    pub(crate) hook: Hook,
    pub(crate) limits: RunLimits,
    pub(crate) allocations: Allocations,
    pub(crate) receipt: Receipt,
    pub(crate) log: LogBuffer,
    /// The last write to each key of `state`.
    pub(crate) writes: BTreeMap<String, Option<Vec<u8>>>,
    /// Which keys of `state` are known to be, or not to be, committed.
    pub(crate) committed_keys: HashMap<String, bool>,
    /// How many keys the tenant has committed, once asked.
    pub(crate) committed_key_count: Option<u64>,
    /// Settings as first read in this run.
    pub(crate) settings: HashMap<String, Option<String>>,
    pub(crate) random: ChaCha20Rng,
    pub(crate) table: ResourceTable,
    deadline_us: u64,
    stop: Option<RunEnd>,
}

impl RunContext {
    pub(crate) fn new(call: &Call, host: Arc<dyn RunHost>, egress: Arc<dyn Egress>) -> Self {
        let limits = call.limits.clone();
        let mut table = ResourceTable::new();
        table.set_max_capacity(SETS);
        Self {
            egress,
            tenant: call.tenant.clone(),
            manifest: call.manifest.clone(),
            hook: call.input.hook(),
            allocations: Allocations::new(&limits),
            receipt: Receipt { fuel_allowed: limits.fuel, memory_bytes_allowed: limits.memory_bytes, ..Receipt::default() },
            log: LogBuffer::new(limits.log_bytes),
            writes: BTreeMap::new(),
            committed_keys: HashMap::new(),
            committed_key_count: None,
            settings: HashMap::new(),
            random: ChaCha20Rng::from_seed(call.seed),
            table,
            deadline_us: host.monotonic_us().saturating_add(limits.wall_time_ms.saturating_mul(1_000)),
            stop: None,
            limits,
            host,
        }
    }

    /// Begins a host call: counts it, and ends the run when there were too many or its time is over.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<()> {
        self.receipt.host_calls += 1;
        if self.receipt.host_calls > self.limits.host_calls {
            return Err(self.exceeded(format!("{} host calls", self.limits.host_calls)));
        }
        if self.remaining_ms() == 0 {
            return Err(self.stop(RunEnd::TimedOut));
        }
        Ok(())
    }

    /// Ends the run: the guest never sees the host call return.
    pub(crate) fn stop(&mut self, end: RunEnd) -> wasmtime::Error {
        let message = end.message();
        self.stop.get_or_insert(end);
        wasmtime::Error::msg(message)
    }

    /// Ends the run: it went over this limit.
    pub(crate) fn exceeded(&mut self, which: String) -> wasmtime::Error {
        self.stop(RunEnd::LimitExceeded(which))
    }

    /// Ends the run: the guest broke a rule of the contract.
    pub(crate) fn trap(&mut self, message: impl Into<String>) -> wasmtime::Error {
        self.stop(RunEnd::Trapped(message.into()))
    }

    /// Ends the run: the host could not do its part.
    pub(crate) fn fault(&mut self, fault: HostFault) -> wasmtime::Error {
        self.stop(match fault {
            HostFault::LeaseLost => RunEnd::LeaseLost,
            HostFault::Failed(what) => RunEnd::HostFault(what),
        })
    }

    /// Why the host ended the run, if it did.
    pub(crate) fn stopped(&self) -> Option<&RunEnd> {
        self.stop.as_ref().or_else(|| self.allocations.refused())
    }

    /// Milliseconds until the run has to be over.
    pub(crate) fn remaining_ms(&self) -> u64 {
        self.deadline_us.saturating_sub(self.host.monotonic_us()) / 1_000
    }
}
