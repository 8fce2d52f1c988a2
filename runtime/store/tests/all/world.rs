//! A database with one tenant in it, and makers of what the tests write.

use std::sync::Arc;

use windlass_domain::asset::{Asset, Memo};
use windlass_domain::commit::{Commit, CommitError, Fence, Lease, Next, WorkKey, WorkKind, Write};
use windlass_domain::deposit::DepositState;
use windlass_domain::envelope::{Envelope, EnvelopePayment, EnvelopeState, Purpose};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::manifest::Manifest;
use windlass_domain::ports::store::AdminStore;
use windlass_domain::tenant::{AccountRole, BankCredit, IncomingPayment, Matched, StellarAccount, Tenant, Version};
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{AccountId, Amount, EnvelopeId, JobId, TenantId, TransactionId, VersionNumber};
use windlass_store::testing::{Engine, Raw, TestDb, fresh};

pub(crate) const NETWORK: &str = "Test Network";

pub(crate) struct World {
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) raw: Raw,
    pub(crate) url: String,
    _db: TestDb,
}

pub(crate) fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

pub(crate) fn other() -> TenantId {
    TenantId::new("other").unwrap()
}

pub(crate) fn account(letter: char) -> AccountId {
    AccountId::new(format!("G{}", letter.to_string().repeat(55))).unwrap()
}

/// Ids differ by their last byte.
pub(crate) fn bits(number: u16) -> [u8; 16] {
    let mut bits = [0; 16];
    bits[14..].copy_from_slice(&number.to_be_bytes());
    bits
}

pub(crate) fn tx(number: u16) -> TransactionId {
    TransactionId::from_bits(bits(number))
}

pub(crate) fn env(number: u16) -> EnvelopeId {
    EnvelopeId::from_bits(bits(number))
}

pub(crate) fn deposit(number: u16, state: DepositState) -> Transaction {
    let money = !matches!(state, DepositState::AwaitingFunds | DepositState::SeenPending);
    let amount = |units| money.then_some(Amount::from_units(units));
    let done = state == DepositState::Completed;
    Transaction {
        tenant: acme(),
        id: tx(number),
        state: State::Deposit(state),
        version: 1,
        asset: Asset::Native,
        reference: format!("REF{number}"),
        memo: None,
        account: Some(account('U').to_string()),
        anchor_account: account('A'),
        amount_expected: None,
        amount_in: amount(100),
        fee: amount(1),
        amount_out: amount(99),
        refunded: Amount::ZERO,
        payouts_returned: 0,
        external_id: None,
        stellar_transaction_id: done.then(|| "ab".into()),
        message: None,
        fields: vec![],
        status_eta: None,
        expires_at: None,
        created_at: 1_000 + i64::from(number),
        updated_at: 1_000,
        received_at: None,
        completed_at: done.then_some(7),
    }
}

pub(crate) fn withdrawal(number: u16, state: WithdrawalState) -> Transaction {
    let money = state != WithdrawalState::AwaitingPayment;
    let amount = |units| money.then_some(Amount::from_units(units));
    Transaction {
        state: State::Withdrawal(state),
        memo: Some(Memo::Id(u64::from(number))),
        amount_in: amount(100),
        fee: amount(1),
        amount_out: amount(99),
        ..deposit(number, DepositState::AwaitingFunds)
    }
}

pub(crate) fn history(version: i64, from: Option<State>, to: State) -> History {
    History { version, from, to, event: "event".into(), actor: "driver".into(), detail: None, at: 5 }
}

pub(crate) fn new(transaction: Transaction) -> Write {
    let line = history(transaction.version, None, transaction.state);
    Write::NewTransaction(Box::new(transaction), line)
}

/// The step of a transaction to another state, version and history included.
pub(crate) fn step(before: &Transaction, state: State) -> (Transaction, Write) {
    let after = Transaction { state, version: before.version + 1, ..before.clone() };
    let line = history(after.version, Some(before.state), state);
    let write = Write::Transaction { before: (before.state, before.version), after: Box::new(after.clone()), history: line };
    (after, write)
}

pub(crate) fn envelope(number: u16, sequence: i64, pays: &[u16]) -> Envelope {
    let payment = |(index, number): (usize, &u16)| EnvelopePayment {
        transaction: tx(*number),
        purpose: Purpose::Payment,
        ordinal: 0,
        operation_index: u32::try_from(index).unwrap(),
    };
    Envelope {
        tenant: acme(),
        id: env(number),
        network: NETWORK.into(),
        source: account('A'),
        sequence,
        hash: format!("hash{number}"),
        xdr: "AAAA".into(),
        max_time_s: 1_000,
        ledger_noted: 50,
        state: EnvelopeState::Signed,
        bound_passed_at: None,
        sent: 0,
        ledger: None,
        result: None,
        payments: pays.iter().enumerate().map(payment).collect(),
        created_at: i64::from(number),
        updated_at: 0,
    }
}

pub(crate) fn envelope_step(number: u16, before: EnvelopeState, after: EnvelopeState) -> Write {
    Write::Envelope {
        tenant: acme(),
        id: env(number),
        before,
        after,
        sent: 1,
        bound_passed_at: (after == EnvelopeState::Dead).then_some(60),
        ledger: matches!(after, EnvelopeState::Succeeded | EnvelopeState::Failed).then_some(61),
        result: None,
        at: 9,
    }
}

pub(crate) fn job(number: u16, hook: Hook, transaction: Option<u16>) -> Job {
    Job {
        tenant: acme(),
        id: JobId::from_bits(bits(number)),
        hook,
        transaction: transaction.map(tx),
        version: VersionNumber(1),
        state: JobState::Open,
        runs: 0,
        failures: 0,
        idle_polls: 0,
        settled_runs: 0,
        message: None,
        seed: "5eed".into(),
        created_at: i64::from(number),
        updated_at: 0,
    }
}

pub(crate) fn credit(id: &str, units: i64, matched: Matched) -> BankCredit {
    BankCredit {
        tenant: acme(),
        rail: "bank".into(),
        external_id: id.into(),
        amount: Amount::from_units(units),
        reference: "REF".into(),
        matched,
        reported_at: 1,
    }
}

pub(crate) fn payment(operation_index: u32, memo: Option<Memo>) -> IncomingPayment {
    IncomingPayment {
        network: NETWORK.into(),
        transaction_hash: "cafe".into(),
        operation_index,
        from: account('U').to_string(),
        to: account('A'),
        asset: Asset::Native,
        amount: Amount::from_units(100),
        memo,
        ledger: 7,
        closed_at: 70,
    }
}

pub(crate) fn version() -> Version {
    Version {
        tenant: acme(),
        number: VersionNumber(0),
        digest: "d1".into(),
        hooks: vec![Hook::PollPendingDeposits],
        manifest: Manifest::default(),
        created_at: 3,
    }
}

pub(crate) fn tenant(id: TenantId) -> Tenant {
    Tenant {
        home_domain: format!("{id}.example"),
        id,
        network: NETWORK.into(),
        active_version: None,
        tolerance_ppm: 100_000,
        created_at: 1,
    }
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        let db = fresh(engine).await;
        let store = db.store.clone();
        for (id, letter) in [(acme(), 'A'), (other(), 'B')] {
            store.create_tenant(&tenant(id.clone()), "sealed").await.unwrap();
            let role = AccountRole::Distribution;
            let account = StellarAccount { tenant: id, network: NETWORK.into(), account: account(letter), role };
            store.add_account(&account, "sealed key").await.unwrap();
        }
        store.add_version(&version(), b"\0asm").await.unwrap();
        Self { store, raw: db.raw.clone(), url: db.url.clone(), _db: db }
    }

    /// Commits writes of no lease.
    pub(crate) async fn write(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.commit(Commit { fence: None, writes }).await
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.store.commit(vec![commit]).await.pop().unwrap()
    }

    /// Wakes a trust check of the tenant.
    pub(crate) async fn wake(&self, tenant: &TenantId, number: u16, after_ms: u64) {
        self.write(vec![Write::trust_work(tenant, &tx(number), after_ms)]).await.unwrap();
    }

    pub(crate) async fn claim_trust(&self, limit: u32, per_tenant: u32) -> Vec<Lease> {
        self.store.claim(WorkKind::Trust, limit, per_tenant, 60_000).await.unwrap()
    }

    /// Ends every lease at once, as time would.
    pub(crate) async fn expire_leases(&self) {
        self.raw.execute("UPDATE work SET lease_until = 1 WHERE lease_until IS NOT NULL").await.unwrap();
    }

    pub(crate) async fn transaction(&self, number: u16) -> Transaction {
        self.store.transactions(&[(acme(), tx(number))]).await.unwrap().pop().unwrap().unwrap()
    }
}

pub(crate) fn under(lease: &Lease, next: Next, writes: Vec<Write>) -> Commit {
    Commit { fence: Some(Fence { lease: lease.clone(), next, observation: false }), writes }
}

pub(crate) fn observed(lease: &Lease, next: Next, writes: Vec<Write>) -> Commit {
    Commit { fence: Some(Fence { lease: lease.clone(), next, observation: true }), writes }
}

pub(crate) fn trust_key(number: u16) -> WorkKey {
    WorkKey { tenant: Some(acme()), kind: WorkKind::Trust, subject: tx(number).to_string() }
}

/// The constraint that refused.
pub(crate) fn constraint(result: Result<(), CommitError>) -> String {
    match result {
        Err(CommitError::Conflict { constraint, .. }) => constraint,
        other => panic!("a conflict was expected: {other:?}"),
    }
}
