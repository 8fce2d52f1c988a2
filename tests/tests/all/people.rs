//! Time, strays and what people do about them, over the real binary, on both engines: deadlines that pass, late money that
//! revives or is kept, credits assigned by a person, held money released, and every kind of stray payment.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, Devnet, DevnetConfig, Idempotency};
use windlass_domain::{Amount, Asset, Memo};
use windlass_store::testing::{Engine, TestDb, fresh};
use windlass_tests::api::{Api, text};
use windlass_tests::people::Person;
use windlass_tests::runtime::{Child, Options};
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_late_money_and_strays_on_sqlite() -> Result<()> {
    Story::run(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_late_money_and_strays_on_postgres() -> Result<()> {
    Story::run(Engine::Postgres).await
}

struct Story {
    bank: Bank,
    network: Network,
    house: House,
    api: Api,
    _devnet: Devnet,
    _runtime: Child,
    /// Dropped last: the database goes with it.
    _database: TestDb,
}

impl Story {
    async fn run(engine: Engine) -> Result<()> {
        let database = fresh(engine).await;
        let (devnet, bank) = (Devnet::start(DevnetConfig::default()).await?, Bank::start(BankConfig::default()).await?);
        let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
        let options = Options { database: database.url.clone(), ..Options::new(&network)? };
        let runtime = Child::start(&options).await?;
        let api = Api::new(&runtime.url, &options.operator_token)?;
        let component = guest("first-bank");
        let plan =
            Plan { id: "acme", code: "USD", component: &component, effects: "idempotent", idempotency: Idempotency::Honoured, people: 1 };
        let house = House::build(&plan, &network, &bank, &api).await?;
        let story = Self { bank, network, house, api, _devnet: devnet, _runtime: runtime, _database: database };
        story.late_deposits().await.context("late deposits")?;
        story.late_withdrawals().await.context("late withdrawals")?;
        story.released().await.context("held money")?;
        story.strays().await.context("strays")?;
        story.nothing_waits_for_nobody().await.context("what waits")
    }

    fn person(&self) -> &Person {
        &self.house.people[0]
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/tenants/{}/{rest}", self.house.id)
    }

    /// The asset's rules with these of one direction changed.
    async fn rules(&self, direction: &str, changed: Value) -> Result<()> {
        let mut rules = serde_json::to_value(&self.house.rules)?;
        for (name, value) in changed.as_object().into_iter().flatten() {
            rules[direction][name] = value.clone();
        }
        self.api.put(&self.path("assets"), &rules).await?;
        Ok(())
    }

    async fn is(&self, id: &str, state: &str) -> Result<Value> {
        let seen = || async {
            let shown = self.house.show(&self.api, id).await?;
            Ok((shown["state"] == state).then_some(shown))
        };
        match wait_for(&format!("{id} becomes {state}"), 30, seen).await {
            Ok(shown) => Ok(shown),
            Err(error) => Err(error.context(self.house.show(&self.api, id).await?.to_string())),
        }
    }

    /// The one stray of the list that fits, once it is there.
    async fn stray(&self, list: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let seen = || async {
            let listed = self.api.get(&self.path(&format!("{list}?unmatched=true"))).await?;
            Ok(listed["items"].as_array().into_iter().flatten().find(|item| fits(item)).cloned())
        };
        wait_for(&format!("a stray of {list}"), 30, seen).await
    }

    async fn refused(&self, path: &str, body: &Value, code: &str) -> Result<()> {
        let refusal = self.api.post(path, body).await.err().context("it was not refused")?;
        ensure!(format!("{refusal:#}").contains(code), "{refusal:#} is not {code}");
        Ok(())
    }

    async fn pay(&self, to: &str, amount: &str, memo: Option<Memo>) -> Result<()> {
        let asset = self.house.rules.asset.clone();
        self.person().pay(&self.network, to, &asset, amount.parse::<Amount>()?, memo).await
    }

    fn credit(&self, amount: &str, reference: &str) -> Result<()> {
        self.bank.credit(&self.house.customer.account, amount, reference, "the payer")?;
        Ok(())
    }

    async fn late_deposits(&self) -> Result<()> {
        self.rules("deposit", json!({ "expires_after_ms": 1_200 })).await?;
        let (id, reference) = self.house.ask_deposit(&self.api, self.person(), "500", &json!({})).await?;
        let waiting = self.api.get(&self.path("waiting")).await?;
        ensure!(waiting["items"][0]["waits_for"] == "user" && waiting["items"][0]["until"].is_string(), "{waiting}");
        let expired = self.is(&id, "expired").await?;
        ensure!(expired["status"] == "expired" && expired["user_action_required_by"].is_null(), "{expired}");
        self.credit("500.00", &reference)?;
        let completed = self.is(&id, "completed").await?;
        let events: Vec<&str> = completed["history"].as_array().into_iter().flatten().filter_map(|line| line["event"].as_str()).collect();
        ensure!(events.starts_with(&["created", "deadline_passed", "funds_received"]), "{events:?}");

        self.rules("deposit", json!({ "expires_after_ms": 300, "late": "hold" })).await?;
        let (id, reference) = self.house.ask_deposit(&self.api, self.person(), "500", &json!({})).await?;
        self.is(&id, "expired").await?;
        self.credit("480.00", &reference)?;
        let stray = self.stray("credits", |credit| credit["amount"] == "480").await?;
        ensure!(text(&stray, "unmatched")?.contains("expired"), "{stray}");
        ensure!(self.is(&id, "expired").await?["amount_in"].is_null(), "kept, and not taken in");
        let assign = self.path(&format!("credits/{}/{}/assign", text(&stray, "rail")?, text(&stray, "external_id")?));
        self.refused(&assign, &json!({ "transaction": id, "reason": "" }), "reason_missing").await?;
        let word = json!({ "transaction": id, "reason": "the payer called" });
        self.api.post(&assign, &word).await?;
        ensure!(self.is(&id, "completed").await?["amount_in"] == "480");
        self.refused(&assign, &word, "credit_matched").await?;
        self.rules("deposit", json!({})).await
    }

    async fn late_withdrawals(&self) -> Result<()> {
        for (late, ends) in [("revive", "completed"), ("hold", "expired")] {
            self.rules("withdrawal", json!({ "expires_after_ms": 300, "late": late })).await?;
            let (id, to, memo) = self.house.ask_withdrawal(&self.api, self.person(), "20").await?;
            self.is(&id, "expired").await?;
            self.pay(&to, "20", Some(Memo::Id(memo.parse()?))).await?;
            if late == "hold" {
                let stray = self.stray("incoming", |payment| payment["amount"] == "20").await?;
                ensure!(text(&stray, "unmatched")?.contains("expired"), "{stray}");
            }
            self.is(&id, ends).await?;
        }
        self.rules("withdrawal", json!({})).await
    }

    async fn released(&self) -> Result<()> {
        let release = |id: &str| self.path(&format!("transactions/{id}/release"));
        let word = json!({ "reason": "the user asked" });
        let (id, to, memo) = self.house.ask_withdrawal(&self.api, self.person(), "100").await?;
        self.pay(&to, "50", Some(Memo::Id(memo.parse()?))).await?;
        self.is(&id, "on_hold").await?;
        self.api.post(&release(&id), &word).await?;
        ensure!(self.is(&id, "completed").await?["amount_in"] == "50");
        self.refused(&release(&id), &word, "not_held").await?;

        // A deposit that differs from what was asked by more than the asset's tolerance.
        self.rules("deposit", json!({ "tolerance_ppm": 50_000 })).await?;
        let (id, reference) = self.house.ask_deposit(&self.api, self.person(), "100", &json!({})).await?;
        self.credit("94.99", &reference)?;
        self.is(&id, "on_hold").await?;
        self.api.post(&release(&id), &word).await?;
        self.is(&id, "completed").await?;
        self.rules("deposit", json!({})).await?;

        // Dust is kept; what the bank cannot pay out of an amount is booked as fee.
        let (id, to, memo) = self.house.ask_withdrawal(&self.api, self.person(), "5").await?;
        self.pay(&to, "0.0000001", Some(Memo::Id(memo.parse()?))).await?;
        self.is(&id, "too_small").await?;
        self.refused(&release(&id), &word, "nothing_left").await?;
        let (id, to, memo) = self.house.ask_withdrawal(&self.api, self.person(), "10").await?;
        self.pay(&to, "10.0000009", Some(Memo::Id(memo.parse()?))).await?;
        let precise = self.is(&id, "completed").await?;
        ensure!(precise["amount_out"] == "9.25" && precise["amount_fee"] == "0.7500009", "{precise}");
        Ok(())
    }

    async fn strays(&self) -> Result<()> {
        let (id, to, memo) = self.house.ask_withdrawal(&self.api, self.person(), "30").await?;
        let number: u64 = memo.parse()?;
        self.pay(&to, "31", None).await?;
        self.pay(&to, "32", Some(Memo::Text(memo.clone()))).await?;
        self.pay(&to, "33", Some(Memo::Id(number ^ 1))).await?;
        self.person().pay(&self.network, &to, &Asset::Native, "0.34".parse()?, Some(Memo::Id(number))).await?;
        for (amount, reason) in
            [("31", "no memo"), ("32", "no withdrawal has the memo text:"), ("33", "no withdrawal has the memo id:"), ("0.34", "native")]
        {
            let stray = self.stray("incoming", |payment| payment["amount"] == amount).await?;
            ensure!(text(&stray, "unmatched")?.contains(reason), "{stray} does not say {reason:?}");
        }
        ensure!(self.house.show(&self.api, &id).await?["state"] == "awaiting_payment", "a stray pays for nothing");
        self.pay(&to, "30", Some(Memo::Id(number))).await?;
        self.is(&id, "completed").await?;
        self.pay(&to, "30.5", Some(Memo::Id(number))).await?;
        let second = self.stray("incoming", |payment| payment["amount"] == "30.5").await?;
        ensure!(text(&second, "unmatched")?.contains("completed already"), "{second}");
        ensure!(self.house.show(&self.api, &id).await?["amount_in"] == "30", "paid out once");
        Ok(())
    }

    async fn nothing_waits_for_nobody(&self) -> Result<()> {
        let waiting = self.api.get(&self.path("waiting")).await?;
        let items: Vec<(&str, &str)> = waiting["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| Some((item["state"].as_str()?, item["waits_for"].as_str()?)))
            .collect();
        ensure!(items == [("too_small", "operator")], "only the dust waits, for a person: {waiting}");
        Ok(())
    }
}
