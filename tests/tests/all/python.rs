//! The first client that we did not write: Stellar's Python SDK reads its paid deposit off the devnet's RPC, and pays a
//! withdrawal from an account and a trustline that it made itself.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, Devnet, DevnetConfig, Idempotency};
use windlass_domain::Amount;
use windlass_tests::api::{Api, text};
use windlass_tests::runtime::Embedded;
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

/// `tests/python/wallet.py` in the locked environment that `cargo xtask setup` makes. Without it the test fails.
struct Wallet(Child);

impl Wallet {
    fn start() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let python = root.join("target/venv/bin/python");
        ensure!(python.exists(), "target/venv is not there: run `cargo xtask setup` first");
        let child = Command::new(python).arg(root.join("tests/python/wallet.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        Ok(Self(child))
    }

    async fn ask(&mut self, words: Value) -> Result<Value> {
        let stdin = self.0.stdin.as_mut().context("no stdin")?;
        writeln!(stdin, "{words}")?;
        let stdout = self.0.stdout.as_mut().context("no stdout")?;
        // The wallet writes one line per line: nothing is left behind in the reader.
        let line = tokio::task::block_in_place(|| {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        })?;
        serde_json::from_str(&line).with_context(|| format!("the wallet answered {line:?} to {words}: its own error is above"))
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_receives_a_deposit_and_pays_a_withdrawal() -> Result<()> {
    let (devnet, bank) = (Devnet::start(DevnetConfig::default()).await?, Bank::start(BankConfig::default()).await?);
    let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
    let runtime = Embedded::start(&network, None).await?;
    let api = Api::new(&runtime.url, &runtime.operator_token)?;
    let component = guest("first-bank");
    let plan =
        Plan { id: "acme", code: "USD", component: &component, effects: "idempotent", idempotency: Idempotency::Honoured, people: 0 };
    let house = House::build(&plan, &network, &bank, &api).await?;
    let asset = house.rules.asset.to_string();

    let mut wallet = Wallet::start()?;
    let opened = json!({ "do": "open", "rpc": devnet.url(), "friendbot": devnet.friendbot_url(), "passphrase": devnet.passphrase(), "asset": asset });
    let account = text(&wallet.ask(opened).await?, "account")?.to_owned();

    let body = json!({ "kind": "deposit", "asset": asset, "amount": "100", "account": account });
    let deposit = api.post("/v1/tenants/acme/transactions", &body).await?;
    bank.credit(&house.customer.account, "100.00", text(&deposit, "reference")?, "the python wallet")?;
    let deposit = done(&house, &api, text(&deposit, "id")?).await?;
    let seen = wallet.ask(json!({ "do": "deposits", "account": account })).await?;
    let expected = json!({ "payments": [{ "hash": text(&deposit, "stellar_transaction_id")?, "amount": "98.5", "asset": asset }] });
    assert_eq!(seen, expected, "what the SDK reads is what the deposit says");

    let body = json!({ "kind": "withdrawal", "asset": asset, "amount": "40", "fields": { "bank_account_number": "iban-python" } });
    let withdrawal = api.post("/v1/tenants/acme/transactions", &body).await?;
    let memo: u64 = text(&withdrawal, "withdraw_memo")?.parse()?;
    let pay = json!({ "do": "pay", "to": text(&withdrawal, "withdraw_anchor_account")?, "amount": "40", "memo_id": memo });
    let paid = wallet.ask(pay).await?;
    let withdrawal = done(&house, &api, text(&withdrawal, "id")?).await?;
    assert_eq!(withdrawal["stellar_transaction_id"], paid["hash"]);
    assert_eq!(withdrawal["amount_out"], "39.25");

    let transfers = bank.transfers(&house.customer.account)?;
    assert_eq!(transfers.iter().map(|t| (t.to.as_str(), t.amount.as_str())).collect::<Vec<_>>(), [("iban-python", "39.25")]);
    let balance: Amount = text(&wallet.ask(json!({ "do": "balance" })).await?, "balance")?.parse()?;
    assert_eq!(balance, "58.5".parse()?);
    runtime.shutdown().await;
    Ok(())
}

async fn done(house: &House, api: &Api, id: &str) -> Result<Value> {
    wait_for(&format!("{id} is completed"), 60, async || {
        let shown = house.show(api, id).await?;
        Ok((text(&shown, "status")? == "completed").then_some(shown))
    })
    .await
}
