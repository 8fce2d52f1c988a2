//! `windlass dev-tenant` over the real binary: a tenant on a development network in one command.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use windlass_devnet::{Devnet, DevnetConfig};
use windlass_domain::{AccountId, Amount, Asset};
use windlass_tests::api::{Api, text};
use windlass_tests::runtime::{Child, Options, binary};
use windlass_tests::world::Network;

fn dev_tenant(folder: &std::path::Path, api: &str, options: &Options, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.current_dir(folder).args(["--log", "warn", "dev-tenant"]).args(arguments).args(["--api", api, "--rpc", &options.rpc_url]);
    Ok(command.env("WINDLASS_OPERATOR_TOKEN", &options.operator_token).output()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_makes_a_tenant_whole() -> Result<()> {
    let devnet = Devnet::start(DevnetConfig::default()).await?;
    let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
    let options = Options::new(&network)?;
    let runtime = Child::start(&options).await?;
    let folder = tempfile::tempdir()?;
    let friendbot = devnet.friendbot_url();
    let made = dev_tenant(
        folder.path(),
        &runtime.url,
        &options,
        &["acme", "--friendbot", &friendbot, "--asset", "EUR", "--supply", "5000", "--json"],
    )?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown: Value = serde_json::from_slice(&made.stdout)?;
    ensure!(shown["secrets"].is_null(), "secrets are in the file only: {shown}");

    let (asset, distribution) = (text(&shown, "asset")?.parse::<Asset>()?, AccountId::new(text(&shown, "distribution")?)?);
    let lines = [(distribution.clone(), asset.clone())];
    let entries = network.ledger.entries(std::slice::from_ref(&distribution), &lines).await?;
    let line = entries.trustlines.get(&lines[0]).context("no trustline")?;
    ensure!(line.balance == "5000".parse::<Amount>()? && line.authorized, "{line:?}");

    let file = folder.path().join("acme.secrets.json");
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "others can read the secrets");
    let secrets: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    ensure!(text(&secrets, "issuer_secret_seed")?.starts_with('S') && text(&secrets, "distribution_secret_seed")?.starts_with('S'));
    let tenant = Api::new(&runtime.url, text(&secrets, "tenant_token")?)?;
    let (accounts, assets) = (tenant.get("/v1/tenants/acme/accounts").await?, tenant.get("/v1/tenants/acme/assets").await?);
    ensure!(accounts["items"][0]["account"] == distribution.as_str(), "{accounts}");
    ensure!(assets["items"][0]["asset"] == asset.to_string() && assets["items"][0]["deposit"]["enabled"] == false, "{assets}");

    let again = dev_tenant(folder.path(), &runtime.url, &options, &["acme", "--friendbot", &friendbot, "--show-secrets"])?;
    ensure!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("there is a tenant acme already"), "{again:?}");

    let funder = network.funder.secret();
    let by_funder = dev_tenant(folder.path(), &runtime.url, &options, &["bolt", "--funder", funder.as_str(), "--show-secrets", "--json"])?;
    ensure!(by_funder.status.success(), "{}", String::from_utf8_lossy(&by_funder.stderr));
    let shown: Value = serde_json::from_slice(&by_funder.stdout)?;
    ensure!(shown["secrets"]["tenant_token"].is_string() && shown["secrets_file"].is_null());
    ensure!(!folder.path().join("bolt.secrets.json").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_network_is_refused_before_anything_is_made() -> Result<()> {
    let passphrase = "Public Global Stellar Network ; September 2015".to_owned();
    let devnet = Devnet::start(DevnetConfig { passphrase, ..DevnetConfig::default() }).await?;
    let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
    let options = Options::new(&network)?;
    let folder = tempfile::tempdir()?;
    let refused = dev_tenant(folder.path(), "http://127.0.0.1:9", &options, &["acme", "--friendbot", &devnet.friendbot_url()])?;
    ensure!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("public network"), "{refused:?}");
    ensure!(std::fs::read_dir(folder.path())?.next().is_none(), "no secrets were made");
    Ok(())
}
