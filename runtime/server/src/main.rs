//! The command line. Exit codes: 0 ended as asked; 1 failed to start or while running; 2 the command line or the
//! configuration is wrong.

mod dev_tenant;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use windlass::clock::SystemRandom;
use windlass::telemetry::{self, LogFormat, chain};
use windlass::{Config, Runtime};
use windlass_api::auth::{fresh_token, token_hash};
use windlass_devnet::{Bank, BankConfig, Closing, Devnet, DevnetConfig};
use windlass_domain::ports::clock::Random;

/// Hosts Stellar anchors whose integrations are WebAssembly components.
///
/// Exit codes: 0 ended as asked; 1 failed to start or while running; 2 the command line or the configuration is wrong.
#[derive(Parser)]
#[command(name = "windlass", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: Log,
}

#[derive(Args)]
struct Log {
    /// What is logged, to stderr: a level, or levels by module (`info,windlass_pipeline=debug`).
    #[arg(long, global = true, default_value = "info", env = "WINDLASS_LOG")]
    log: String,
    /// How log lines are written.
    #[arg(long, global = true, value_enum, default_value_t, env = "WINDLASS_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the API and the drivers until SIGTERM or SIGINT, then lets runs under way finish.
    Serve(ConfigFile),
    /// Looks at a configuration without starting anything.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Makes the key that secrets are sealed under.
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Makes the operator's token.
    #[command(subcommand)]
    OperatorToken(OperatorTokenCommand),
    /// Runs a Stellar network and a bank to develop against. Never for production: their control routes are open.
    Devnet(DevnetArgs),
    /// Makes a tenant on a development network: issuer, distribution account, trustline, supply, tenant, account, asset.
    DevTenant(dev_tenant::DevTenantArgs),
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration, in TOML: windlass.example.toml has every setting.
    #[arg(long, env = "WINDLASS_CONFIG", default_value = "windlass.toml")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Says everything that is wrong with a configuration, or shows it without its secrets.
    Check(ConfigFile),
}

#[derive(Subcommand)]
enum MasterKeyCommand {
    /// Writes a new key: 64 hex digits.
    New {
        /// A file that is not there yet, readable by its owner only; else stdout.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum OperatorTokenCommand {
    /// Prints a new token, and its hash for the configuration.
    New,
}

#[derive(Args)]
struct DevnetArgs {
    /// Where the Stellar RPC and the friendbot listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where the bank listens.
    #[arg(long, default_value = "127.0.0.1:8001")]
    bank_listen: SocketAddr,
    /// The network's passphrase.
    #[arg(long, default_value_t = DevnetConfig::default().passphrase)]
    passphrase: String,
    /// Closes a ledger every so many milliseconds; left out, as soon as something waits.
    #[arg(long)]
    close_ms: Option<u64>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(problem) = telemetry::start(cli.log.log_format, &cli.log.log) {
        eprintln!("windlass: {problem}");
        return ExitCode::from(2);
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("windlass: {}", chain(error.as_ref()));
            let configuration = error.downcast_ref::<windlass::Error>().is_some_and(windlass::Error::is_configuration);
            ExitCode::from(if configuration { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(file) => runtime()?.block_on(serve(Config::load(&file.config)?)),
        Command::Config(ConfigCommand::Check(file)) => {
            println!("{:#?}", Config::load(&file.config)?);
            Ok(())
        }
        Command::MasterKey(MasterKeyCommand::New { file }) => master_key(file.as_deref()),
        Command::OperatorToken(OperatorTokenCommand::New) => {
            let token = fresh_token(&SystemRandom);
            println!("token               {token}\noperator-token-hash {}", token_hash(&token));
            Ok(())
        }
        Command::Devnet(args) => runtime()?.block_on(devnet(args)),
        Command::DevTenant(args) => runtime()?.block_on(dev_tenant::run(args)),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the threads cannot be started")
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut running = Runtime::start(config).await?;
    println!("listening on {}", running.api_url());
    tokio::select! {
        stopped = asked_to_stop() => {
            stopped?;
            running.shutdown().await;
            Ok(())
        }
        failure = running.failed() => {
            running.shutdown().await;
            anyhow::bail!("{failure}: start again; nothing is lost")
        }
    }
}

async fn devnet(args: DevnetArgs) -> anyhow::Result<()> {
    let closing = args.close_ms.map_or(Closing::AtOnce, |ms| Closing::Interval(Duration::from_millis(ms)));
    let config = DevnetConfig { listen: args.listen, passphrase: args.passphrase, closing, ..DevnetConfig::default() };
    let network = Devnet::start(config).await?;
    let bank = Bank::start(BankConfig { listen: args.bank_listen }).await?;
    println!("for development only: keys are known, control routes are open, nothing is kept");
    println!("passphrase  {}", network.passphrase());
    println!("rpc         {}", network.url());
    println!("friendbot   {}?addr=G...", network.friendbot_url());
    println!("bank        {}", bank.url());
    asked_to_stop().await?;
    bank.shutdown().await;
    network.shutdown().await;
    Ok(())
}

async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
    Ok(())
}

fn master_key(file: Option<&Path>) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let text = hex::encode(SystemRandom.bits_256());
    let Some(path) = file else {
        println!("{text}");
        return Ok(());
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be made: a key is never written over another", path.display()))?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).with_context(|| format!("{} cannot be written", path.display()))
}
