//! `windlass dev-tenant`: everything that a tenant on a development network needs, made in one go: issuer, distribution
//! account, trustline and supply on the ledger; tenant, account and asset over the API. Never on the public network: there
//! the keys come from the tenant.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use windlass::clock::SystemRandom;
use windlass_domain::ports::clock::Random;
use windlass_domain::ports::ledger::Ledger;
use windlass_domain::{Amount, Asset, TenantId};
use windlass_stellar::setup::{self, Operation};
use windlass_stellar::{LocalKey, RpcLedger, RpcOptions};

/// Passphrase of the network with real money.
const PUBLIC_NETWORK: &str = "Public Global Stellar Network ; September 2015";

#[derive(Args)]
pub(crate) struct DevTenantArgs {
    /// The tenant's id: 1 to 63 of a-z, 0-9 and -, beginning with a letter.
    tenant: String,
    /// The runtime's API.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "WINDLASS_API")]
    api: String,
    /// The operator's token: better in the environment than on the command line.
    #[arg(long, env = "WINDLASS_OPERATOR_TOKEN", hide_env_values = true)]
    operator_token: String,
    /// Stellar RPC of the development network.
    #[arg(long, default_value = "http://127.0.0.1:8000", env = "WINDLASS_RPC")]
    rpc: String,
    /// The friendbot that pays for the accounts.
    #[arg(long, value_name = "URL", required_unless_present = "funder")]
    friendbot: Option<String>,
    /// Or the secret seed (S...) of an account that does: about 41 XLM. Better in the environment than here.
    #[arg(long, value_name = "SECRET", env = "WINDLASS_FUNDER", hide_env_values = true, conflicts_with = "friendbot")]
    funder: Option<String>,
    /// Where its stellar.toml will be; left out: <tenant>.localhost.
    #[arg(long)]
    home_domain: Option<String>,
    /// The asset's code: 1 to 12 letters and digits.
    #[arg(long, default_value = "USD")]
    asset: String,
    /// Decimals of the asset's money at the bank.
    #[arg(long, default_value_t = 2)]
    decimals: u8,
    /// Tokens that the issuer hands to the distribution account.
    #[arg(long, default_value = "1000000")]
    supply: Amount,
    /// XLM that each account begins with, where a funder pays.
    #[arg(long, default_value = "20")]
    starting_balance: Amount,
    /// Where the secrets go: a file that is not there yet, readable by its owner only. Left out: <tenant>.secrets.json.
    #[arg(long, conflicts_with = "show_secrets")]
    secrets: Option<PathBuf>,
    /// Print the secrets instead of writing them to a file.
    #[arg(long)]
    show_secrets: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Makes it all. What can be refused is refused before anything is made; the keys are on disk before they hold anything.
pub(crate) async fn run(args: DevTenantArgs) -> anyhow::Result<()> {
    let id = TenantId::new(args.tenant.as_str())?;
    let ledger = RpcLedger::new(&args.rpc, "", &RpcOptions::default())?;
    let passphrase = ledger.network().await.context("the ledger does not say which network it is: look at --rpc")?;
    ensure!(
        passphrase != PUBLIC_NETWORK,
        "{} is on the public network: a tenant there brings its own keys, see POST /v1/tenants and /v1/tenants/{{tenant}}/accounts",
        args.rpc
    );
    let ledger = RpcLedger::new(&args.rpc, passphrase.as_str(), &RpcOptions::default())?;
    let (issuer, distribution) = (fresh_key(), fresh_key());
    let asset: Asset = format!("{}:{}", args.asset, issuer.account()).parse()?;
    ensure!(args.supply.is_positive(), "--supply has to be above 0");
    ensure!(args.decimals <= 7, "--decimals has to be 0 to 7");
    let funder = args.funder.as_deref().map(LocalKey::from_secret).transpose()?;
    let api = Api::new(&args.api, &args.operator_token)?;
    let tenants = api.send(Method::GET, "/v1/tenants", None).await?;
    let ids = tenants["items"].as_array().into_iter().flatten().filter_map(|tenant| tenant["id"].as_str());
    ensure!(ids.into_iter().all(|other| other != id.as_str()), "there is a tenant {id} already: choose another id");

    let seeds = json!({ "issuer_secret_seed": issuer.secret().as_str(), "distribution_secret_seed": distribution.secret().as_str() });
    let mut file = if args.show_secrets { None } else { Some(SecretsFile::create(&args, &seeds)?) };
    match (&args.friendbot, &funder) {
        (Some(friendbot), _) => {
            for key in [&issuer, &distribution] {
                setup::friendbot(friendbot, &key.account()).await?;
            }
        }
        (None, Some(funder)) => {
            let create = |key: &LocalKey| Operation::CreateAccount { destination: key.account(), starting_balance: args.starting_balance };
            setup::run(&ledger, &passphrase, funder, None, &[create(&issuer), create(&distribution)])
                .await
                .context("making the accounts")?;
        }
        (None, None) => bail!("nobody pays for the accounts: give --friendbot or --funder"),
    }
    let trust = Operation::ChangeTrust { asset: asset.clone(), limit: setup::NO_LIMIT };
    setup::run(&ledger, &passphrase, &distribution, None, &[trust]).await.context("making the trustline")?;
    let supply = Operation::Payment { destination: distribution.account().to_string(), asset: asset.clone(), amount: args.supply };
    setup::run(&ledger, &passphrase, &issuer, None, &[supply]).await.context("issuing the supply")?;

    let home_domain = args.home_domain.clone().unwrap_or_else(|| format!("{id}.localhost"));
    let made = api.send(Method::POST, "/v1/tenants", Some(json!({ "id": id, "home_domain": home_domain, "network": passphrase }))).await?;
    let mut secrets = seeds;
    secrets["tenant_token"] = made["token"].clone();
    if let Some(file) = &mut file {
        file.write(&secrets)?;
    }
    let of = |what: &str| format!("/v1/tenants/{id}/{what}");
    api.send(Method::POST, &of("accounts"), Some(json!({ "secret_seed": distribution.secret().as_str() }))).await?;
    let off = json!({ "enabled": false });
    api.send(Method::PUT, &of("assets"), Some(json!({ "asset": asset, "decimals": args.decimals, "deposit": off, "withdrawal": off })))
        .await?;

    let shown = json!({
        "tenant": id,
        "home_domain": home_domain,
        "network": passphrase,
        "asset": asset,
        "issuer": issuer.account(),
        "distribution": distribution.account(),
        "supply": args.supply,
        "secrets_file": file.as_ref().map(|file| file.path.display().to_string()),
        "secrets": args.show_secrets.then_some(&secrets),
    });
    print(&shown, &args, &id);
    Ok(())
}

fn print(shown: &Value, args: &DevTenantArgs, id: &TenantId) {
    if args.json {
        println!("{shown}");
        return;
    }
    let lines = shown.as_object().into_iter().flatten().chain(shown["secrets"].as_object().into_iter().flatten());
    for (name, value) in lines {
        if let Some(text) = value.as_str() {
            println!("{name:26}{text}");
        }
    }
    println!(
        "\nnext: upload a component (POST /v1/tenants/{id}/integrations), activate it, then enable the asset's directions (PUT /v1/tenants/{id}/assets)"
    );
}

fn fresh_key() -> LocalKey {
    LocalKey::from_seed(&SystemRandom.bits_256())
}

/// Readable by its owner only, and never written over another.
struct SecretsFile {
    path: PathBuf,
    file: File,
}

impl SecretsFile {
    fn create(args: &DevTenantArgs, secrets: &Value) -> anyhow::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = args.secrets.clone().unwrap_or_else(|| PathBuf::from(format!("{}.secrets.json", args.tenant)));
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{} cannot be made: secrets are never written over others", path.display()))?;
        let mut made = Self { path, file };
        made.write(secrets)?;
        Ok(made)
    }

    fn write(&mut self, secrets: &Value) -> anyhow::Result<()> {
        let rewritten = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        let written = rewritten.and_then(|_| writeln!(self.file, "{secrets:#}")).and_then(|()| self.file.sync_all());
        written.with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

/// The runtime's API, as its operator.
struct Api<'a> {
    client: reqwest::Client,
    base: &'a str,
    token: &'a str,
}

impl<'a> Api<'a> {
    fn new(base: &'a str, token: &'a str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(std::time::Duration::from_secs(30))
            .build()
            .context("the HTTP client cannot be made")?;
        Ok(Self { client, base: base.trim_end_matches('/'), token })
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| format!("the runtime at {} does not answer: look at --api", self.base))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("no whole answer to {path}"))?;
        let answer: Value =
            serde_json::from_str(&text).with_context(|| format!("{path} answered {status} and what is not JSON: is it Windlass?"))?;
        ensure!(
            status.is_success(),
            "{path} was refused: {} ({})",
            answer["detail"].as_str().unwrap_or("no reason given"),
            answer["code"].as_str().unwrap_or("no code")
        );
        Ok(answer)
    }
}
