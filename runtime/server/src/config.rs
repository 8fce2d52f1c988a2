//! Configuration, in stages with a type each: a TOML file as written, then the environment over it, then checked.
//!
//! `windlass.example.toml` beside this crate has every key with its default. Keys that are not known are refused. The
//! environment wins over the file: `WINDLASS_LISTEN`, `WINDLASS_DATABASE`, `WINDLASS_MASTER_KEY`,
//! `WINDLASS_OPERATOR_TOKEN`, `WINDLASS_OPERATOR_TOKEN_HASH`, `WINDLASS_NETWORK_PASSPHRASE`, `WINDLASS_RPC_URL`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use windlass_domain::limits::RunLimits;
use windlass_egress::OperatorPolicy;
use windlass_pipeline::Settings;
use zeroize::Zeroizing;

use crate::Error;

/// A lease lasts longer than the longest run by more than this, in milliseconds (money rule 7).
const LEASE_MARGIN_MS: u64 = 1_000;

/// Ledgers close about this often, in seconds. A time bound lies more than two of them ahead.
const EXPECTED_CLOSE_S: i64 = 5;

/// Checked: what the runtime starts with. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub database: Database,
    /// What secrets are sealed under.
    pub master_key: MasterKey,
    /// SHA-256 (hex) of the operator's token.
    pub operator_token_hash: String,
    /// Stellar networks, each with its server.
    pub networks: Vec<Network>,
    /// What tenants' requests may reach at all.
    pub egress: OperatorPolicy,
    /// How the drivers go about it, and what a run may use at most.
    pub pipeline: Settings,
    /// Compiled components kept in memory.
    pub components_kept: usize,
}

impl Config {
    /// With defaults for the rest, on a free loopback port.
    pub fn new(database: Database, network: Network, master_key: MasterKey, operator_token: &str) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database,
            master_key,
            operator_token_hash: windlass_api::auth::token_hash(operator_token),
            networks: vec![network],
            egress: OperatorPolicy::default(),
            pipeline: Settings::default(),
            components_kept: 256,
        }
    }

    /// Reads the file and the process's environment. Paths in the file are seen from the file's folder.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read(path)?;
        let written = toml::from_str(&text).map_err(|source| Error::Syntax { path: path.to_owned(), source: Box::new(source) })?;
        check(written, &environment(), path.parent().unwrap_or(Path::new(".")))
    }

    /// Everything that is wrong with how its parts go together; empty when it is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let Settings { lease_ms, envelope_bound_s, concurrent_runs, claim_limit, claim_per_tenant, ref ceiling, .. } = self.pipeline;
        if lease_ms <= ceiling.wall_time_ms.saturating_add(LEASE_MARGIN_MS) {
            problems.push(format!(
                "drivers.lease-ms {lease_ms} must be above limits.wall-time-ms {} by more than {LEASE_MARGIN_MS}",
                ceiling.wall_time_ms
            ));
        }
        if envelope_bound_s <= 2 * EXPECTED_CLOSE_S {
            problems.push(format!("drivers.envelope-bound-s {envelope_bound_s} must be above {}: two ledgers", 2 * EXPECTED_CLOSE_S));
        }
        for (name, value) in [
            ("drivers.concurrent-runs", concurrent_runs),
            ("drivers.claim-limit", claim_limit),
            ("drivers.claim-per-tenant", claim_per_tenant),
        ] {
            if value == 0 {
                problems.push(format!("{name} must be at least 1"));
            }
        }
        if self.operator_token_hash.len() != 64 || hex::decode(&self.operator_token_hash).is_err() {
            problems.push("operator-token-hash must be 64 hex digits: make a token with `windlass operator-token new`".to_owned());
        }
        if self.operator_token_hash == windlass_api::auth::token_hash("") {
            problems.push("the operator's token is empty: make one with `windlass operator-token new`".to_owned());
        }
        for network in &self.networks {
            if network.passphrase.is_empty() {
                problems.push("network.passphrase is missing".to_owned());
            }
            if !network.rpc_url.starts_with("http://") && !network.rpc_url.starts_with("https://") {
                problems.push(format!("network.rpc-url at {} must begin with http:// or https://", network.server()));
            }
        }
        problems
    }
}

/// A Stellar network. `Debug` shows the server without path, query and credentials, where its keys are.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Network {
    /// Its passphrase.
    pub passphrase: String,
    /// A Stellar RPC server of it.
    pub rpc_url: String,
}

impl Network {
    /// The server as it may be shown: scheme, host and port.
    pub fn server(&self) -> String {
        let (scheme, rest) = self.rpc_url.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{}", authority.rsplit('@').next().unwrap_or_default())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({:?} at {})", self.passphrase, self.server())
    }
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// SQLite in memory: gone with the process. For tests.
    InMemory,
    /// SQLite in this file.
    Sqlite(PathBuf),
    /// PostgreSQL, by its URL, which may hold a password.
    Postgres(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InMemory => f.write_str("InMemory"),
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

impl Database {
    /// `:memory:`, `postgres://...`, or a path, seen from `folder`.
    pub fn parse(text: &str, folder: &Path) -> Self {
        match text {
            ":memory:" => Self::InMemory,
            _ if text.starts_with("postgres://") || text.starts_with("postgresql://") => Self::Postgres(text.to_owned()),
            path => Self::Sqlite(folder.join(path)),
        }
    }
}

/// The master key: 32 bytes, wiped when dropped, invisible to `Debug`.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// These bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// 64 hex digits; space around them is left out.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).ok()?;
        Some(Self(bytes))
    }

    /// Shows it: for the one cipher that needs it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The file, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Written {
    listen: Option<String>,
    database: Option<String>,
    master_key_file: Option<PathBuf>,
    operator_token_hash: Option<String>,
    network: Network,
    egress: OperatorPolicy,
    drivers: Drivers,
    limits: toml::Table,
    components_kept: Option<usize>,
}

/// How the drivers go about it; what is left out has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Drivers {
    lease_ms: Option<u64>,
    poll_interval_ms: Option<u64>,
    watch_interval_ms: Option<u64>,
    envelope_interval_ms: Option<u64>,
    trust_interval_ms: Option<u64>,
    retry_base_ms: Option<u64>,
    envelope_bound_s: Option<i64>,
    claim_limit: Option<u32>,
    claim_per_tenant: Option<u32>,
    concurrent_runs: Option<u32>,
}

impl Drivers {
    fn settings(self, ceiling: RunLimits) -> Settings {
        let default = Settings::default();
        Settings {
            lease_ms: self.lease_ms.unwrap_or(default.lease_ms),
            poll_interval_ms: self.poll_interval_ms.unwrap_or(default.poll_interval_ms),
            watch_interval_ms: self.watch_interval_ms.unwrap_or(default.watch_interval_ms),
            envelope_interval_ms: self.envelope_interval_ms.unwrap_or(default.envelope_interval_ms),
            trust_interval_ms: self.trust_interval_ms.unwrap_or(default.trust_interval_ms),
            retry_base_ms: self.retry_base_ms.unwrap_or(default.retry_base_ms),
            envelope_bound_s: self.envelope_bound_s.unwrap_or(default.envelope_bound_s),
            claim_limit: self.claim_limit.unwrap_or(default.claim_limit),
            claim_per_tenant: self.claim_per_tenant.unwrap_or(default.claim_per_tenant),
            concurrent_runs: self.concurrent_runs.unwrap_or(default.concurrent_runs),
            ceiling,
        }
    }
}

const VARIABLES: [&str; 7] = [
    "WINDLASS_LISTEN",
    "WINDLASS_DATABASE",
    "WINDLASS_MASTER_KEY",
    "WINDLASS_OPERATOR_TOKEN",
    "WINDLASS_OPERATOR_TOKEN_HASH",
    "WINDLASS_NETWORK_PASSPHRASE",
    "WINDLASS_RPC_URL",
];

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> BTreeMap<String, String> {
    VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// From the file and the environment to what the runtime starts with, or everything that is wrong.
fn check(written: Written, environment: &BTreeMap<String, String>, folder: &Path) -> Result<Config, Error> {
    let mut problems = Vec::new();
    let value = |name: &str, written: Option<String>| environment.get(name).cloned().or(written);
    let listen = value("WINDLASS_LISTEN", written.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listen = listen.parse().unwrap_or_else(|_| {
        problems.push(format!("listen {listen:?} must be an address and a port: 127.0.0.1:8080"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let database = value("WINDLASS_DATABASE", written.database).unwrap_or_else(|| "windlass.db".to_owned());
    let master_key = match (environment.get("WINDLASS_MASTER_KEY"), written.master_key_file) {
        (Some(text), _) => MasterKey::from_hex(text),
        (None, Some(path)) => MasterKey::from_hex(&read(&folder.join(path))?),
        (None, None) => None,
    };
    if master_key.is_none() {
        problems.push("the master key is missing, or is not 64 hex digits: make one with `windlass master-key new` and name its file in master-key-file, or set WINDLASS_MASTER_KEY".to_owned());
    }
    let operator_token_hash = match environment.get("WINDLASS_OPERATOR_TOKEN") {
        Some(token) => windlass_api::auth::token_hash(token),
        None => value("WINDLASS_OPERATOR_TOKEN_HASH", written.operator_token_hash).unwrap_or_default().to_ascii_lowercase(),
    };
    let network = Network {
        passphrase: value("WINDLASS_NETWORK_PASSPHRASE", Some(written.network.passphrase)).unwrap_or_default(),
        rpc_url: value("WINDLASS_RPC_URL", Some(written.network.rpc_url)).unwrap_or_default(),
    };
    let ceiling = limits(written.limits).unwrap_or_else(|problem| {
        problems.push(problem);
        RunLimits::default()
    });
    let config = Config {
        listen,
        database: Database::parse(&database, folder),
        master_key: master_key.unwrap_or(MasterKey::from_bytes([0; 32])),
        operator_token_hash,
        networks: vec![network],
        egress: written.egress,
        pipeline: written.drivers.settings(ceiling),
        components_kept: written.components_kept.unwrap_or(256),
    };
    problems.extend(config.problems());
    if problems.is_empty() { Ok(config) } else { Err(Error::Config(problems)) }
}

/// The operator's limits: the fields of [`RunLimits`], with hyphens as everywhere in the file.
fn limits(written: toml::Table) -> Result<RunLimits, String> {
    let renamed: toml::Table = written.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect();
    renamed.try_into().map_err(|error: toml::de::Error| format!("limits: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, environment: &[(&str, &str)]) -> Result<Config, Error> {
        let written = toml::from_str(text).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        check(written, &environment, Path::new("/etc/windlass"))
    }

    const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

    const SECRETS: [(&str, &str); 2] = [("WINDLASS_MASTER_KEY", KEY), ("WINDLASS_OPERATOR_TOKEN", "open sesame")];

    const NETWORK: &str = "[network]\npassphrase = \"p\"\nrpc-url = \"http://me:opensesame@127.0.0.1:1/rpc-key\"\n";

    #[test]
    fn a_whole_configuration_shows_no_secret() {
        let text = format!(
            "database = \"postgres://windlass:hunter2@db/windlass\"\n{NETWORK}[limits]\nwall-time-ms = 1000\n[egress]\nallow-http = true\nloopback = {{ ports = [9] }}\n"
        );
        let config = checked(&text, &SECRETS).unwrap();
        assert_eq!(config.pipeline.ceiling.wall_time_ms, 1_000);
        assert!(config.egress.allows_loopback(9));
        let shown = format!("{config:?}");
        for secret in ["hunter2", KEY, "open sesame", "[1, 1", "opensesame", "rpc-key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("http://127.0.0.1:1)"), "{shown}");
    }

    #[test]
    fn the_environment_wins_and_paths_are_seen_from_the_file() {
        let config =
            checked(&format!("listen = \"0.0.0.0:1\"\n{NETWORK}"), &[SECRETS[0], SECRETS[1], ("WINDLASS_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.database, Database::Sqlite("/etc/windlass/windlass.db".into()));
        assert_eq!(Database::parse(":memory:", Path::new("")), Database::InMemory);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = "listen = \"here\"\n[network]\nrpc-url = \"ftp://x\"\n[drivers]\nlease-ms = 31000\nenvelope-bound-s = 10\nclaim-limit = 0\n[limits]\nfule = 1\n";
        let Err(Error::Config(problems)) = checked(text, &[]) else { panic!("refused") };
        for part in [
            "listen",
            "master key",
            "limits: unknown field `fule`",
            "lease-ms",
            "envelope-bound-s",
            "claim-limit",
            "operator-token-hash",
            "network.passphrase",
            "network.rpc-url",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part} in {problems:?}");
        }
        assert_eq!(problems.len(), 9, "{problems:?}");
    }

    #[test]
    fn rule_7_a_lease_outlasts_the_longest_run() {
        for (lease_ms, is_well) in [(31_000, false), (31_001, true)] {
            let text = format!("{NETWORK}[drivers]\nlease-ms = {lease_ms}\n");
            assert_eq!(checked(&text, &SECRETS).is_ok(), is_well, "{lease_ms}");
        }
    }

    #[test]
    fn an_empty_operator_token_is_refused() {
        let Err(Error::Config(problems)) = checked(NETWORK, &[SECRETS[0], ("WINDLASS_OPERATOR_TOKEN", "")]) else { panic!("refused") };
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for text in ["listne = 1", "[drivers]\nlease = 1", "[network]\nurl = \"x\"", "[egress]\nallow_http = true"] {
            assert!(toml::from_str::<Written>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_example_is_a_configuration_of_defaults() {
        let written: Written = toml::from_str(include_str!("../windlass.example.toml")).unwrap();
        let drivers = written.drivers.settings(limits(written.limits).unwrap());
        assert_eq!(format!("{drivers:?}"), format!("{:?}", Settings::default()));
        assert_eq!(written.egress, OperatorPolicy::default());
    }
}
