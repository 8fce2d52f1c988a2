//! One instantiation at upload: a component that does not come up is refused there and not at its first job.

use std::sync::Arc;

use async_trait::async_trait;
use windlass_domain::job::RunEnd;
use windlass_domain::limits::RunLimits;
use windlass_domain::manifest::Manifest;
use windlass_domain::ports::egress::Egress;
use windlass_domain::ports::guest::{Answered, Call, HookInput, HostFault, Intent, RunHost};
use windlass_domain::ports::secrets::SecretBytes;
use windlass_domain::transaction::Transaction;
use windlass_domain::{JobId, TenantId, TimeMs, VersionNumber};

use crate::components::{Compiler, Ready};
use crate::run;

/// Fuel for coming up: generous, far below a run's.
const FUEL: u64 = 100_000_000;

/// Wall time for coming up.
const WALL_TIME_MS: u64 = 2_000;

/// Instantiates the component once; the error says why it did not come up.
pub(crate) async fn come_up(compiler: &Compiler, ready: &Ready, egress: Arc<dyn Egress>) -> Result<(), String> {
    let tenant = TenantId::new("probe").map_err(|error| error.to_string())?;
    let call = Call {
        tenant,
        job: JobId::from_bits([0; 16]),
        run: 0,
        version: VersionNumber(0),
        digest: String::new(),
        manifest: Manifest::default(),
        input: HookInput::PollPendingDeposits,
        limits: RunLimits { fuel: FUEL, wall_time_ms: WALL_TIME_MS, ..RunLimits::default() },
        seed: [0; 32],
    };
    run::probe(compiler, ready, egress, &call, Arc::new(Nobody)).await.map_err(|end| match end {
        RunEnd::HostFault(what) => what,
        end => format!("it does not come up: its instantiation {}", end.message()),
    })
}

/// A host that has nothing: while it comes up, a component has no tenant yet.
struct Nobody;

impl Nobody {
    fn fault<T>() -> Result<T, HostFault> {
        Err(HostFault::Failed("it does not come up: it calls an import while it is being instantiated".to_owned()))
    }
}

#[async_trait]
impl RunHost for Nobody {
    async fn pending(&self, _: Option<(TimeMs, String)>, _: u32) -> Result<Vec<Transaction>, HostFault> {
        Self::fault()
    }

    async fn find_pending(&self, _: &[String]) -> Result<Vec<Transaction>, HostFault> {
        Self::fault()
    }

    async fn state_get(&self, _: &str) -> Result<Option<Vec<u8>>, HostFault> {
        Self::fault()
    }

    async fn state_keys(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, HostFault> {
        Self::fault()
    }

    async fn state_count(&self) -> Result<u64, HostFault> {
        Self::fault()
    }

    async fn setting(&self, _: &str) -> Result<Option<String>, HostFault> {
        Self::fault()
    }

    async fn secret(&self, _: &str) -> Result<Option<SecretBytes>, HostFault> {
        Self::fault()
    }

    async fn intend(&self, _: &str, _: &str) -> Result<Intent, HostFault> {
        Self::fault()
    }

    async fn answered(&self, _: &str, _: Answered) -> Result<(), HostFault> {
        Self::fault()
    }

    fn now(&self) -> TimeMs {
        0
    }

    fn monotonic_us(&self) -> u64 {
        0
    }
}
