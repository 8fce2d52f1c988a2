//! The world of a story: a Stellar network, a bank, and tenants set up on a runtime as their operators would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use windlass_devnet::{Bank, Customer, Idempotency, NewCustomer};
use windlass_domain::ports::ledger::Ledger;
use windlass_domain::rules::AssetRules;
use windlass_domain::{Amount, Asset};
use windlass_stellar::setup::{self, Operation};
use windlass_stellar::{LocalKey, RpcLedger, RpcOptions};

use crate::api::{Api, text};
use crate::people::{Person, fresh_key};

/// Tokens that each issuer hands to its distribution account.
pub const SUPPLY: &str = "1000000";

/// XLM that each account begins with.
const STARTING_BALANCE: &str = "20";

/// A Stellar network, and an account on it that pays for new accounts.
pub struct Network {
    /// Stellar RPC.
    pub rpc_url: String,
    /// Its passphrase.
    pub passphrase: String,
    /// The client.
    pub ledger: Arc<dyn Ledger>,
    /// Who pays.
    pub funder: LocalKey,
}

impl Network {
    /// Over an RPC server; the funder's account exists.
    pub fn new(rpc_url: &str, passphrase: &str, funder: LocalKey) -> Result<Self> {
        let ledger = RpcLedger::new(rpc_url, passphrase, &RpcOptions::default())?;
        Ok(Self { rpc_url: rpc_url.to_owned(), passphrase: passphrase.to_owned(), ledger: Arc::new(ledger), funder })
    }

    /// Over a development network with a friendbot, which pays for the funder's account.
    pub async fn with_friendbot(rpc_url: &str, passphrase: &str, friendbot_url: &str) -> Result<Self> {
        let network = Self::new(rpc_url, passphrase, fresh_key()?)?;
        setup::friendbot(friendbot_url, &network.funder.account()).await?;
        Ok(network)
    }

    /// Makes accounts, up to a hundred at once.
    pub async fn create_accounts(&self, keys: &[&LocalKey]) -> Result<()> {
        let starting_balance: Amount = STARTING_BALANCE.parse()?;
        for some in keys.chunks(100) {
            let operations: Vec<_> =
                some.iter().map(|key| Operation::CreateAccount { destination: key.account(), starting_balance }).collect();
            setup::run(&*self.ledger, &self.passphrase, &self.funder, None, &operations).await?;
        }
        Ok(())
    }
}

/// How a tenant of a story is set up.
pub struct Plan<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its asset's code, which is its bank's currency too.
    pub code: &'a str,
    /// The component.
    pub component: &'a Path,
    /// What the manifest declares of the rail: `idempotent`, `look-up` or `hold`.
    pub effects: &'a str,
    /// Whether the bank honours idempotency keys.
    pub idempotency: Idempotency,
    /// How many people it has.
    pub people: usize,
}

/// A tenant of a story, set up on the ledger, at the bank and on the runtime.
pub struct House {
    /// Its id.
    pub id: String,
    /// Its asset and rules.
    pub rules: AssetRules,
    /// Pays deposits, takes withdrawals.
    pub distribution: LocalKey,
    /// Its account at the bank.
    pub customer: Customer,
    /// Its users, each with a trustline.
    pub people: Vec<Person>,
    /// The newest ledger when it was set up: its users' payments come after.
    pub first_ledger: u32,
}

impl House {
    /// Sets everything up: accounts, trustlines and supply on the ledger, a customer at the bank, and the tenant itself
    /// over the API.
    pub async fn build(plan: &Plan<'_>, network: &Network, bank: &Bank, api: &Api) -> Result<Self> {
        let (issuer, distribution) = (fresh_key()?, fresh_key()?);
        let people = (1..=plan.people).map(|number| Person::new(format!("{}-user-{number:02}", plan.id))).collect::<Result<Vec<_>>>()?;
        let keys: Vec<&LocalKey> = [&issuer, &distribution].into_iter().chain(people.iter().map(|person| &person.key)).collect();
        network.create_accounts(&keys).await.context("making the accounts")?;
        let asset: Asset = format!("{}:{}", plan.code, issuer.account()).parse()?;
        let trust = [Operation::ChangeTrust { asset: asset.clone(), limit: setup::NO_LIMIT }];
        setup::run(&*network.ledger, &network.passphrase, &distribution, None, &trust).await?;
        let supply = Operation::Payment { destination: distribution.account().to_string(), asset: asset.clone(), amount: SUPPLY.parse()? };
        setup::run(&*network.ledger, &network.passphrase, &issuer, None, &[supply]).await?;
        for outcome in futures::future::join_all(people.iter().map(|person| person.trust(network, &asset))).await {
            outcome.context("making a user's trustline")?;
        }
        let customer = bank.add_customer(&NewCustomer {
            name: plan.id.to_owned(),
            currency: plan.code.to_owned(),
            decimals: 2,
            balance: "0".to_owned(),
            idempotency: plan.idempotency,
            require_key: true,
        })?;
        let rules = rules(&asset)?;
        let first_ledger = network.ledger.head().await?.sequence;
        let house = Self { id: plan.id.to_owned(), rules, distribution, customer, people, first_ledger };
        house.register(plan, network, bank, api).await.with_context(|| format!("setting tenant {} up over the API", plan.id))?;
        Ok(house)
    }

    async fn register(&self, plan: &Plan<'_>, network: &Network, bank: &Bank, api: &Api) -> Result<()> {
        let id = &self.id;
        api.post("/v1/tenants", &json!({ "id": id, "home_domain": format!("{id}.example"), "network": network.passphrase })).await?;
        api.post(&format!("/v1/tenants/{id}/accounts"), &json!({ "secret_seed": self.distribution.secret().as_str() })).await?;
        for (name, value) in [("bank-api-key", &self.customer.api_key), ("bank-hmac", &self.customer.hmac_secret)] {
            api.put(&format!("/v1/tenants/{id}/secrets/{name}"), &json!({ "value": value })).await?;
        }
        api.put(&format!("/v1/tenants/{id}/settings/bank-url"), &json!({ "value": bank.url() })).await?;
        let mut manifest = json!({
            "hosts": [{ "url": bank.url(), "methods": ["GET", "POST"], "paths": ["/v1/"], "secrets": ["bank-api-key"] }],
            "signing": ["bank-hmac"],
            "rail": { "name": "dev-bank", "effects": plan.effects },
        });
        // What the development bank has received it carries out within two seconds, faults included.
        if plan.effects == "look-up" {
            manifest["rail"]["not_found_after_ms"] = json!(4_000);
        }
        let component = std::fs::read(plan.component)
            .with_context(|| format!("{} is not there: run `cargo xtask guests` first", plan.component.display()))?;
        let version = api.upload(id, &manifest, &component).await?;
        let number = version.get("number").and_then(Value::as_i64).with_context(|| format!("no version number in {version}"))?;
        api.post(&format!("/v1/tenants/{id}/integrations/{number}/activate"), &json!({})).await?;
        api.put(&format!("/v1/tenants/{id}/assets"), &serde_json::to_value(&self.rules)?).await?;
        Ok(())
    }

    /// A deposit asked for over the API: its id and its reference.
    pub async fn ask_deposit(&self, api: &Api, person: &Person, amount: &str, fields: &Value) -> Result<(String, String)> {
        let body = json!({ "kind": "deposit", "asset": self.rules.asset, "amount": amount, "account": person.account(), "fields": fields });
        let made = api.post(&format!("/v1/tenants/{}/transactions", self.id), &body).await?;
        Ok((text(&made, "id")?.to_owned(), text(&made, "reference")?.to_owned()))
    }

    /// A withdrawal asked for over the API: its id, and the account and memo to pay with.
    pub async fn ask_withdrawal(&self, api: &Api, person: &Person, amount: &str) -> Result<(String, String, String)> {
        let body = json!({ "kind": "withdrawal", "asset": self.rules.asset, "amount": amount, "fields": { "bank_account_number": format!("iban-{}", person.name) } });
        let made = api.post(&format!("/v1/tenants/{}/transactions", self.id), &body).await?;
        Ok((text(&made, "id")?.to_owned(), text(&made, "withdraw_anchor_account")?.to_owned(), text(&made, "withdraw_memo")?.to_owned()))
    }

    /// A transaction as the API shows it.
    pub async fn show(&self, api: &Api, id: &str) -> Result<Value> {
        api.get(&format!("/v1/tenants/{}/transactions/{id}", self.id)).await
    }
}

fn rules(asset: &Asset) -> Result<AssetRules> {
    Ok(serde_json::from_value(json!({
        "asset": asset,
        "decimals": 2,
        "deposit": { "enabled": true, "min_amount": "1", "max_amount": "10000", "fee": { "fixed": "0.5", "percent_ppm": 10_000 } },
        "withdrawal": { "enabled": true, "min_amount": "1", "max_amount": "10000", "fee": { "percent_ppm": 5_000, "minimum": "0.75" } },
    }))?)
}

/// Where `cargo xtask guests` puts a component.
pub fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(format!("{name}.wasm"))
}

/// Asks again and again until there is an answer, or the seconds are over.
pub async fn wait_for<T, F>(what: &str, seconds: u64, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let tries = seconds * 20;
    for _ in 0..tries {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("{what}: not within {seconds} s")
}
