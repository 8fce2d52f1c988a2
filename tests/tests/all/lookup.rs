//! A rail that neither honours keys nor has to be held: it is asked what became of a payout whose outcome is unknown. Over
//! the real binary, killed while the payout is sent, on both engines (money rule 3).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, BankFault, BankFaultMode, Devnet, DevnetConfig, Idempotency, Route};
use windlass_domain::{Amount, Memo};
use windlass_store::testing::{Engine, TestDb, fresh};
use windlass_tests::api::{Api, text};
use windlass_tests::books::Books;
use windlass_tests::runtime::{Child, Options};
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_an_unknown_payout_is_looked_up_on_sqlite() -> Result<()> {
    Story::open(Engine::Sqlite).await?.run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_an_unknown_payout_is_looked_up_on_postgres() -> Result<()> {
    Story::open(Engine::Postgres).await?.run().await
}

struct Story {
    bank: Bank,
    network: Network,
    house: House,
    options: Options,
    runtime: Child,
    api: Api,
    _devnet: Devnet,
    /// Dropped last: the database goes with it.
    _database: TestDb,
}

impl Story {
    async fn open(engine: Engine) -> Result<Self> {
        let database = fresh(engine).await;
        let (devnet, bank) = (Devnet::start(DevnetConfig::default()).await?, Bank::start(BankConfig::default()).await?);
        let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
        let options = Options {
            database: database.url.clone(),
            lease_ms: 4_000,
            run_deadline_ms: 2_500,
            retry_base_ms: 20,
            ..Options::new(&network)?
        };
        let runtime = Child::start(&options).await?;
        let api = Api::new(&runtime.url, &options.operator_token)?;
        let component = guest("first-bank");
        let plan =
            Plan { id: "acme", code: "USD", component: &component, effects: "look-up", idempotency: Idempotency::Ignored, people: 1 };
        let house = House::build(&plan, &network, &bank, &api).await?;
        let story = Self { bank, network, house, options, runtime, api, _devnet: devnet, _database: database };
        let (id, reference) = story.house.ask_deposit(&story.api, &story.house.people[0], "1000", &json!({})).await?;
        story.bank.credit(&story.house.customer.account, "1000.00", &reference, "acme-user-01")?;
        story.ends_as(&id, "completed").await?;
        Ok(story)
    }

    async fn run(mut self) -> Result<()> {
        // The bank has the request and acts on it later: not found is not believed too early, and then it is found.
        self.fault(Route::Transfers, BankFaultMode::SlowBefore, Some(1));
        let sent = self.pay_back("20").await?;
        self.payout_runs(&sent).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.kill_and_restart().await?;
        let shown = self.ends_as(&sent, "completed").await?;
        self.was_found(&shown).await?;

        // The bank has paid, and its answer is lost with the runtime.
        self.fault(Route::Transfers, BankFaultMode::SlowAfter, Some(1));
        let made = self.pay_back("21").await?;
        wait_for("the bank has paid", 30, async || Ok((self.transfers(&made).await? == 1).then_some(()))).await?;
        self.kill_and_restart().await?;
        let shown = self.ends_as(&made, "completed").await?;
        self.was_found(&shown).await?;

        // The bank says 503 and has not acted: never found, so it is sent again, once that is certain.
        self.fault(Route::Transfers, BankFaultMode::FailBefore, Some(1));
        let lost = self.pay_back("22").await?;
        let early = wait_for("the first look-up", 20, async || {
            let job = self.payout_job(&lost).await?;
            Ok(job["message"].as_str().is_some_and(|message| message.contains("does not find")).then_some(job))
        });
        assert_eq!(early.await?["failures"], 1, "too early is no failed try");
        self.ends_as(&lost, "completed").await?;
        let job = self.payout_job(&lost).await?;
        let hooks: Vec<&str> = job["runs"].as_array().context("no runs")?.iter().map(|run| text(run, "hook")).collect::<Result<_>>()?;
        assert_eq!((hooks.first(), hooks.last()), (Some(&"process-withdrawal"), Some(&"process-withdrawal")));
        ensure!(
            hooks[1..hooks.len() - 1].iter().all(|hook| *hook == "payout-status") && hooks.len() > 3,
            "asked twice at least: {hooks:?}"
        );

        // The bank has paid, says 500, and can be asked nothing: asked again with back-off, then held for a person.
        self.fault(Route::Transfers, BankFaultMode::FailAfter, Some(1));
        self.fault(Route::All, BankFaultMode::FailBefore, None);
        let held = self.pay_back("23").await?;
        wait_for("a look-up has failed", 20, async || Ok((self.payout_job(&held).await?["failures"].as_i64() >= Some(2)).then_some(())))
            .await?;
        assert_eq!(self.house.show(&self.api, &held).await?["state"], "received", "it stays until the tries are used up");
        let shown = self.ends_as(&held, "payout_held").await?;
        ensure!(text(&shown, "message")?.contains("outcome unknown after 10 tries"), "{shown}");
        self.fault(Route::All, BankFaultMode::Ok, None);
        let transfers = self.bank.transfers(&self.house.customer.account)?;
        let transfer = transfers.last().context("the bank has paid nothing")?;
        assert_eq!(transfer.reference, text(&shown, "reference")?);
        let word = json!({ "outcome": "paid", "external_id": transfer.id, "reason": "it stands on the bank's statement" });
        self.api.post(&format!("/v1/tenants/acme/transactions/{held}/resolve"), &word).await?;

        for id in [&sent, &made, &lost, &held] {
            assert_eq!(self.transfers(id).await?, 1, "{id} is paid once");
        }
        let statement = self.bank.statement(&self.house.customer.account)?;
        let books = Books::read(&self.house, &self.network, &statement, Amount::ZERO).await?;
        assert!(books.balanced()?, "the books do not balance: {books:?}");
        Ok(())
    }

    /// The payout's history names the look-up, and its effect was sent by one run only.
    async fn was_found(&self, shown: &Value) -> Result<()> {
        let line = shown["history"].as_array().and_then(|lines| lines.last()).context("no history")?;
        assert_eq!(line["event"], "paid_out");
        ensure!(text(line, "detail")?.contains("found by a look-up of effect \"payout\""), "{line}");
        let job = self.payout_job(text(shown, "id")?).await?;
        assert_eq!(job["effects"].as_array().map(Vec::len), Some(1), "{job}");
        Ok(())
    }

    fn fault(&self, route: Route, mode: BankFaultMode, times: Option<u32>) {
        self.bank.set_fault(BankFault { route, account: None, mode, millis: 2_000, times });
    }

    async fn kill_and_restart(&mut self) -> Result<()> {
        self.runtime.kill()?;
        self.runtime = Child::start(&self.options).await?;
        self.api = self.api.at(&self.runtime.url);
        Ok(())
    }

    async fn pay_back(&self, amount: &str) -> Result<String> {
        let person = &self.house.people[0];
        let (id, account, memo) = self.house.ask_withdrawal(&self.api, person, amount).await?;
        person.pay(&self.network, &account, &self.house.rules.asset, amount.parse()?, Some(Memo::Id(memo.parse()?))).await?;
        Ok(id)
    }

    /// Waits until the payout's run has begun.
    async fn payout_runs(&self, id: &str) -> Result<()> {
        wait_for("the payout's run", 30, async || {
            let shown = self.house.show(&self.api, id).await?;
            Ok((shown["jobs"][0]["run_count"].as_i64() >= Some(1)).then_some(()))
        })
        .await
    }

    /// The withdrawal's job, with its runs; null before it is made.
    async fn payout_job(&self, id: &str) -> Result<Value> {
        let shown = self.house.show(&self.api, id).await?;
        match shown["jobs"][0]["id"].as_str() {
            Some(job) => self.api.get(&format!("/v1/tenants/acme/jobs/{job}")).await,
            None => Ok(Value::Null),
        }
    }

    /// How many transfers the bank made for a withdrawal.
    async fn transfers(&self, id: &str) -> Result<usize> {
        let shown = self.house.show(&self.api, id).await?;
        let reference = text(&shown, "reference")?;
        let transfers = self.bank.transfers(&self.house.customer.account)?;
        Ok(transfers.iter().filter(|transfer| transfer.reference == reference).count())
    }

    async fn ends_as(&self, id: &str, state: &str) -> Result<Value> {
        let what = format!("{id} is {state}");
        let reached = wait_for(&what, 60, async || {
            let shown = self.house.show(&self.api, id).await?;
            Ok((shown["state"] == state).then_some(shown))
        });
        match reached.await {
            Ok(shown) => Ok(shown),
            Err(error) => {
                let (shown, tenant) = (self.house.show(&self.api, id).await?, self.api.get("/v1/tenants/acme").await?);
                Err(error.context(format!("it stands at {shown:#} with {tenant:#}")))
            }
        }
    }
}
