//! Puts the parts together, runs them, and stops them in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use windlass_api::{ApiState, router};
use windlass_domain::ports::clock::{Clock, Random};
use windlass_domain::ports::ledger::Ledger;
use windlass_domain::ports::secrets::Sealer;
use windlass_egress::CheckedEgress;
use windlass_pipeline::{Parts, Pipeline};
use windlass_sandbox::{Sandbox, SandboxConfig};
use windlass_stellar::{RpcLedger, RpcOptions, XdrBuilder};

use crate::clock::{SystemClock, SystemRandom};
use crate::components::StoredComponents;
use crate::config::{Config, Network};
use crate::error::Error;
use crate::keys::StellarKeys;
use crate::sealer::MasterSealer;
use crate::signer::StoredKeys;
use crate::stored::Stored;
use crate::telemetry::chain;

/// How long requests under way may take when the process stops.
const API_STOP: Duration = Duration::from_secs(5);

/// How long a ledger may take to say for which network it is, at start.
const NETWORK_CHECK: Duration = Duration::from_secs(5);

/// The whole of Windlass.
pub struct Runtime;

impl Runtime {
    /// Opens the database, compares the networks, starts drivers and API. All of it runs when this returns.
    pub async fn start(config: Config) -> Result<Running, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config(problems));
        }
        let stored = Stored::open(&config.database).await.map_err(Error::Database)?;
        let store = stored.port();
        let ledgers = ledgers(&config.networks).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let sealer: Arc<dyn Sealer> = Arc::new(MasterSealer::new(&config.master_key, random.clone()));
        let egress = Arc::new(CheckedEgress::new(config.egress.clone()).map_err(Error::Egress)?);
        let sandbox_config = SandboxConfig { runs_at_once: config.pipeline.concurrent_runs, components_kept: config.components_kept };
        let sandbox = Arc::new(Sandbox::new(&sandbox_config, Arc::new(StoredComponents(store.clone())), egress).map_err(Error::Sandbox)?);
        let parts = Parts {
            store: store.clone(),
            ledgers,
            builder: Arc::new(XdrBuilder),
            signer: Arc::new(StoredKeys { store: store.clone(), sealer: sealer.clone() }),
            sealer: sealer.clone(),
            guests: sandbox.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        let pipeline = Pipeline::new(parts, config.pipeline.clone());
        let woken = pipeline.clone();
        let api = ApiState {
            store,
            check: sandbox,
            sealer,
            clock,
            random,
            keys: Arc::new(StellarKeys),
            operator_token_hash: config.operator_token_hash.clone(),
            networks: config.networks.iter().map(|network| network.passphrase.clone()).collect(),
            ceiling: config.pipeline.ceiling.clone(),
            wake: Arc::new(move || woken.wake()),
        };
        let listening = |source| Error::Listen { listen: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let stop = watch::Sender::new(false);
        let tasks = Tasks {
            drivers: tokio::spawn(pipeline.clone().run(stop.subscribe())),
            api: tokio::spawn(serve(listener, api, stop.subscribe())),
            waker: tokio::spawn(forward(stored.notify(), pipeline)),
        };
        tracing::info!(api.address = %address, "windlass.runtime.start: listening");
        let drivers_stop = Duration::from_millis(config.pipeline.ceiling.wall_time_ms) + API_STOP;
        Ok(Running { address, stop, tasks, stored, drivers_stop })
    }
}

/// A ledger for each network, after asking it for which network it is.
async fn ledgers(networks: &[Network]) -> Result<BTreeMap<String, Arc<dyn Ledger>>, Error> {
    let mut ledgers: BTreeMap<String, Arc<dyn Ledger>> = BTreeMap::new();
    for network in networks {
        let ledger = RpcLedger::new(&network.rpc_url, network.passphrase.as_str(), &RpcOptions::default()).map_err(Error::Ledger)?;
        match tokio::time::timeout(NETWORK_CHECK, ledger.network()).await {
            Ok(Ok(found)) if found == network.passphrase => {}
            Ok(Ok(found)) => {
                return Err(Error::WrongNetwork { url: network.server(), found, configured: network.passphrase.clone() });
            }
            Ok(Err(error)) => tracing::warn!(error = %chain(&error), "windlass.network.check: no answer; starting all the same"),
            Err(_) => tracing::warn!(ledger.server = network.server(), "windlass.network.check: no answer in time; starting all the same"),
        }
        ledgers.insert(network.passphrase.clone(), Arc::new(ledger));
    }
    Ok(ledgers)
}

async fn serve(listener: TcpListener, api: ApiState, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let stopped = async move {
        // An error means that the sender is gone, which is a stop too.
        let _gone = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router(api)).with_graceful_shutdown(stopped).await
}

/// Work that another process made due wakes the drivers here.
async fn forward(notify: Arc<tokio::sync::Notify>, pipeline: Arc<Pipeline>) {
    loop {
        notify.notified().await;
        pipeline.wake();
    }
}

struct Tasks {
    drivers: JoinHandle<()>,
    api: JoinHandle<std::io::Result<()>>,
    waker: JoinHandle<()>,
}

/// A runtime that runs. Dropped, it is cut off as by a crash, which loses nothing; [`Running::shutdown`] is the polite way.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Tasks,
    stored: Stored,
    drivers_stop: Duration,
}

impl Running {
    /// Where the API answers: `http://127.0.0.1:8080`.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns when a part ends that should not: only a defect ends one. The text says which.
    pub async fn failed(&mut self) -> String {
        tokio::select! {
            ended = &mut self.tasks.drivers => format!("the drivers ended: {ended:?}"),
            ended = &mut self.tasks.api => format!("the API ended: {ended:?}"),
        }
    }

    /// Takes no more work and no more requests, lets runs under way finish up to their deadline, closes the database.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.tasks.waker.abort();
        if !self.tasks.api.is_finished() && tokio::time::timeout(API_STOP, &mut self.tasks.api).await.is_err() {
            tracing::warn!("windlass.runtime.stop: requests under way were cut off");
        }
        if !self.tasks.drivers.is_finished() && tokio::time::timeout(self.drivers_stop, &mut self.tasks.drivers).await.is_err() {
            tracing::warn!("windlass.runtime.stop: runs under way were cut off; they are judged by their journals at the next start");
        }
        self.abort();
        self.stored.close().await;
        tracing::info!("windlass.runtime.stop: stopped");
    }

    fn abort(&self) {
        self.tasks.drivers.abort();
        self.tasks.api.abort();
        self.tasks.waker.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort();
    }
}
