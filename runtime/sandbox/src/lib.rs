//! Checks, compiles and runs tenants' components, each run in a fresh instance under hard limits.
//!
//! - [`Sandbox`] runs hooks ([`Guests`]) and checks uploads ([`ComponentCheck`]).
//! - `contract` compares a component with the contract in `wit/` and names every difference.
//! - `engine`, `components`, `run`: one engine, compiled components by digest, one store per run.
//! - `host`: what a guest may call, one file per interface; `context`: what one run carries along.

mod bindings;
mod components;
mod context;
mod contract;
mod convert;
mod differences;
mod engine;
mod host;
mod limits;
mod probe;
mod run;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use windlass_domain::job::RunEnd;
use windlass_domain::ports::egress::Egress;
use windlass_domain::ports::guest::{Call, Checked, ComponentCheck, Components, Guests, HostFault, RunHost, RunOutcome, UploadRefused};

use crate::components::{Cache, Compiler, Ready, digest_of};
use crate::contract::Contract;
pub use crate::contract::WIT;

/// The sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine refused its settings, or the host's functions did not fit the contract.
    #[error("the WebAssembly engine could not be made")]
    Engine(#[source] wasmtime::Error),
    /// No thread for the engine's clock.
    #[error("the thread that moves the engine's epochs could not be started")]
    Ticker(#[source] std::io::Error),
    /// The embedded contract cannot be read.
    #[error("the contract in wit/ cannot be read: {0}")]
    Contract(String),
}

/// How much of the machine guests get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Runs at once; more wait, first come, first served.
    pub runs_at_once: u32,
    /// Compiled components kept in memory.
    pub components_kept: usize,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { runs_at_once: 32, components_kept: 256 }
    }
}

/// Runs hooks and checks uploads. One for the process.
pub struct Sandbox {
    compiler: Compiler,
    cache: Cache,
    contract: Arc<Contract>,
    components: Arc<dyn Components>,
    egress: Arc<dyn Egress>,
    permits: Semaphore,
    /// Uploads are probed one at a time, in a place of the pool of their own.
    probes: Semaphore,
}

impl Sandbox {
    /// Makes the engine; components come from `components` when they are first run, requests leave by `egress`.
    pub fn new(config: &SandboxConfig, components: Arc<dyn Components>, egress: Arc<dyn Egress>) -> Result<Self, SandboxError> {
        Ok(Self {
            compiler: Compiler::new(&engine::new(config.runs_at_once)?)?,
            cache: Cache::new(config.components_kept),
            contract: Arc::new(Contract::embedded().map_err(SandboxError::Contract)?),
            components,
            egress,
            permits: Semaphore::new(config.runs_at_once as usize),
            probes: Semaphore::new(1),
        })
    }

    async fn ready(&self, call: &Call) -> Result<Arc<Ready>, RunEnd> {
        let place = self.cache.place(&call.digest);
        let ready = place.get_or_try_init(|| async {
            let component = self.components.component(&call.tenant, &call.digest).await.map_err(|fault| match fault {
                HostFault::LeaseLost => RunEnd::LeaseLost,
                HostFault::Failed(what) => RunEnd::HostFault(what),
            })?;
            let found = digest_of(&component);
            if found != call.digest {
                return Err(RunEnd::HostFault(format!("component {} has digest {found}: it was changed in the store", call.digest)));
            }
            let compiled = self.compiler.compile(component).await;
            compiled.map(Arc::new).map_err(|error| RunEnd::HostFault(format!("component {} does not compile: {error}", call.digest)))
        });
        ready.await.cloned()
    }
}

#[async_trait]
impl Guests for Sandbox {
    async fn run(&self, call: Call, host: Arc<dyn RunHost>) -> RunOutcome {
        let ready = match self.ready(&call).await {
            Ok(ready) => ready,
            Err(end) => return run::not_run(end, &call),
        };
        match self.permits.acquire().await {
            Ok(_permit) => run::run(&self.compiler, &ready, self.egress.clone(), call, host).await,
            Err(_) => run::not_run(RunEnd::Cancelled, &call),
        }
    }
}

#[async_trait]
impl ComponentCheck for Sandbox {
    async fn check(&self, component: Vec<u8>) -> Result<Checked, UploadRefused> {
        let refused = |reason: String| UploadRefused { reasons: vec![reason] };
        // One at a time: reading and compiling take a core each.
        let _permit = self.probes.acquire().await.map_err(|_| refused("the sandbox is shutting down: upload it again".to_owned()))?;
        let (contract, component) = {
            let contract = self.contract.clone();
            let checked = tokio::task::spawn_blocking(move || (contract.check(&component), component)).await;
            checked.map_err(|_| refused("it cannot be read: the reader gave up on it".to_owned()))?
        };
        let found = contract.map_err(|reasons| UploadRefused { reasons })?;
        let digest = digest_of(&component);
        let ready = self.compiler.compile(component).await.map_err(|error| refused(format!("it does not compile: {error}")))?;
        probe::come_up(&self.compiler, &ready, self.egress.clone()).await.map_err(refused)?;
        // What is checked will soon be run.
        let _ = self.cache.place(&digest).set(Arc::new(ready));
        Ok(Checked { digest, hooks: found.hooks, imports: found.imports })
    }
}
