//! `kill -9` of the runtime once in each driver state, on both engines, against a rail that is idempotent and one that is
//! not. After the restart every transaction reaches its end, the books balance, and nothing is doubled.
//!
//! The moments are made from outside, by what the ledger and the bank do not answer; the runtime has no switch for it.
//! What this does not prove: loss of power, where the file system may lose what was written.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, BankFault, BankFaultMode, Closing, Devnet, DevnetConfig, Fault, FaultMode, Idempotency, Route};
use windlass_domain::{Amount, Memo};
use windlass_store::testing::{Engine, TestDb, fresh};
use windlass_tests::api::{Api, text};
use windlass_tests::books::Books;
use windlass_tests::people::Person;
use windlass_tests::runtime::{Child, Options};
use windlass_tests::world::{House, Network, Plan, guest, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn rules_1_2_3_killed_in_every_state_on_sqlite_with_an_idempotent_rail() -> Result<()> {
    Story::run(Engine::Sqlite, Idempotency::Honoured).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_1_2_3_killed_in_every_state_on_sqlite_with_a_rail_that_ignores_keys() -> Result<()> {
    Story::run(Engine::Sqlite, Idempotency::Ignored).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_1_2_3_killed_in_every_state_on_postgres_with_an_idempotent_rail() -> Result<()> {
    Story::run(Engine::Postgres, Idempotency::Honoured).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_1_2_3_killed_in_every_state_on_postgres_with_a_rail_that_ignores_keys() -> Result<()> {
    Story::run(Engine::Postgres, Idempotency::Ignored).await
}

/// Where the runtime is killed, and what is asked of it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A poll has asked for the statement.
    Poll,
    /// The money has come, and no envelope is signed.
    Ready,
    /// The envelope is stored, and may or may not have left.
    Signed,
    /// The envelope was sent, and no ledger has closed.
    Submitted,
    /// Paid; `after-deposit` waits for the bank.
    AfterDeposit,
    /// The user's account cannot take the asset: it is looked at again and again.
    PendingTrust,
    /// The payment is in the ledger, and the watcher has not been told.
    Watch,
    /// The payment is matched, and its payout job has not begun.
    Received,
    /// The payout's intent is stored; the bank has the request and has not acted.
    PayoutSent,
    /// The bank has paid, and its answer is on the way.
    PayoutMade,
}

const DEPOSITS: [Moment; 6] = [Moment::Poll, Moment::Ready, Moment::Signed, Moment::Submitted, Moment::AfterDeposit, Moment::PendingTrust];
const WITHDRAWALS: [Moment; 4] = [Moment::Watch, Moment::Received, Moment::PayoutSent, Moment::PayoutMade];

struct Story {
    devnet: Devnet,
    bank: Bank,
    network: Network,
    house: House,
    options: Options,
    rail: Idempotency,
    runtime: Child,
    api: Api,
    /// Dropped last: the database goes with it.
    _database: TestDb,
}

impl Story {
    async fn run(engine: Engine, rail: Idempotency) -> Result<()> {
        let database = fresh(engine).await;
        let (devnet, bank) = (Devnet::start(DevnetConfig::default()).await?, Bank::start(BankConfig::default()).await?);
        let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
        // One run at a time, so that a slow one keeps the next from beginning.
        let options = Options {
            database: database.url.clone(),
            lease_ms: 4_000,
            run_deadline_ms: 2_500,
            concurrent_runs: 1,
            ..Options::new(&network)?
        };
        let runtime = Child::start(&options).await?;
        let api = Api::new(&runtime.url, &options.operator_token)?;
        let component = guest("first-bank");
        let effects = if rail == Idempotency::Honoured { "idempotent" } else { "hold" };
        let plan = Plan { id: "acme", code: "USD", component: &component, effects, idempotency: rail, people: DEPOSITS.len() - 1 };
        let house = House::build(&plan, &network, &bank, &api).await?;
        let mut story = Self { devnet, bank, network, house, options, rail, runtime, api, _database: database };
        let latecomer = Person::new("a user without a trustline".to_owned())?;
        story.network.create_accounts(&[&latecomer.key]).await?;
        story.house.people.push(latecomer);
        for (person, moment) in DEPOSITS.into_iter().enumerate() {
            story.deposit(person, moment).await.with_context(|| format!("killed in {moment:?}"))?;
        }
        for (person, moment) in WITHDRAWALS.into_iter().enumerate() {
            story.withdrawal(person, moment).await.with_context(|| format!("killed in {moment:?}"))?;
        }
        let mut payouts = WITHDRAWALS.len();
        if rail == Idempotency::Ignored {
            story.not_paid(WITHDRAWALS.len()).await?;
            payouts += 1;
        }
        story.judge(payouts).await
    }

    async fn deposit(&mut self, person: usize, moment: Moment) -> Result<()> {
        self.arrange(moment);
        let (id, reference) = self.house.ask_deposit(&self.api, self.person(person), "100", &json!({})).await?;
        self.bank.credit(&self.house.customer.account, "100.00", &reference, &self.person(person).name)?;
        self.reach(moment, &id).await?;
        self.kill_and_restart().await?;
        if moment == Moment::PendingTrust {
            self.person(person).trust(&self.network, &self.house.rules.asset).await?;
        }
        self.ends_as(&id, "completed").await?;
        self.all_jobs_done(&id).await
    }

    async fn withdrawal(&mut self, person: usize, moment: Moment) -> Result<()> {
        if moment == Moment::Received {
            self.occupy(person).await?;
        }
        self.arrange(moment);
        let id = self.pay_back(person).await?;
        self.reach(moment, &id).await?;
        self.kill_and_restart().await?;
        let is_open = matches!(moment, Moment::PayoutSent | Moment::PayoutMade);
        if is_open && self.rail == Idempotency::Ignored {
            self.ends_as(&id, "payout_held").await?;
            let reference = self.reference(&id).await?;
            // The bank acts on what it has received, also when the sender is gone: the operator looks there.
            let transfer =
                wait_for("the bank has made the transfer", 20, async || Ok(self.transfers(&reference)?.into_iter().next())).await?;
            let word = json!({ "outcome": "paid", "external_id": transfer, "reason": "it stands on the bank's statement" });
            self.api.post(&format!("/v1/tenants/acme/transactions/{id}/resolve"), &word).await?;
        }
        self.ends_as(&id, "completed").await
    }

    /// A payout that the bank answers with 503: nobody knows, so it is held; the operator says that it was not made.
    async fn not_paid(&mut self, person: usize) -> Result<()> {
        self.fault_at_bank(Route::Transfers, BankFaultMode::FailBefore, Some(1));
        let id = self.pay_back(person).await?;
        self.ends_as(&id, "payout_held").await?;
        ensure!(self.transfers(&self.reference(&id).await?)?.is_empty(), "the bank paid although it said 503 before acting");
        let word = json!({ "outcome": "not-paid", "reason": "it does not stand on the bank's statement" });
        self.api.post(&format!("/v1/tenants/acme/transactions/{id}/resolve"), &word).await?;
        self.ends_as(&id, "completed").await
    }

    async fn pay_back(&self, person: usize) -> Result<String> {
        let amount: Amount = format!("{}", 20 + person).parse()?;
        let (id, account, memo) = self.house.ask_withdrawal(&self.api, self.person(person), &amount.to_string()).await?;
        self.person(person).pay(&self.network, &account, &self.house.rules.asset, amount, Some(Memo::Id(memo.parse()?))).await?;
        Ok(id)
    }

    fn person(&self, number: usize) -> &Person {
        &self.house.people[number]
    }

    /// Sets the fault that keeps the runtime in the moment.
    fn arrange(&self, moment: Moment) {
        let stall = |method| self.devnet.set_fault(method, Some(Fault { mode: FaultMode::Stall, times: None }));
        match moment {
            Moment::Poll => self.fault_at_bank(Route::Statement, BankFaultMode::SlowBefore, None),
            Moment::Ready => stall("getLedgerEntries"),
            Moment::Signed => stall("sendTransaction"),
            Moment::Submitted => self.devnet.set_closing(Closing::Manual),
            Moment::AfterDeposit | Moment::Received => self.fault_at_bank(Route::Notifications, BankFaultMode::SlowBefore, None),
            Moment::PendingTrust => {}
            Moment::Watch => stall("getTransactions"),
            Moment::PayoutSent => self.fault_at_bank(Route::Transfers, BankFaultMode::SlowBefore, None),
            Moment::PayoutMade => self.fault_at_bank(Route::Transfers, BankFaultMode::SlowAfter, None),
        }
    }

    fn fault_at_bank(&self, route: Route, mode: BankFaultMode, times: Option<u32>) {
        self.bank.set_fault(BankFault { route, account: None, mode, millis: 2_000, times });
    }

    fn heal(&self) {
        for method in ["getLedgerEntries", "sendTransaction", "getTransactions"] {
            self.devnet.set_fault(method, None);
        }
        for route in [Route::Statement, Route::Notifications, Route::Transfers] {
            self.fault_at_bank(route, BankFaultMode::Ok, None);
        }
        self.devnet.set_closing(Closing::AtOnce);
    }

    /// Makes a deposit whose notification takes long: the only place for runs is taken.
    async fn occupy(&self, person: usize) -> Result<()> {
        self.arrange(Moment::Received);
        let (id, reference) = self.house.ask_deposit(&self.api, self.person(person), "100", &json!({})).await?;
        self.bank.credit(&self.house.customer.account, "100.00", &reference, &self.person(person).name)?;
        self.reach(Moment::AfterDeposit, &id).await
    }

    /// Waits until the runtime is in the moment.
    async fn reach(&self, moment: Moment, id: &str) -> Result<()> {
        wait_for(&format!("{id} has reached {moment:?}"), 40, async || {
            let is_there = match moment {
                Moment::Poll => self.newest_run("poll-pending-deposits", None).await?.is_some_and(|run| run["ended_at"].is_null()),
                Moment::Ready => self.state(id).await? == "ready",
                Moment::Signed => self.state(id).await? == "signed",
                Moment::Submitted => self.state(id).await? == "submitted",
                Moment::AfterDeposit => self.newest_run("after-deposit", Some(id)).await?.is_some_and(|run| run["ended_at"].is_null()),
                Moment::PendingTrust => self.state(id).await? == "pending_trust",
                Moment::Watch => self.state(id).await? == "awaiting_payment",
                Moment::Received => self.state(id).await? == "received",
                Moment::PayoutSent => self.newest_run("process-withdrawal", Some(id)).await?.is_some_and(|run| run["ended_at"].is_null()),
                Moment::PayoutMade => !self.transfers(&self.reference(id).await?)?.is_empty(),
            };
            Ok(is_there.then_some(()))
        })
        .await?;
        if moment == Moment::Received {
            ensure!(self.newest_run("process-withdrawal", Some(id)).await?.is_none(), "the payout job has begun");
        }
        if matches!(moment, Moment::Poll | Moment::AfterDeposit | Moment::PayoutSent | Moment::Watch) {
            // The run's start is committed before its instance exists: let its request get to the bank.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(())
    }

    async fn kill_and_restart(&mut self) -> Result<()> {
        self.runtime.kill()?;
        self.heal();
        self.runtime = Child::start(&self.options).await?;
        self.api = self.api.at(&self.runtime.url);
        Ok(())
    }

    async fn state(&self, id: &str) -> Result<String> {
        Ok(text(&self.house.show(&self.api, id).await?, "state")?.to_owned())
    }

    async fn reference(&self, id: &str) -> Result<String> {
        Ok(text(&self.house.show(&self.api, id).await?, "reference")?.to_owned())
    }

    /// The bank's transfers with a reference: their ids.
    fn transfers(&self, reference: &str) -> Result<Vec<String>> {
        let transfers = self.bank.transfers(&self.house.customer.account)?;
        Ok(transfers.into_iter().filter(|transfer| transfer.reference == reference).map(|transfer| transfer.id).collect())
    }

    async fn newest_run(&self, hook: &str, transaction: Option<&str>) -> Result<Option<Value>> {
        let only = transaction.map(|id| format!("&transaction={id}")).unwrap_or_default();
        let jobs = self.api.get(&format!("/v1/tenants/acme/jobs?hook={hook}&limit=1{only}")).await?;
        let Some(job) = jobs["items"].get(0) else { return Ok(None) };
        let job = self.api.get(&format!("/v1/tenants/acme/jobs/{}", text(job, "id")?)).await?;
        let runs = job["runs"].as_array().context("no runs")?;
        Ok(runs.iter().max_by_key(|run| run["ordinal"].as_i64()).cloned())
    }

    async fn ends_as(&self, id: &str, state: &str) -> Result<()> {
        wait_for(&format!("{id} is {state}"), 60, async || Ok((self.state(id).await? == state).then_some(()))).await
    }

    async fn all_jobs_done(&self, id: &str) -> Result<()> {
        wait_for(&format!("every job of {id} is done"), 60, async || {
            let jobs = self.api.get(&format!("/v1/tenants/acme/jobs?transaction={id}&limit=10")).await?;
            let jobs = jobs["items"].as_array().context("no jobs")?;
            Ok((!jobs.is_empty() && jobs.iter().all(|job| job["state"] == "done")).then_some(()))
        })
        .await
    }

    /// Nothing doubled, nothing lost: from the bank and the ledger alone.
    async fn judge(self, payouts: usize) -> Result<()> {
        let transfers = self.bank.transfers(&self.house.customer.account)?;
        let mut by_reference = BTreeMap::new();
        for transfer in &transfers {
            *by_reference.entry(transfer.reference.as_str()).or_insert(0) += 1;
        }
        assert!(by_reference.values().all(|&times| times == 1), "a payout is doubled: {transfers:#?}");
        assert_eq!(by_reference.len(), payouts, "a payout is missing: {transfers:#?}");
        // The tokens of the deposit that only kept the runtime busy are among its user's.
        let statement = self.bank.statement(&self.house.customer.account)?;
        let books = Books::read(&self.house, &self.network, &statement, Amount::ZERO).await?;
        assert!(books.balanced()?, "the books do not balance: {books:?}");
        Ok(())
    }
}
