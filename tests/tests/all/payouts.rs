//! Payouts that take days, that have to be fetched, and that come back, over the real binary and on both engines.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, Devnet, DevnetConfig, Idempotency};
use windlass_domain::Memo;
use windlass_store::testing::{Engine, TestDb, fresh};
use windlass_tests::api::{Api, text};
use windlass_tests::books::Books;
use windlass_tests::runtime::{Child, Options};
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn payouts_take_days_are_fetched_and_come_back_on_sqlite() -> Result<()> {
    Story::open(Engine::Sqlite).await?.run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn payouts_take_days_are_fetched_and_come_back_on_postgres() -> Result<()> {
    Story::open(Engine::Postgres).await?.run().await
}

struct Story {
    bank: Bank,
    network: Network,
    house: House,
    api: Api,
    _runtime: Child,
    _devnet: Devnet,
    /// Dropped last: the database goes with it.
    _database: TestDb,
}

impl Story {
    async fn open(engine: Engine) -> Result<Self> {
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
        let story = Self { bank, network, house, api, _runtime: runtime, _devnet: devnet, _database: database };
        let (id, reference) = story.house.ask_deposit(&story.api, &story.house.people[0], "1000", &json!({})).await?;
        story.bank.credit(&story.house.customer.account, "1000.00", &reference, "acme-user-01")?;
        story.ends_as(&id, "completed").await?;
        Ok(story)
    }

    async fn run(self) -> Result<()> {
        // Days to go, then delivered.
        let slow = self.pay_back("slow-ann", "20").await?;
        let shown = self.ends_as(&slow, "payout_in_progress").await?;
        assert_eq!(shown["status"], "pending_external");
        self.idle_polls_leave_one_row().await?;
        ensure!(self.bank.settle(&self.transfer_of(&slow).await?), "no such transfer");
        let shown = self.ends_as(&slow, "completed").await?;
        assert_eq!(events(&shown)?, ["payment_received", "paid_out", "delivered"]);
        ensure!(shown["completed_at"].is_string(), "{shown}");

        // To be fetched, then fetched.
        let desk = self.pay_back("desk-ben", "21").await?;
        let shown = self.ends_as(&desk, "ready_for_pickup").await?;
        assert_eq!(shown["status"], "pending_user_transfer_complete");
        ensure!(text(&shown, "message")?.contains("desk"), "where to fetch it: {shown}");
        ensure!(self.bank.settle(&self.transfer_of(&desk).await?), "no such transfer");
        self.ends_as(&desk, "completed").await?;

        // Comes back while under way: the operator says that it was handed over after all.
        let lost = self.pay_back("slow-cat", "22").await?;
        self.ends_as(&lost, "payout_in_progress").await?;
        ensure!(self.bank.give_back(&self.transfer_of(&lost).await?, "account closed"), "no such transfer");
        let shown = self.ends_as(&lost, "payout_returned").await?;
        assert_eq!((text(&shown, "status")?, text(&shown, "message")?), ("pending_anchor", "account closed"));

        // Comes back days after it was completed: paid again, as another payout.
        let done = self.pay_back("iban-dan", "23").await?;
        self.ends_as(&done, "completed").await?;
        let first = self.transfer_of(&done).await?;
        ensure!(self.bank.give_back(&first, "name does not match"), "no such transfer");
        let shown = self.ends_as(&done, "payout_returned").await?;
        assert_eq!(text(&shown, "message")?, "name does not match");
        ensure!(shown["completed_at"].is_null(), "{shown}");
        let word = json!({ "reason": "the user corrected the name" });
        self.api.post(&format!("/v1/tenants/acme/transactions/{done}/pay-again"), &word).await?;
        let shown = self.ends_as(&done, "completed").await?;
        assert_eq!(events(&shown)?, ["payment_received", "paid_out", "returned", "paid_again", "paid_out"]);
        ensure!(self.transfer_of(&done).await? != first, "the bank remembered the first payout and paid nothing");

        // The credits that gave money back are no deposits; the one that came back and was not paid again is held.
        let unmatched = self.api.get("/v1/tenants/acme/credits?unmatched=true").await?;
        assert_eq!(unmatched["items"], json!([]));
        let held = text(&self.house.show(&self.api, &lost).await?, "amount_out")?.parse()?;
        let statement = self.bank.statement(&self.house.customer.account)?;
        let books = Books::read(&self.house, &self.network, &statement, held).await?;
        assert!(books.balanced()?, "the books do not balance: {books:?}");
        Ok(())
    }

    /// The payouts' poll has looked many times and found nothing new: one open job, one run.
    async fn idle_polls_leave_one_row(&self) -> Result<()> {
        wait_for("three idle polls", 30, async || {
            let jobs = self.api.get("/v1/tenants/acme/jobs?hook=poll-pending-payouts&state=open").await?;
            let [job] = jobs["items"].as_array().context("no jobs")?.as_slice() else { return Ok(None) };
            Ok((job["idle_polls"].as_i64() >= Some(3) && job["run_count"] == 1).then_some(()))
        })
        .await
    }

    async fn pay_back(&self, to: &str, amount: &str) -> Result<String> {
        let body =
            json!({ "kind": "withdrawal", "asset": self.house.rules.asset, "amount": amount, "fields": { "bank_account_number": to } });
        let made = self.api.post("/v1/tenants/acme/transactions", &body).await?;
        let memo = Memo::Id(text(&made, "withdraw_memo")?.parse()?);
        let person = &self.house.people[0];
        person.pay(&self.network, text(&made, "withdraw_anchor_account")?, &self.house.rules.asset, amount.parse()?, Some(memo)).await?;
        Ok(text(&made, "id")?.to_owned())
    }

    /// The bank's id of the payout.
    async fn transfer_of(&self, id: &str) -> Result<String> {
        Ok(text(&self.house.show(&self.api, id).await?, "external_transaction_id")?.to_owned())
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

/// The events of a withdrawal after it was asked for.
fn events(shown: &Value) -> Result<Vec<&str>> {
    shown["history"].as_array().context("no history")?.iter().skip(1).map(|line| text(line, "event")).collect()
}
