//! The receiving side of a deposit, over the real binary, on both engines: accounts that do not exist, are full, are not
//! authorised, ask for a memo, are one of many, or take XLM; and `kill -9` while an account is being made.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, Closing, Devnet, DevnetConfig, Fault, FaultMode, Idempotency};
use windlass_domain::ports::ledger::From;
use windlass_domain::{AccountId, Address, Amount, Asset, Memo};
use windlass_stellar::setup::{self, Operation};
use windlass_store::testing::{Engine, TestDb, fresh};
use windlass_tests::api::{Api, text};
use windlass_tests::people::Person;
use windlass_tests::runtime::{Child, Options};
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

/// Of 100, by the house's fees.
const OUT_OF_100: &str = "98.5";

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_receiving_account_on_sqlite() -> Result<()> {
    Story::run(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_receiving_account_on_postgres() -> Result<()> {
    Story::run(Engine::Postgres).await
}

struct Story {
    devnet: Devnet,
    bank: Bank,
    network: Network,
    house: House,
    options: Options,
    runtime: Child,
    api: Api,
    /// Dropped last: the database goes with it.
    _database: TestDb,
}

impl Story {
    async fn run(engine: Engine) -> Result<()> {
        let database = fresh(engine).await;
        let (devnet, bank) = (Devnet::start(DevnetConfig::default()).await?, Bank::start(BankConfig::default()).await?);
        let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
        let options = Options { database: database.url.clone(), lease_ms: 4_000, run_deadline_ms: 2_500, ..Options::new(&network)? };
        let runtime = Child::start(&options).await?;
        let api = Api::new(&runtime.url, &options.operator_token)?;
        let component = guest("first-bank");
        let plan =
            Plan { id: "acme", code: "USD", component: &component, effects: "idempotent", idempotency: Idempotency::Honoured, people: 4 };
        let house = House::build(&plan, &network, &bank, &api).await?;
        let mut story = Self { devnet, bank, network, house, options, runtime, api, _database: database };
        story.account_missing().await.context("account missing")?;
        story.accounts_are_not_made().await.context("account missing, and none is made")?;
        story.native().await.context("native")?;
        story.muxed().await.context("muxed")?;
        story.memo_required().await.context("memo required")?;
        story.trustline_full().await.context("trustline full")?;
        story.unauthorised().await.context("unauthorised")?;
        story.killed(Moment::Signed).await.context("killed, creation signed")?;
        story.killed(Moment::Submitted).await.context("killed, creation submitted")
    }

    /// Made by us, once; then the trustline is waited for.
    async fn account_missing(&self) -> Result<()> {
        let person = Person::new("nobody-yet".to_owned())?;
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(shown["status"] == "pending_trust" && text(&shown, "message")?.contains("trustline"), "{shown}");
        ensure!(self.xlm(&person).await? == Some("2.01".parse()?), "the account begins with 2.01 XLM");
        person.trust(&self.network, &self.usd()).await?;
        self.is(&id, "completed").await?;
        ensure!(self.holds(&person).await? == OUT_OF_100.parse()?, "paid once");
        let again = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        let shown = self.is(&again, "completed").await?;
        ensure!(envelopes(&shown)? == ["succeeded"], "no account is made where there is one: {shown}");
        Ok(())
    }

    async fn accounts_are_not_made(&self) -> Result<()> {
        let mut rules = serde_json::to_value(&self.house.rules)?;
        rules["starting_balance"] = Value::Null;
        self.api.put("/v1/tenants/acme/assets", &rules).await?;
        let person = Person::new("makes-it-themselves".to_owned())?;
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(text(&shown, "message")?.contains("does not exist"), "{shown}");
        self.network.create_accounts(&[&person.key]).await?;
        person.trust(&self.network, &self.usd()).await?;
        let shown = self.is(&id, "completed").await?;
        ensure!(envelopes(&shown)? == ["succeeded"] && self.holds(&person).await? == OUT_OF_100.parse()?, "{shown}");
        self.api.put("/v1/tenants/acme/assets", &serde_json::to_value(&self.house.rules)?).await?;
        Ok(())
    }

    /// XLM to an account that does not exist makes it with the deposit's own amount: one envelope, one payment.
    async fn native(&self) -> Result<()> {
        let rules = json!({ "asset": "native", "deposit": { "enabled": true, "min_amount": "0.01", "max_amount": "10" } });
        self.api.put("/v1/tenants/acme/assets", &rules).await?;
        let person = Person::new("takes-xlm".to_owned())?;
        for (amount, then) in [("3.50", "3.5"), ("0.75", "4.25")] {
            let id = self.deposit(&person.account(), &Asset::Native, None, amount).await?;
            let shown = self.is(&id, "completed").await?;
            ensure!(envelopes(&shown)? == ["succeeded"], "{shown}");
            ensure!(self.xlm(&person).await? == Some(then.parse()?), "{amount} of XLM");
        }
        // Below what an account has to hold: it is made by the rule, and then paid.
        let poor = Person::new("takes-little".to_owned())?;
        let id = self.deposit(&poor.account(), &Asset::Native, None, "0.50").await?;
        let shown = self.is(&id, "completed").await?;
        ensure!(envelopes(&shown)? == ["succeeded", "succeeded"], "{shown}");
        ensure!(self.xlm(&poor).await? == Some("2.51".parse()?), "made with 2.01, paid 0.5");
        Ok(())
    }

    async fn muxed(&self) -> Result<()> {
        let person = &self.house.people[0];
        let address = Address::Muxed { account: person.key.account(), id: 77 }.to_string();
        let refused = json!({ "kind": "deposit", "asset": self.usd(), "account": address, "memo": "id:7" });
        let refused = self.api.post("/v1/tenants/acme/transactions", &refused).await;
        ensure!(format!("{:?}", refused.err()).contains("memo_not_taken"), "a memo beside an M... address");
        let wrong = json!({ "kind": "deposit", "asset": self.usd(), "account": format!("{}{}{}", &address[..9], if &address[9..10] == "A" { "B" } else { "A" }, &address[10..]) });
        let wrong = self.api.post("/v1/tenants/acme/transactions", &wrong).await;
        ensure!(format!("{:?}", wrong.err()).contains("invalid_account"), "a wrong checksum");
        let before = self.network.ledger.head().await?.sequence;
        let id = self.deposit(&address, &self.usd(), None, "100.00").await?;
        let shown = self.is(&id, "completed").await?;
        let page = self.network.ledger.payments(&From::Ledger(before), 200).await?;
        let paid = page
            .payments
            .iter()
            .find(|payment| shown["stellar_transaction_id"] == payment.transaction_hash)
            .context("not on the ledger")?;
        ensure!(paid.to == person.key.account() && paid.memo == Some(Memo::Id(77)) && paid.amount == OUT_OF_100.parse()?, "{paid:?}");
        Ok(())
    }

    async fn memo_required(&self) -> Result<()> {
        let person = &self.house.people[1];
        let data = |value: Option<&str>| Operation::ManageData { name: "config.memo_required".to_owned(), value: value.map(str::to_owned) };
        self.does(person, data(Some("1"))).await?;
        let with_memo = self.deposit(&person.account(), &self.usd(), Some("text:for me"), "100.00").await?;
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        self.is(&with_memo, "completed").await?;
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(text(&shown, "message")?.contains("memo") && envelopes(&shown)?.is_empty(), "{shown}");
        self.does(person, data(None)).await?;
        self.is(&id, "completed").await?;
        ensure!(self.holds(person).await? == "197".parse()?, "each paid once");
        Ok(())
    }

    async fn trustline_full(&self) -> Result<()> {
        let person = &self.house.people[2];
        self.does(person, Operation::ChangeTrust { asset: self.usd(), limit: "98".parse()? }).await?;
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(text(&shown, "message")?.contains("full"), "{shown}");
        self.does(person, Operation::ChangeTrust { asset: self.usd(), limit: OUT_OF_100.parse()? }).await?;
        self.is(&id, "completed").await?;
        ensure!(self.holds(person).await? == OUT_OF_100.parse()?, "paid once");
        Ok(())
    }

    async fn unauthorised(&self) -> Result<()> {
        let person = &self.house.people[3];
        self.authorise(person, false).await?;
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(text(&shown, "message")?.contains("authorised"), "{shown}");
        self.authorise(person, true).await?;
        self.is(&id, "completed").await?;
        ensure!(self.holds(person).await? == OUT_OF_100.parse()?, "paid once");
        Ok(())
    }

    /// `kill -9` while the envelope that makes the account is stored, or sent without a verdict: it is made once.
    async fn killed(&mut self, moment: Moment) -> Result<()> {
        let person = Person::new(format!("killed-{moment:?}"))?;
        let state = match moment {
            Moment::Signed => {
                self.devnet.set_fault("sendTransaction", Some(Fault { mode: FaultMode::Stall, times: None }));
                "creation_signed"
            }
            Moment::Submitted => {
                self.devnet.set_closing(Closing::Manual);
                "creation_submitted"
            }
        };
        let id = self.deposit(&person.account(), &self.usd(), None, "100.00").await?;
        self.is(&id, state).await?;
        self.runtime.kill()?;
        self.devnet.set_fault("sendTransaction", None);
        self.devnet.set_closing(Closing::AtOnce);
        self.runtime = Child::start(&self.options).await?;
        self.api = self.api.at(&self.runtime.url);
        let shown = self.is(&id, "pending_trust").await?;
        ensure!(envelopes(&shown)? == ["succeeded"], "made once: {shown}");
        ensure!(self.xlm(&person).await? == Some("2.01".parse()?), "made once");
        person.trust(&self.network, &self.usd()).await?;
        let shown = self.is(&id, "completed").await?;
        ensure!(envelopes(&shown)? == ["succeeded", "succeeded"], "made, and paid: {shown}");
        ensure!(self.holds(&person).await? == OUT_OF_100.parse()?, "paid once");
        Ok(())
    }

    fn usd(&self) -> Asset {
        self.house.rules.asset.clone()
    }

    /// Asked for, and paid at the bank.
    async fn deposit(&self, account: &str, asset: &Asset, memo: Option<&str>, amount: &str) -> Result<String> {
        let asked = json!({ "kind": "deposit", "asset": asset, "amount": amount, "account": account, "memo": memo });
        let made = self.api.post("/v1/tenants/acme/transactions", &asked).await?;
        self.bank.credit(&self.house.customer.account, amount, text(&made, "reference")?, "somebody")?;
        Ok(text(&made, "id")?.to_owned())
    }

    async fn does(&self, person: &Person, operation: Operation) -> Result<()> {
        setup::run(&*self.network.ledger, &self.network.passphrase, &person.key, None, &[operation]).await?;
        Ok(())
    }

    /// As the issuer would say it.
    async fn authorise(&self, person: &Person, authorised: bool) -> Result<()> {
        let wish = json!({ "account": person.account(), "asset": self.usd(), "flags": u32::from(authorised) });
        let answer = reqwest::Client::new().put(format!("{}/control/line-flags", self.devnet.url())).json(&wish).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    async fn is(&self, id: &str, state: &str) -> Result<Value> {
        let ask = async || {
            let shown = self.house.show(&self.api, id).await?;
            Ok((shown["state"] == state).then_some(shown))
        };
        match wait_for(&format!("{id} becomes {state}"), 40, ask).await {
            Ok(shown) => Ok(shown),
            Err(error) => {
                let polls = self.api.get("/v1/tenants/acme/jobs?hook=poll-pending-deposits&limit=1").await?;
                let poll = self.api.get(&format!("/v1/tenants/acme/jobs/{}", text(&polls["items"][0], "id")?)).await?;
                Err(error.context(format!("{}; the poll: {poll}", self.house.show(&self.api, id).await?)))
            }
        }
    }

    async fn xlm(&self, person: &Person) -> Result<Option<Amount>> {
        let account: AccountId = person.key.account();
        let entries = self.network.ledger.entries(std::slice::from_ref(&account), &[]).await?;
        Ok(entries.accounts.get(&account).map(|entry| entry.balance))
    }

    /// Of the house's asset. A moment later it is still the same: nothing is paid twice.
    async fn holds(&self, person: &Person) -> Result<Amount> {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let line = (person.key.account(), self.usd());
        let entries = self.network.ledger.entries(&[], std::slice::from_ref(&line)).await?;
        Ok(entries.trustlines.get(&line).context("no trustline")?.balance)
    }
}

/// Where the runtime is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Signed,
    Submitted,
}

/// States of the envelopes of a transaction, oldest first.
fn envelopes(shown: &Value) -> Result<Vec<String>> {
    shown["envelopes"].as_array().context("no envelopes")?.iter().map(|envelope| Ok(text(envelope, "state")?.to_owned())).collect()
}
