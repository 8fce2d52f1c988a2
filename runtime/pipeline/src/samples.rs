//! Values for the tables of this crate's tests.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::deposit::DepositState;
use windlass_domain::envelope::EnvelopeState;
use windlass_domain::fees::FeeSchedule;
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::limits::RunLimits;
use windlass_domain::manifest::{Manifest, Rail, UnknownEffects};
use windlass_domain::ports::ledger::{AccountEntry, Entries, TrustlineEntry};
use windlass_domain::ports::store::{JobContext, PlanContext};
use windlass_domain::rules::{AssetRules, DirectionRules};
use windlass_domain::tenant::{AccountRole, StellarAccount, Tenant, Version};
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::{AccountId, Amount, Asset, JobId, TenantId, TransactionId, VersionNumber};

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn account(letter: char) -> AccountId {
    AccountId::new(format!("G{}", letter.to_string().repeat(55))).unwrap()
}

pub(crate) fn usd() -> Asset {
    Asset::Issued { code: "USD".into(), issuer: account('I') }
}

pub(crate) fn tenant() -> Tenant {
    Tenant {
        id: TenantId::new("acme").unwrap(),
        home_domain: "acme.example".into(),
        network: "n".into(),
        active_version: Some(VersionNumber(1)),
        tolerance_ppm: 100_000,
        created_at: 0,
    }
}

/// 99 of 100 XLM to account `U`, from account `A`; ids differ by the number.
pub(crate) fn deposit(number: u8, state: DepositState) -> Transaction {
    let money = !matches!(state, DepositState::AwaitingFunds | DepositState::SeenPending);
    let amount = |text| money.then(|| amount(text));
    Transaction {
        tenant: tenant().id,
        id: TransactionId::from_bits([number; 16]),
        state: State::Deposit(state),
        version: 1,
        asset: Asset::Native,
        reference: format!("REF{number}"),
        memo: None,
        account: Some(account('U').to_string()),
        anchor_account: account('A'),
        amount_expected: None,
        amount_in: amount("100"),
        fee: amount("1"),
        amount_out: amount("99"),
        refunded: Amount::ZERO,
        external_id: None,
        stellar_transaction_id: None,
        message: None,
        fields: vec![],
        status_eta: None,
        expires_at: None,
        payouts_returned: 0,
        created_at: 0,
        updated_at: 0,
        received_at: None,
        completed_at: None,
    }
}

pub(crate) fn rules(asset: Asset) -> AssetRules {
    let direction = DirectionRules {
        enabled: true,
        min_amount: amount("2"),
        max_amount: amount("1000"),
        fee: FeeSchedule { fixed: amount("1"), ..FeeSchedule::default() },
        ..DirectionRules::default()
    };
    AssetRules { asset, decimals: 2, deposit: direction.clone(), withdrawal: direction, starting_balance: Some(amount("2")) }
}

pub(crate) fn version(effects: UnknownEffects) -> Version {
    Version {
        tenant: tenant().id,
        number: VersionNumber(1),
        digest: "d".into(),
        hooks: vec![Hook::PollPendingDeposits, Hook::ProcessWithdrawal],
        manifest: Manifest { rail: Rail { name: "bank".into(), effects, not_found_after_ms: None }, ..Manifest::default() },
        created_at: 0,
    }
}

pub(crate) fn job_context(hook: Hook, transaction: Option<Transaction>, effects: UnknownEffects) -> JobContext {
    let job = Job {
        tenant: tenant().id,
        id: JobId::from_bits([1; 16]),
        hook,
        transaction: transaction.as_ref().map(|transaction| transaction.id.clone()),
        version: VersionNumber(1),
        state: JobState::Open,
        runs: 1,
        failures: 0,
        idle_polls: 0,
        settled_runs: 0,
        message: None,
        seed: String::new(),
        created_at: 0,
        updated_at: 0,
    };
    JobContext {
        tenant: tenant(),
        job,
        version: version(effects),
        active: None,
        transaction,
        payment: None,
        newest_run: None,
        journal: vec![],
        assets: vec![rules(Asset::Native)],
        limits: RunLimits::default(),
    }
}

pub(crate) fn plan_context(ready: Vec<Transaction>, newest: Option<(i64, EnvelopeState)>) -> PlanContext {
    let role = AccountRole::Distribution;
    let account = StellarAccount { tenant: tenant().id, network: "n".into(), account: account('A'), role };
    PlanContext { account, live: None, newest, ready, alone: vec![], created: vec![], rules: vec![rules(Asset::Native), rules(usd())] }
}

/// What [`entries`] is good for in a table: bid for one operation, in stroops.
pub(crate) const FEE: u32 = 100;

/// Account `A` with sequence number 10, 100 USD, and 105 XLM, of which 100 and two [`FEE`]s can be spent; account `U`
/// with a trustline for 100 USD.
pub(crate) fn entries() -> Entries {
    let hundred = amount("100");
    let line = TrustlineEntry { balance: Amount::ZERO, limit: hundred, authorized: true };
    Entries {
        latest_ledger: 50,
        accounts: BTreeMap::from([
            (account('A'), AccountEntry { sequence: 10, balance: amount("105"), available: amount("100.00002") }),
            (account('U'), AccountEntry { sequence: 1, balance: Amount::ZERO, available: Amount::ZERO }),
        ]),
        trustlines: BTreeMap::from([((account('A'), usd()), TrustlineEntry { balance: hundred, ..line }), ((account('U'), usd()), line)]),
        memo_required: BTreeSet::new(),
    }
}
