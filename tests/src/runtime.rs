//! The runtime of a story: embedded in the process, or as the real binary in a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use windlass::config::{Config, Database, MasterKey, Network as Configured};
use windlass::{Running, Runtime};
use windlass_egress::{Loopback, OperatorPolicy};
use windlass_pipeline::Settings;

use crate::world::Network;

/// What a story's bank and ledger need: they are on loopback, without TLS.
fn development() -> OperatorPolicy {
    OperatorPolicy { allow_http: true, loopback: Loopback::Any }
}

/// Drivers that look often, since a story's bank answers at once.
fn settings() -> Settings {
    Settings {
        poll_interval_ms: 200,
        watch_interval_ms: 100,
        envelope_interval_ms: 300,
        trust_interval_ms: 500,
        retry_base_ms: 200,
        ..Settings::default()
    }
}

/// Fresh secret bytes.
#[expect(clippy::disallowed_methods, reason = "a story draws its own keys and tokens")]
pub(crate) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

/// A runtime within this process, on a free loopback port.
pub struct Embedded {
    /// Where its API answers.
    pub url: String,
    /// The operator's token.
    pub operator_token: String,
    running: Running,
    _folder: tempfile::TempDir,
}

impl Embedded {
    /// On a database of its own in a temporary folder, or on the one named.
    pub async fn start(network: &Network, database: Option<&str>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let operator_token = hex::encode(random()?);
        let database = Database::parse(database.unwrap_or("windlass.db"), folder.path());
        let configured = Configured { passphrase: network.passphrase.clone(), rpc_url: network.rpc_url.clone() };
        let mut config = Config::new(database, configured, MasterKey::from_bytes(random()?), &operator_token);
        config.egress = development();
        config.pipeline = settings();
        let running = Runtime::start(config).await?;
        Ok(Self { url: running.api_url(), operator_token, running, _folder: folder })
    }

    /// Stops it politely.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// How a runtime in a process of its own is started, the same each time.
#[derive(Clone)]
pub struct Options {
    /// A path, or a PostgreSQL URL.
    pub database: String,
    /// How long a lease lasts.
    pub lease_ms: u64,
    /// How long a run may take.
    pub run_deadline_ms: u64,
    /// Runs at once.
    pub concurrent_runs: u32,
    /// First delay after a failure.
    pub retry_base_ms: u64,
    /// The operator's token.
    pub operator_token: String,
    /// What secrets are sealed under.
    pub master_key: String,
    /// The network's passphrase.
    pub passphrase: String,
    /// Its Stellar RPC.
    pub rpc_url: String,
}

impl Options {
    /// Defaults, on this network.
    pub fn new(network: &Network) -> Result<Self> {
        let Settings { lease_ms, concurrent_runs, retry_base_ms, ceiling, .. } = settings();
        Ok(Self {
            database: ":memory:".to_owned(),
            lease_ms,
            run_deadline_ms: ceiling.wall_time_ms,
            concurrent_runs,
            retry_base_ms,
            operator_token: hex::encode(random()?),
            master_key: hex::encode(random()?),
            passphrase: network.passphrase.clone(),
            rpc_url: network.rpc_url.clone(),
        })
    }

    fn file(&self) -> String {
        let Settings { poll_interval_ms, watch_interval_ms, envelope_interval_ms, trust_interval_ms, .. } = settings();
        let retry_base_ms = self.retry_base_ms;
        format!(
            "listen = \"127.0.0.1:0\"\ndatabase = {:?}\n\n[network]\npassphrase = {:?}\nrpc-url = {:?}\n\n\
             [egress]\nallow-http = true\nloopback = \"any\"\n\n\
             [drivers]\nlease-ms = {}\nconcurrent-runs = {}\npoll-interval-ms = {poll_interval_ms}\n\
             watch-interval-ms = {watch_interval_ms}\nenvelope-interval-ms = {envelope_interval_ms}\n\
             trust-interval-ms = {trust_interval_ms}\nretry-base-ms = {retry_base_ms}\n\n[limits]\nwall-time-ms = {}\n",
            self.database, self.passphrase, self.rpc_url, self.lease_ms, self.concurrent_runs, self.run_deadline_ms
        )
    }
}

/// The real binary, in a process of its own.
pub struct Child {
    /// Where its API answers.
    pub url: String,
    process: std::process::Child,
    _folder: tempfile::TempDir,
}

impl Child {
    /// Starts it and waits until it listens.
    pub async fn start(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("windlass.toml");
        std::fs::write(&file, options.file())?;
        let mut process = Command::new(binary()?)
            .args(["serve", "--log", "warn", "--config"])
            .arg(&file)
            .env("WINDLASS_MASTER_KEY", &options.master_key)
            .env("WINDLASS_OPERATOR_TOKEN", &options.operator_token)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("no stdout")?;
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        })
        .await??;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let _gone = process.kill();
            let _reaped = process.wait();
            bail!("the runtime did not start: its reason is above; it said {line:?}");
        };
        Ok(Self { url: url.to_owned(), process, _folder: folder })
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// `windlass`, beside the test's or the demo's own program.
pub fn binary() -> Result<std::path::PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("no folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(Path::new(".")) } else { folder };
    let binary = folder.join("windlass");
    if !binary.exists() {
        bail!("{} is not there: build it with `cargo build --workspace --bins`", binary.display());
    }
    Ok(binary)
}
