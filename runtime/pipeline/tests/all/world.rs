//! A tenant with its accounts, assets and active version in a real store, and the fakes around the pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_domain::asset::{Asset, Memo};
use windlass_domain::commit::{Commit, Write};
use windlass_domain::deposit::DepositState;
use windlass_domain::effect::EffectRecord;
use windlass_domain::fees::FeeSchedule;
use windlass_domain::job::{Hook, Job, JobState, Run};
use windlass_domain::manifest::{Manifest, Rail, UnknownEffects};
use windlass_domain::ports::clock::{Clock, Random as _};
use windlass_domain::ports::ledger::{Ledger, TrustlineEntry};
use windlass_domain::ports::secrets::Sealer as _;
use windlass_domain::ports::store::{AdminStore, Page};
use windlass_domain::rules::{AssetRules, DirectionRules};
use windlass_domain::tenant::{AccountRole, StellarAccount, Tenant, Version};
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{AccountId, Amount, JobId, TenantId, TransactionId, VersionNumber};
use windlass_pipeline::{Parts, Pipeline, Settings};
use windlass_store::testing::{Engine, Raw, TestDb, fresh};

use crate::bank::Bank;
use crate::faults::{Faults, StorePort};
use crate::guests::{FakeGuests, GuestsPort};
use crate::ledger::{FakeLedger, LedgerPort, PayIn};
use crate::ports::{Drafts, FakeBuilder, FakeClock, FakeRandom, FakeSealer, FakeSigner};

pub(crate) struct World {
    pub(crate) db: Arc<TestDb>,
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) raw: Raw,
    pub(crate) tenant: TenantId,
    pub(crate) network: String,
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) guests: Arc<FakeGuests>,
    pub(crate) random: Arc<FakeRandom>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) settings: Settings,
    drafts: Drafts,
}

/// The tenant's distribution account.
pub(crate) fn anchor() -> AccountId {
    AccountId::new(format!("G{}", "A".repeat(55))).unwrap()
}

/// The account of a user.
pub(crate) fn user(number: u16) -> AccountId {
    let digits: String = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'A')).collect();
    AccountId::new(format!("G{digits:U>55}")).unwrap()
}

pub(crate) fn usd() -> Asset {
    Asset::Issued { code: "USD".into(), issuer: AccountId::new(format!("G{}", "I".repeat(55))).unwrap() }
}

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// A trustline with room for everything.
pub(crate) fn open_line(balance: &str) -> TrustlineEntry {
    TrustlineEntry { balance: amount(balance), limit: Amount::from_units(i64::MAX), authorized: true }
}

impl World {
    /// On a new database, with a rail that carries out one request per key.
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::on(Arc::new(fresh(engine).await), 0, UnknownEffects::Idempotent).await
    }

    /// The same with a rail that promises nothing.
    pub(crate) async fn with_rail(self, effects: UnknownEffects) -> Self {
        Self::on(self.db, 1, effects).await
    }

    /// A tenant of its own, on a network of its own, in a database that may have others.
    pub(crate) async fn on(db: Arc<TestDb>, number: usize, effects: UnknownEffects) -> Self {
        let (store, raw) = (db.store.clone(), db.raw.clone());
        let (tenant, network) = (TenantId::new(format!("acme{number}")).unwrap(), format!("Test Network {number}"));
        let (random, drafts) = (Arc::new(FakeRandom::of_world(number)), Drafts::default());
        let row = Tenant {
            id: tenant.clone(),
            home_domain: format!("{tenant}.example"),
            network: network.clone(),
            active_version: None,
            tolerance_ppm: 100_000,
            created_at: 1,
        };
        store.create_tenant(&row, &FakeSealer.seal(&tenant, "idempotency-key", b"a tenant's key")).await.unwrap();
        let account =
            StellarAccount { tenant: tenant.clone(), network: network.clone(), account: anchor(), role: AccountRole::Distribution };
        store.add_account(&account, "sealed").await.unwrap();
        let ledger = Arc::new(FakeLedger::new(network.clone(), raw.clone(), drafts.clone()));
        ledger.fund(&anchor(), amount("1000000"));
        ledger.trust(&anchor(), &usd(), open_line("1000000"));
        let world = Self {
            db,
            store,
            raw,
            tenant,
            network,
            ledger,
            bank: Arc::default(),
            guests: Arc::new(FakeGuests::new()),
            random,
            clock: Arc::new(FakeClock::new()),
            settings: Settings {
                lease_ms: 60_000,
                poll_interval_ms: 0,
                watch_interval_ms: 0,
                envelope_interval_ms: 0,
                trust_interval_ms: 0,
                retry_base_ms: 0,
                ..Settings::default()
            },
            drafts,
        };
        world.activate(&[Hook::PollPendingDeposits, Hook::AfterDeposit, Hook::ProcessWithdrawal], effects).await;
        world
    }

    /// Both assets, in the directions that these hooks can serve.
    async fn offer(&self, hooks: &[Hook]) {
        let direction = |hook| DirectionRules {
            enabled: hooks.contains(&hook),
            min_amount: amount("2"),
            max_amount: amount("1000"),
            fee: FeeSchedule { fixed: amount("1"), ..FeeSchedule::default() },
            ..DirectionRules::default()
        };
        for asset in [Asset::Native, usd()] {
            let (deposit, withdrawal) = (direction(Hook::PollPendingDeposits), direction(Hook::ProcessWithdrawal));
            let rules = AssetRules { asset, decimals: 2, deposit, withdrawal, starting_balance: Some(amount("2")) };
            self.store.put_asset(&self.tenant, &rules).await.unwrap();
        }
    }

    /// Uploads a version and makes it the active one, with its polls; what it cannot serve is switched off before.
    pub(crate) async fn activate(&self, hooks: &[Hook], effects: UnknownEffects) -> VersionNumber {
        let version = Version {
            tenant: self.tenant.clone(),
            number: VersionNumber(0),
            digest: format!("digest of {hooks:?}"),
            hooks: hooks.to_vec(),
            manifest: Manifest { rail: Rail { name: "bank".into(), effects, not_found_after_ms: None }, ..Manifest::default() },
            created_at: 1,
        };
        let version = self.store.add_version(&version, b"\0asm").await.unwrap();
        let polls: Vec<Job> = hooks
            .iter()
            .filter(|hook| matches!(hook, Hook::PollPendingDeposits | Hook::PollPendingPayouts))
            .map(|hook| self.job(*hook, version.number))
            .collect();
        self.offer(&[]).await;
        self.store.activate(&self.tenant, version.number, &polls).await.unwrap();
        self.offer(hooks).await;
        version.number
    }

    fn job(&self, hook: Hook, version: VersionNumber) -> Job {
        Job {
            tenant: self.tenant.clone(),
            id: JobId::from_bits(self.random.bits()),
            hook,
            transaction: None,
            version,
            state: JobState::Open,
            runs: 0,
            failures: 0,
            idle_polls: 0,
            settled_runs: 0,
            message: None,
            seed: "5e".repeat(32),
            created_at: 1,
            updated_at: 1,
        }
    }

    pub(crate) fn pipeline(&self) -> Arc<Pipeline> {
        self.pipeline_with(Faults::none(), self.settings.clone())
    }

    pub(crate) fn pipeline_with(&self, faults: Arc<Faults>, settings: Settings) -> Arc<Pipeline> {
        let ledger: Arc<dyn Ledger> = Arc::new(LedgerPort { ledger: self.ledger.clone(), faults: faults.clone() });
        let guests = GuestsPort { guests: self.guests.clone(), bank: self.bank.clone(), faults: faults.clone(), raw: self.raw.clone() };
        let parts = Parts {
            store: Arc::new(StorePort { store: self.store.clone(), faults: faults.clone() }),
            ledgers: BTreeMap::from([(self.network.clone(), ledger)]),
            builder: Arc::new(FakeBuilder(self.drafts.clone())),
            signer: Arc::new(FakeSigner(faults)),
            sealer: Arc::new(FakeSealer),
            guests: Arc::new(guests),
            clock: self.clock.clone(),
            random: self.random.clone(),
        };
        Pipeline::new(parts, settings)
    }

    /// Time passes: every lease has ended, and everything is due.
    pub(crate) async fn hasten(&self) {
        let sql = "UPDATE work SET due_at = 1, woken = NULL, lease_until = CASE WHEN lease_until IS NULL THEN NULL ELSE 1 END";
        self.raw.execute(sql).await.unwrap();
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) {
        self.store.commit(vec![Commit { fence: None, writes }]).await.pop().unwrap().unwrap();
    }

    /// A deposit of 100 XLM to user 1 that waits for its money.
    pub(crate) fn a_deposit(&self) -> Transaction {
        let id = TransactionId::from_bits(self.random.bits());
        let now = self.clock.now();
        Transaction {
            tenant: self.tenant.clone(),
            reference: id.as_str()[3..].to_ascii_uppercase(),
            id,
            state: State::Deposit(DepositState::AwaitingFunds),
            version: 1,
            asset: Asset::Native,
            memo: None,
            account: Some(user(1).to_string()),
            anchor_account: anchor(),
            amount_expected: Some(amount("100")),
            amount_in: None,
            fee: None,
            amount_out: None,
            refunded: Amount::ZERO,
            external_id: None,
            stellar_transaction_id: None,
            message: None,
            fields: vec![],
            status_eta: None,
            expires_at: None,
            payouts_returned: 0,
            created_at: now,
            updated_at: now,
            received_at: None,
            completed_at: None,
        }
    }

    /// The same when its money is there: 99 XLM to be paid.
    pub(crate) fn a_ready_deposit(&self) -> Transaction {
        Transaction {
            state: State::Deposit(DepositState::Ready),
            amount_in: Some(amount("100")),
            fee: Some(amount("1")),
            amount_out: Some(amount("99")),
            ..self.a_deposit()
        }
    }

    /// A withdrawal of 100 XLM that waits for its payment.
    pub(crate) fn a_withdrawal(&self, memo: u64) -> Transaction {
        Transaction {
            state: State::Withdrawal(WithdrawalState::AwaitingPayment),
            memo: Some(Memo::Id(memo)),
            account: None,
            ..self.a_deposit()
        }
    }

    /// Stores it, as the API does; its user's account exists.
    pub(crate) async fn add(&self, transaction: Transaction) -> Transaction {
        let history = History {
            version: transaction.version,
            from: None,
            to: transaction.state,
            event: "created".into(),
            actor: "test".into(),
            detail: None,
            at: 1,
        };
        let mut writes = vec![Write::NewTransaction(Box::new(transaction.clone()), history)];
        if transaction.state == State::Deposit(DepositState::Ready) {
            writes.push(Write::plan_work(&self.tenant, &anchor()));
        }
        self.write(writes).await;
        if let Some(account) = &transaction.account {
            self.ledger.fund(&AccountId::new(account.clone()).unwrap(), Amount::ZERO);
        }
        transaction
    }

    /// The user of a withdrawal pays for it.
    pub(crate) fn pay_in(&self, hash: &str, memo: u64, units: &str) {
        self.ledger.receive(hash, &[self.payment(Some(Memo::Id(memo)), units)]);
    }

    pub(crate) fn payment(&self, memo: Option<Memo>, units: &str) -> PayIn {
        PayIn { to: anchor(), asset: Asset::Native, amount: amount(units), memo }
    }

    /// A withdrawal whose payment is in the ledger and was taken in: its payout job is due.
    pub(crate) async fn a_received_withdrawal(&self) -> Transaction {
        let pipeline = self.pipeline();
        pipeline.prepare().await.unwrap();
        let withdrawal = self.add(self.a_withdrawal(7)).await;
        pipeline.step_watch().await.unwrap();
        self.pay_in("cafe", 7, "100");
        self.hasten().await;
        pipeline.step_watch().await.unwrap();
        assert_eq!(self.state(&withdrawal).await, "received");
        withdrawal
    }

    pub(crate) async fn transaction(&self, transaction: &Transaction) -> Transaction {
        self.history(transaction).await.0
    }

    pub(crate) async fn history(&self, transaction: &Transaction) -> (Transaction, Vec<History>) {
        self.store.show_transaction(&self.tenant, &transaction.id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, transaction: &Transaction) -> &'static str {
        self.transaction(transaction).await.state.as_str()
    }

    /// Jobs of a hook, newest first.
    pub(crate) async fn jobs(&self, hook: Hook) -> Vec<Job> {
        let page = Page { after: None, limit: 1_000 };
        self.store.list_jobs(&self.tenant, Some(hook), None, None, &page).await.unwrap()
    }

    /// The one job of a hook, with its runs and effects.
    pub(crate) async fn the_job(&self, hook: Hook) -> (Job, Vec<Run>, Vec<EffectRecord>) {
        let jobs = self.jobs(hook).await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        self.store.show_job(&self.tenant, &jobs[0].id).await.unwrap().unwrap()
    }

    /// Rows of a table.
    pub(crate) async fn count(&self, table_and_condition: &str) -> i64 {
        self.raw.number(&format!("SELECT COUNT(*) FROM {table_and_condition}")).await
    }

    /// Steps of every driver, a ledger closing after each; time passes in between.
    pub(crate) async fn rounds(&self, rounds: usize) {
        let pipeline = self.pipeline();
        for _ in 0..rounds {
            self.hasten().await;
            pipeline.step().await.unwrap();
            self.ledger.close();
        }
    }
}
