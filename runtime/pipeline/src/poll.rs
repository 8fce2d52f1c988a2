//! What a poll reports is the guest's word: each update is checked against the tenant's own pending set, asset, limits
//! and the credits seen before. A bad one is refused by name, the others go on (money rule 2).

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent};
use windlass_domain::ids::{TimeMs, TransactionId};
use windlass_domain::job::{LogLevel, LogLine};
use windlass_domain::ports::guest::{DepositPoll, DepositUpdate, UnmatchedCredit};
use windlass_domain::ports::store::JobContext;
use windlass_domain::rules::assess;
use windlass_domain::tenant::{BankCredit, Matched};
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::deposit::DepositState;
use windlass_domain::Amount;

/// What a poll comes to.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Transactions, credits, and the planners to wake.
    pub(crate) writes: Vec<Write>,
    /// What was refused, for the job's log.
    pub(crate) refused: Vec<LogLine>,
}

/// Transactions that the poll names; ids that are none are left out here and refused in [`check`].
pub(crate) fn named(poll: &DepositPoll) -> Vec<TransactionId> {
    let ids: BTreeSet<&String> = poll
        .updates
        .iter()
        .map(|update| match update {
            DepositUpdate::Received { id, .. } | DepositUpdate::SeenPending { id, .. } | DepositUpdate::Failed { id, .. } => id,
        })
        .collect();
    ids.into_iter().filter_map(|id| TransactionId::new(id.clone()).ok()).collect()
}

/// Credits that the poll names.
pub(crate) fn credits(poll: &DepositPoll) -> Vec<String> {
    let received = poll.updates.iter().filter_map(|update| match update {
        DepositUpdate::Received { external_id, .. } => Some(external_id.clone()),
        DepositUpdate::SeenPending { .. } | DepositUpdate::Failed { .. } => None,
    });
    received.chain(poll.unmatched.iter().map(|credit| credit.external_id.clone())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Purely: what each update and credit writes. `transactions` are the tenant's own, of those [`named`]; `known` the
/// credits of those [`credits`] that are stored already.
pub(crate) fn check(context: &JobContext, poll: &DepositPoll, transactions: Vec<Transaction>, known: Vec<BankCredit>, now: TimeMs) -> Checked {
    let mut checker = Checker {
        context,
        now,
        transactions: transactions.into_iter().map(|transaction| (transaction.id.to_string(), transaction)).collect(),
        credits: known.into_iter().map(|credit| (credit.external_id.clone(), credit)).collect(),
        checked: Checked::default(),
    };
    for update in &poll.updates {
        if let Err(reason) = checker.update(update) {
            checker.refuse(format!("{update:?} is refused: {reason}"));
        }
    }
    for credit in &poll.unmatched {
        checker.unmatched(credit);
    }
    checker.checked
}

/// 1 to 128 bytes, without NUL, which no text column takes.
fn id_is_well(external_id: &str) -> Result<(), String> {
    match external_id.len() {
        1..=128 if !external_id.contains('\0') => Ok(()),
        1..=128 => Err("the credit's id holds a NUL character".to_owned()),
        bytes => Err(format!("the credit's id has {bytes} bytes, 1 to 128 are allowed")),
    }
}

struct Checker<'a> {
    context: &'a JobContext,
    now: TimeMs,
    /// As they are after the updates so far.
    transactions: BTreeMap<String, Transaction>,
    /// Those stored, and those of the updates so far.
    credits: BTreeMap<String, BankCredit>,
    checked: Checked,
}

impl Checker<'_> {
    fn refuse(&mut self, message: String) {
        self.checked.refused.push(LogLine { level: LogLevel::Warn, at: self.now, message });
    }

    fn update(&mut self, update: &DepositUpdate) -> Result<(), String> {
        match update {
            DepositUpdate::Received { id, amount, external_id } => self.received(id, *amount, external_id),
            DepositUpdate::SeenPending { id, eta } => self.event(id, &DepositEvent::FundsSeen { eta: *eta }),
            DepositUpdate::Failed { id, message } => self.event(id, &DepositEvent::FundsFailed { message: crate::printable(message) }),
        }
    }

    /// One credit pays for one deposit. A credit that pays for nothing is a row all the same.
    fn received(&mut self, id: &str, amount: Amount, external_id: &str) -> Result<(), String> {
        if !amount.is_positive() {
            return Err(format!("the amount {amount} is not above zero"));
        }
        id_is_well(external_id)?;
        if let Some(known) = self.credits.get(external_id) {
            return match &known.matched {
                Matched::Transaction(paid) if paid.as_str() == id && known.amount == amount => Ok(()),
                Matched::Transaction(paid) => Err(format!("credit {external_id:?} of {} has paid for {paid}", known.amount)),
                Matched::Unmatched(_) => Err(format!("credit {external_id:?} was reported before and is kept as unmatched")),
            };
        }
        match self.assessed(id, amount, external_id) {
            Ok(event) => {
                self.event(id, &event)?;
                let transaction = TransactionId::new(id).map_err(|error| error.to_string())?;
                self.credit(external_id, amount, id, Matched::Transaction(transaction));
                Ok(())
            }
            Err(reason) => {
                self.credit(external_id, amount, id, Matched::Unmatched(reason.clone()));
                Err(format!("{reason}; the credit is kept as unmatched"))
            }
        }
    }

    fn assessed(&self, id: &str, amount: Amount, external_id: &str) -> Result<DepositEvent, String> {
        let transaction = self.fundable(id)?;
        let rules = self.context.assets.iter().find(|rules| rules.asset == transaction.asset);
        let Some(rules) = rules else { return Err(format!("the tenant has no rules for {}", transaction.asset)) };
        if !amount.fits_decimals(rules.decimals) {
            return Err(format!("the amount {amount} has more than the {} decimals of the bank's money", rules.decimals));
        }
        if transaction.state == State::Deposit(DepositState::Expired) {
            rules.deposit.revives(transaction.expires_at, self.now)?;
        }
        // What arrives for a deposit may differ from what was asked, by as much as the asset's rules say.
        let assessment = assess(amount, transaction.amount_expected, rules.deposit.tolerance_ppm, &rules.deposit, rules.decimals).map_err(|error| format!("the fee cannot be computed: {error}"))?;
        Ok(DepositEvent::FundsReceived { amount_in: amount, assessment, external_id: external_id.to_owned() })
    }

    /// One that waits for money, or has expired: late money may revive it.
    fn fundable(&self, id: &str) -> Result<&Transaction, String> {
        match self.transactions.get(id) {
            Some(transaction) if transaction.state == State::Deposit(DepositState::Expired) => Ok(transaction),
            _ => self.pending(id),
        }
    }

    fn pending(&self, id: &str) -> Result<&Transaction, String> {
        let transaction = self.transactions.get(id).ok_or_else(|| "the tenant has no transaction with this id".to_owned())?;
        match transaction.state {
            State::Deposit(DepositState::AwaitingFunds | DepositState::SeenPending) => Ok(transaction),
            State::Deposit(state) => Err(format!("the deposit is {} and waits for no money", state.as_str())),
            State::Withdrawal(_) => Err("it is a withdrawal".to_owned()),
        }
    }

    fn event(&mut self, id: &str, event: &DepositEvent) -> Result<(), String> {
        let before = match event {
            DepositEvent::FundsReceived { .. } => self.fundable(id)?.clone(),
            _ => self.pending(id)?.clone(),
        };
        if let DepositEvent::FundsSeen { eta } = event
            && before.state == State::Deposit(DepositState::SeenPending)
            && before.status_eta == *eta
        {
            return Ok(());
        }
        let after = deposit::step(&before, event, self.now).map_err(|refused| refused.to_string())?;
        let history = History {
            version: after.version,
            from: Some(before.state),
            to: after.state,
            event: event.name().to_owned(),
            actor: "guest".to_owned(),
            detail: after.external_id.clone().or_else(|| after.message.clone()),
            at: self.now,
        };
        if after.state == State::Deposit(DepositState::Ready) {
            self.checked.writes.push(Write::plan_work(&after.tenant, &after.anchor_account));
        }
        let write = Write::Transaction { before: (before.state, before.version), after: Box::new(after.clone()), history };
        self.checked.writes.push(write);
        self.transactions.insert(id.to_owned(), after);
        Ok(())
    }

    fn unmatched(&mut self, credit: &UnmatchedCredit) {
        if !credit.amount.is_positive() {
            return self.refuse(format!("{credit:?} is refused: the amount is not above zero"));
        }
        if let Err(reason) = id_is_well(&credit.external_id) {
            return self.refuse(format!("{credit:?} is refused: {reason}"));
        }
        // Seen before, whatever it was then: there is a row.
        if !self.credits.contains_key(&credit.external_id) {
            self.credit(&credit.external_id, credit.amount, &credit.reference, Matched::Unmatched("no pending deposit has its reference".to_owned()));
        }
    }

    fn credit(&mut self, external_id: &str, amount: Amount, reference: &str, matched: Matched) {
        let credit = BankCredit {
            tenant: self.context.tenant.id.clone(),
            rail: self.context.version.manifest.rail.name.clone(),
            external_id: external_id.to_owned(),
            amount,
            reference: crate::printable(reference),
            matched,
            reported_at: self.now,
        };
        self.checked.writes.push(Write::Credit(credit.clone()));
        self.credits.insert(external_id.to_owned(), credit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;
    use windlass_domain::job::{Hook, Job, JobState};
    use windlass_domain::limits::RunLimits;
    use windlass_domain::tenant::{Tenant, Version};
    use windlass_domain::{AccountId, Asset, JobId, TenantId, VersionNumber};
    use windlass_domain::withdrawal::WithdrawalState;

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
        let version = Version { tenant: acme(), number: VersionNumber(1), digest: String::new(), hooks: vec![], manifest: Default::default(), created_at: 0 };
        let tenant = Tenant { id: acme(), home_domain: String::new(), network: String::new(), active_version: None, tolerance_ppm: 0, created_at: 0 };
        let assets = vec![serde_json::from_value(json!({ "asset": "native", "deposit": rules })).expect("rules")];
        JobContext { tenant, job, version, active: None, transaction: None, payment: None, newest_run: None, journal: vec![], assets, limits: RunLimits::default() }
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
        let fee = json!({ "fee": { "fixed": "922337203685.4775807" } });
        for (rules, update, says, kept) in [
            (json!({}), received(9, "-1.001", ""), "is not above zero", false),
            (json!({}), received(9, "1.001", ""), "the credit's id has 0 bytes", false),
            (json!({}), received(9, "1.001", "a\0"), "holds a NUL character", false),
            (json!({}), received(9, "1.001", "paid"), "has paid for", false),
            (json!({}), received(9, "1.001", "stray"), "reported before and is kept as unmatched", false),
            (json!({}), received(9, "1.001", "new"), "no transaction with this id", true),
            (json!({}), received(4, "1.001", "new"), "it is a withdrawal", true),
            (json!({}), received(3, "1.001", "new"), "is ready and waits for no money", true),
            (json!({}), received(5, "1.001", "new"), "no rules for USD", true),
            (hold.clone(), received(2, "1.001", "new"), "more than the 2 decimals", true),
            (hold, received(2, "1", "new"), "keep late money for a person", true),
            (brief, received(2, "1", "new"), "longer ago than", true),
            (fee, received(1, "1", "new"), "the fee cannot be computed", true),
        ] {
            let checked = checked(rules, vec![update.clone()]);
            assert!(checked.refused.len() == 1 && checked.refused[0].message.contains(says), "{update:?}: {:?}", checked.refused);
            let unmatched = |write: &Write| matches!(write, Write::Credit(BankCredit { matched: Matched::Unmatched(why), .. }) if why.contains(says));
            assert_eq!((checked.writes.len(), checked.writes.iter().any(unmatched)), (usize::from(kept), kept), "{update:?}: {:?}", checked.writes);
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
        let twice = checked(json!({}), vec![received(1, "50", "new"), received(1, "50", "new"), received(2, "50", "new"), received(1, "50", "other")]);
        let says: Vec<bool> = ["has paid for", "waits for no money"].iter().zip(&twice.refused).map(|(says, line)| line.message.contains(says)).collect();
        assert_eq!((twice.refused.len(), says), (2, vec![true, true]), "the same again changes nothing: {:?}", twice.refused);
        let late = DepositUpdate::SeenPending { id: id(2).to_string(), eta: None };
        assert!(checked(json!({}), vec![late]).writes.is_empty(), "only the money itself revives");
    }
}
