//! One row per refusal of a reported credit, in order of precedence, and what becomes of what arrived.

use serde_json::json;
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::limits::RunLimits;
use windlass_domain::tenant::{Tenant, Version};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{AccountId, Asset, JobId, TenantId, VersionNumber};

use super::*;

pub(crate) const NOW: TimeMs = 1_000_000;

fn acme() -> TenantId {
    TenantId::new("acme").expect("an id")
}

fn id(number: u8) -> TransactionId {
    TransactionId::from_bits([number; 16])
}

fn context(rules: serde_json::Value) -> JobContext {
    let job = Job {
        tenant: acme(),
        id: JobId::from_bits([1; 16]),
        hook: Hook::PollPendingDeposits,
        transaction: None,
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
    let version = Version {
        tenant: acme(),
        number: VersionNumber(1),
        digest: String::new(),
        hooks: vec![],
        manifest: Default::default(),
        created_at: 0,
    };
    let tenant =
        Tenant { id: acme(), home_domain: String::new(), network: String::new(), active_version: None, tolerance_ppm: 0, created_at: 0 };
    let assets = vec![serde_json::from_value(json!({ "asset": "native", "deposit": rules })).expect("rules")];
    JobContext {
        tenant,
        job,
        version,
        active: None,
        transaction: None,
        payment: None,
        newest_run: None,
        journal: vec![],
        assets,
        limits: RunLimits::default(),
    }
}

/// One that asked for 100 and whose deadline was half a second before [`NOW`].
pub(crate) fn transaction(number: u8, state: State) -> Transaction {
    Transaction {
        tenant: acme(),
        id: id(number),
        state,
        version: 1,
        asset: Asset::Native,
        reference: String::new(),
        memo: None,
        account: None,
        anchor_account: AccountId::new(format!("G{}", "A".repeat(55))).expect("an account"),
        amount_expected: Some("100".parse().expect("an amount")),
        amount_in: None,
        fee: None,
        amount_out: None,
        refunded: Amount::ZERO,
        payouts_returned: 0,
        external_id: None,
        stellar_transaction_id: None,
        message: None,
        fields: vec![],
        status_eta: None,
        expires_at: Some(NOW - 500),
        created_at: 0,
        updated_at: 0,
        received_at: None,
        completed_at: None,
    }
}

/// 1 waits, 2 has expired, 3 is ready, 4 is a withdrawal, 5 has an asset without rules.
fn transactions() -> Vec<Transaction> {
    use DepositState::{AwaitingFunds, Expired, Ready};
    let foreign = format!("USD:G{}", "A".repeat(55)).parse().expect("an asset");
    vec![
        transaction(1, State::Deposit(AwaitingFunds)),
        transaction(2, State::Deposit(Expired)),
        transaction(3, State::Deposit(Ready)),
        transaction(4, State::Withdrawal(WithdrawalState::AwaitingPayment)),
        Transaction { asset: foreign, ..transaction(5, State::Deposit(AwaitingFunds)) },
    ]
}

fn credit(external_id: &str, amount: &str, matched: Matched) -> BankCredit {
    BankCredit {
        tenant: acme(),
        rail: "bank".into(),
        external_id: external_id.into(),
        amount: amount.parse().expect("an amount"),
        reference: String::new(),
        matched,
        reported_at: 0,
    }
}

fn received(number: u8, amount: &str, external_id: &str) -> DepositUpdate {
    DepositUpdate::Received { id: id(number).to_string(), amount: amount.parse().expect("an amount"), external_id: external_id.into() }
}

fn checked(rules: serde_json::Value, updates: Vec<DepositUpdate>) -> Checked {
    let known = vec![credit("paid", "7", Matched::Transaction(id(3))), credit("stray", "7", Matched::Unmatched("why".into()))];
    check(&context(rules), &DepositPoll { updates, ..DepositPoll::default() }, transactions(), known, NOW)
}

/// One row per refusal, in order of precedence: what the log says, and whether the credit is kept as unmatched.
#[test]
fn rule_2_every_refusal_of_a_credit_has_a_name() {
    let hold = json!({ "late": "hold" });
    let brief = json!({ "revive_within_ms": 499 });
    for (rules, update, says, kept) in [
        (json!({}), received(9, "-1.001", ""), "is not above zero", false),
        (json!({}), received(9, "1.001", ""), "the credit's id has 0 bytes", true),
        (json!({}), received(9, "1.001", "a\0"), "holds a NUL character", true),
        (json!({}), received(9, "1.001", "paid"), "has paid for", true),
        (json!({}), received(9, "1.001", "stray"), "reported before and is kept as unmatched", false),
        (json!({}), received(9, "1.001", "new"), "no transaction with this id", true),
        (json!({}), received(4, "1.001", "new"), "it is a withdrawal", true),
        (json!({}), received(3, "1.001", "new"), "is ready and waits for no money", true),
        (json!({}), received(5, "1.001", "new"), "no rules for USD", true),
        (hold.clone(), received(2, "1.001", "new"), "more than the 2 decimals", true),
        (hold, received(2, "1", "new"), "keep late money for a person", true),
        (brief, received(2, "1", "new"), "longer ago than", true),
    ] {
        let checked = checked(rules, vec![update.clone()]);
        assert!(checked.refused.len() == 1 && checked.refused[0].message.contains(says), "{update:?}: {:?}", checked.refused);
        let unmatched =
            |write: &Write| matches!(write, Write::Credit(BankCredit { matched: Matched::Unmatched(why), .. }) if why.contains(says));
        assert_eq!(
            (checked.writes.len(), checked.writes.iter().any(unmatched)),
            (usize::from(kept), kept),
            "{update:?}: {:?}",
            checked.writes
        );
    }
}

#[test]
fn rule_6_what_arrived_is_assessed_by_the_assets_rules() {
    for (rules, number, amount, state) in [
        (json!({}), 1, "50", "ready"),
        (json!({ "tolerance_ppm": 100_000 }), 1, "89.99", "on_hold"),
        (json!({ "tolerance_ppm": 100_000 }), 1, "90", "ready"),
        (json!({ "min_amount": "60" }), 1, "50", "too_small"),
        (json!({ "max_amount": "40" }), 1, "50", "too_large"),
        (json!({}), 2, "50", "ready"),
        (json!({ "fee": { "fixed": "922337203685.4775807" } }), 1, "50", "on_hold"),
        (json!({ "revive_within_ms": 500 }), 2, "50", "ready"),
    ] {
        let checked = checked(rules, vec![received(number, amount, "new")]);
        assert!(checked.refused.is_empty(), "{:?}", checked.refused);
        let seen = checked.writes.iter().find_map(|write| match write {
            Write::Transaction { after, .. } => Some(after.state.as_str()),
            _ => None,
        });
        assert_eq!(seen, Some(state), "{number} {amount}");
        assert!(checked.writes.iter().any(|write| matches!(write, Write::Credit(BankCredit { matched: Matched::Transaction(_), .. }))));
    }
}

#[test]
fn rule_2_one_credit_pays_for_one_deposit() {
    let twice =
        checked(json!({}), vec![received(1, "50", "new"), received(1, "50", "new"), received(2, "50", "new"), received(1, "50", "other")]);
    let says: Vec<bool> =
        ["has paid for", "waits for no money"].iter().zip(&twice.refused).map(|(says, line)| line.message.contains(says)).collect();
    assert_eq!((twice.refused.len(), says), (2, vec![true, true]), "the same again changes nothing: {:?}", twice.refused);
    let late = DepositUpdate::SeenPending { id: id(2).to_string(), eta: None };
    assert!(checked(json!({}), vec![late]).writes.is_empty(), "only the money itself revives");
}
