//! What a poll reports is the guest's word: each update is checked against the tenant's own pending set, asset, limits
//! and the credits seen before. A bad one is refused by name, the others go on (money rule 2).

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::Amount;
use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::ids::{TimeMs, TransactionId};
use windlass_domain::job::{LogLevel, LogLine};
use windlass_domain::ports::guest::{DepositPoll, DepositUpdate, UnmatchedCredit};
use windlass_domain::ports::store::JobContext;
use windlass_domain::rules::{Assessment, assess};
use windlass_domain::tenant::{BankCredit, Matched};
use windlass_domain::transaction::{State, Transaction};

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
        DepositUpdate::Received { external_id, amount, .. } => Some((external_id.clone(), *amount)),
        DepositUpdate::SeenPending { .. } | DepositUpdate::Failed { .. } => None,
    });
    let unmatched = poll.unmatched.iter().map(|credit| (credit.external_id.clone(), credit.amount));
    let with_digests = received.chain(unmatched).flat_map(|(id, amount)| {
        let digest = windlass_domain::ids::digest_id(&[&id, &amount.to_string()]);
        [id, digest]
    });
    with_digests.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Purely: what each update and credit writes. `transactions` are the tenant's own, of those [`named`]; `known` the
/// credits of those [`credits`] that are stored already.
pub(crate) fn check(
    context: &JobContext,
    poll: &DepositPoll,
    transactions: Vec<Transaction>,
    known: Vec<BankCredit>,
    now: TimeMs,
) -> Checked {
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
fn id_is_valid(external_id: &str) -> Result<(), String> {
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
        if let Err(reason) = id_is_valid(external_id) {
            self.keep(external_id, amount, id, &reason);
            return Err(format!("{reason}; the credit is kept as unmatched under a digest of its id"));
        }
        if let Some(known) = self.credits.get(external_id).cloned() {
            return match &known.matched {
                Matched::Transaction(paid) if paid.as_str() == id && known.amount == amount => Ok(()),
                Matched::Transaction(paid) => {
                    let reason = format!("credit {external_id:?} of {} has paid for {paid}", known.amount);
                    if known.amount != amount {
                        self.keep(external_id, amount, id, &reason);
                    }
                    Err(reason)
                }
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
        let assessment = assess(amount, transaction.amount_expected, rules.deposit.tolerance_ppm, &rules.deposit, rules.decimals)
            .unwrap_or_else(|error| Assessment::OnHold(format!("the fee cannot be computed: {error}")));
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
        let changed = Write::changed(&before, &after, event.name(), "guest", after.external_id.clone().or_else(|| after.message.clone()));
        if after.state == State::Deposit(DepositState::Ready) {
            self.checked.writes.push(Write::plan_work(&after.tenant, &after.anchor_account));
        }
        self.checked.writes.push(changed);
        self.transactions.insert(id.to_owned(), after);
        Ok(())
    }

    fn unmatched(&mut self, credit: &UnmatchedCredit) {
        if !credit.amount.is_positive() {
            return self.refuse(format!("{credit:?} is refused: the amount is not above zero"));
        }
        if let Err(reason) = id_is_valid(&credit.external_id) {
            self.keep(&credit.external_id, credit.amount, &credit.reference, &reason);
            return self.refuse(format!("{credit:?} is kept under a digest of its id: {reason}"));
        }
        match self.credits.get(&credit.external_id).map(|known| known.amount) {
            None => {
                self.credit(
                    &credit.external_id,
                    credit.amount,
                    &credit.reference,
                    Matched::Unmatched("no pending deposit has its reference".to_owned()),
                );
            }
            // Seen before, whatever it was then: there is a row.
            Some(amount) if amount == credit.amount => {}
            Some(amount) => {
                let reason = format!("credit {:?} was {amount} when it was reported before", credit.external_id);
                self.keep(&credit.external_id, credit.amount, &credit.reference, &reason);
                self.refuse(format!("{credit:?} is kept under a digest of its id: {reason}"));
            }
        }
    }

    /// A credit that cannot be stored under its own id is a row all the same, under a digest of id and amount.
    fn keep(&mut self, external_id: &str, amount: Amount, reference: &str, reason: &str) {
        let id = windlass_domain::ids::digest_id(&[external_id, &amount.to_string()]);
        if !self.credits.contains_key(&id) {
            self.credit(&id, amount, reference, Matched::Unmatched(crate::printable(reason)));
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
mod tests {
    use windlass_domain::Asset;
    use windlass_domain::commit::WorkKind;
    use windlass_domain::job::Hook;
    use windlass_domain::manifest::UnknownEffects;
    use windlass_domain::withdrawal::WithdrawalState;

    use super::*;
    use crate::samples::{amount, deposit, job_context, usd};

    fn id(number: u8) -> String {
        TransactionId::from_bits([number; 16]).to_string()
    }

    fn received(number: u8, units: &str, credit: &str) -> DepositUpdate {
        DepositUpdate::Received { id: id(number), amount: amount(units), external_id: credit.into() }
    }

    fn known(credit: &str, units: &str, matched: Matched) -> BankCredit {
        let (tenant, rail, external_id) = (crate::samples::tenant().id, "bank".into(), credit.into());
        BankCredit { tenant, rail, external_id, amount: amount(units), reference: String::new(), matched, reported_at: 0 }
    }

    /// 1 waits, 2 was seen, 3 is ready, 4 is a withdrawal, 5 is of another asset; 7 and 8 expired at 5 and long before, 9
    /// has failed.
    fn own() -> Vec<Transaction> {
        vec![
            deposit(1, DepositState::AwaitingFunds),
            Transaction { status_eta: Some(50), ..deposit(2, DepositState::SeenPending) },
            deposit(3, DepositState::Ready),
            Transaction { state: State::Withdrawal(WithdrawalState::AwaitingPayment), ..deposit(4, DepositState::AwaitingFunds) },
            Transaction { asset: usd(), ..deposit(5, DepositState::AwaitingFunds) },
            Transaction { expires_at: Some(5), ..deposit(7, DepositState::Expired) },
            Transaction { expires_at: Some(4), ..deposit(8, DepositState::Expired) },
            deposit(9, DepositState::Failed),
        ]
    }

    /// What is written, in words, and what is refused.
    fn checked(poll: &DepositPoll, known: Vec<BankCredit>) -> (Vec<String>, Vec<String>) {
        let mut context = job_context(Hook::PollPendingDeposits, None, UnknownEffects::Hold);
        context.assets[0].deposit.revive_within_ms = 4;
        let checked = check(&context, poll, own(), known, 9);
        let words = |write: &Write| match write {
            Write::Transaction { after, before, .. } => {
                assert_eq!(after.version, before.1 + 1);
                format!("{} {}", after.reference, after.state.as_str())
            }
            Write::Credit(credit) => match &credit.matched {
                Matched::Transaction(paid) => {
                    format!("{} paid {}", credit.external_id, if *paid.as_str() == id(1) { "REF1" } else { "another" })
                }
                Matched::Unmatched(_) if credit.external_id.starts_with("sha256:") => "digest unmatched".to_owned(),
                Matched::Unmatched(_) => format!("{} unmatched", credit.external_id),
            },
            Write::Work { key, .. } if key.kind == WorkKind::Plan => "plan".to_owned(),
            other => panic!("{other:?}"),
        };
        (checked.writes.iter().map(words).collect(), checked.refused.into_iter().map(|line| line.message).collect())
    }

    /// Updates, credits stored before; what is written, and a word of each refusal.
    type Row = (Vec<DepositUpdate>, Vec<BankCredit>, Vec<&'static str>, Vec<&'static str>);

    #[test]
    fn rule_2_update_by_update() {
        let to_first = || Matched::Transaction(TransactionId::from_bits([1; 16]));
        let seen = |number, eta| DepositUpdate::SeenPending { id: id(number), eta };
        let failed = |number: u8| DepositUpdate::Failed { id: id(number), message: "bounced".into() };
        let rows: Vec<Row> = vec![
            (vec![received(1, "100", "c")], vec![], vec!["plan", "REF1 ready", "c paid REF1"], vec![]),
            (vec![received(2, "1", "c")], vec![], vec!["REF2 too_small", "c paid another"], vec![]),
            (vec![received(1, "100", "c"), received(1, "100", "c")], vec![], vec!["plan", "REF1 ready", "c paid REF1"], vec![]),
            (
                vec![received(1, "100", "c"), received(1, "100", "d")],
                vec![],
                vec!["plan", "REF1 ready", "c paid REF1", "d unmatched"],
                vec!["waits for no money"],
            ),
            (
                vec![received(1, "100", "c"), received(2, "100", "c")],
                vec![],
                vec!["plan", "REF1 ready", "c paid REF1"],
                vec!["has paid for"],
            ),
            (vec![received(1, "100", "c")], vec![known("c", "100", to_first())], vec![], vec![]),
            (vec![received(1, "99", "c")], vec![known("c", "100", to_first())], vec!["digest unmatched"], vec!["has paid for"]),
            (vec![received(2, "100", "c")], vec![known("c", "100", to_first())], vec![], vec!["has paid for"]),
            (vec![received(1, "100", "c")], vec![known("c", "100", Matched::Unmatched(String::new()))], vec![], vec!["kept as unmatched"]),
            (vec![received(3, "100", "c")], vec![], vec!["c unmatched"], vec!["is ready"]),
            (vec![received(4, "100", "c")], vec![], vec!["c unmatched"], vec!["a withdrawal"]),
            (vec![received(5, "100", "c")], vec![], vec!["c unmatched"], vec!["no rules"]),
            (vec![received(1, "100.001", "c")], vec![], vec!["c unmatched"], vec!["more than the 2 decimals"]),
            (vec![received(7, "100", "c")], vec![], vec!["plan", "REF7 ready", "c paid another"], vec![]),
            (vec![received(8, "100", "c")], vec![], vec!["c unmatched"], vec!["longer ago"]),
            (vec![received(9, "100", "c")], vec![], vec!["c unmatched"], vec!["is failed"]),
            // Only money revives.
            (vec![seen(7, None), failed(7)], vec![], vec![], vec!["is expired", "is expired"]),
            (vec![received(6, "100", "c")], vec![], vec!["c unmatched"], vec!["no transaction"]),
            (vec![received(1, "0", "c"), received(1, "-5", "d")], vec![], vec![], vec!["above zero", "above zero"]),
            (
                vec![received(1, "5", ""), received(1, "5", "\0"), received(1, "5", &"c".repeat(129))],
                vec![],
                vec!["digest unmatched", "digest unmatched", "digest unmatched"],
                vec!["0 bytes", "NUL", "129 bytes"],
            ),
            (vec![seen(1, Some(5)), failed(1)], vec![], vec!["REF1 seen_pending", "REF1 failed"], vec![]),
            (vec![failed(1), seen(1, None)], vec![], vec!["REF1 failed"], vec!["waits for no money"]),
            (vec![seen(2, Some(50))], vec![], vec![], vec![]),
            (vec![seen(2, Some(51))], vec![], vec!["REF2 seen_pending"], vec![]),
            (vec![failed(4), seen(6, None)], vec![], vec![], vec!["a withdrawal", "no transaction"]),
        ];
        for (updates, known, written, refused) in rows {
            let poll = DepositPoll { updates, ..DepositPoll::default() };
            let (writes, messages) = checked(&poll, known);
            assert_eq!(writes, written, "{:?}", poll.updates);
            assert_eq!(messages.len(), refused.len(), "{messages:?}");
            assert!(messages.iter().zip(refused).all(|(message, word)| message.contains(word)), "{messages:?}");
        }
    }

    /// What arrives for a deposit may differ from what was asked for, as the asset's rules say.
    #[test]
    fn rule_6_the_tolerance_is_the_asset_s() {
        for (tolerance_ppm, arrives, state) in [
            (None, "50", "ready"),
            (Some(0), "100", "ready"),
            (Some(0), "100.01", "on_hold"),
            (Some(50_000), "95", "ready"),
            (Some(50_000), "94.99", "on_hold"),
        ] {
            let mut context = job_context(Hook::PollPendingDeposits, None, UnknownEffects::Hold);
            context.assets[0].deposit.tolerance_ppm = tolerance_ppm;
            let asked = Transaction { amount_expected: Some(amount("100")), ..deposit(1, DepositState::AwaitingFunds) };
            let poll = DepositPoll { updates: vec![received(1, arrives, "c")], ..DepositPoll::default() };
            let checked = check(&context, &poll, vec![asked], vec![], 9);
            let after = checked.writes.iter().find_map(|write| match write {
                Write::Transaction { after, .. } => Some(after.state.as_str()),
                _ => None,
            });
            assert_eq!((after, checked.refused.len()), (Some(state), 0), "{tolerance_ppm:?} {arrives}");
        }
    }

    #[test]
    fn rule_2_unmatched_credits() {
        let credit = |credit: &str, units| UnmatchedCredit { external_id: credit.into(), amount: amount(units), reference: "r\0".into() };
        let unmatched = vec![credit("c", "5"), credit("c", "5"), credit("d", "0"), credit("e", "5"), credit("\0", "5")];
        let poll = DepositPoll { updates: vec![received(1, "100", "e")], unmatched, more: false };
        let (writes, refused) = checked(&poll, vec![]);
        // Credit e was 100 when it paid, and is 5 now.
        assert_eq!(writes, ["plan", "REF1 ready", "e paid REF1", "c unmatched", "digest unmatched", "digest unmatched"]);
        assert_eq!(refused.len(), 3);
        assert_eq!(named(&poll).len(), 1);
        let asked = credits(&poll);
        assert_eq!(asked.iter().filter(|id| !id.starts_with("sha256:")).collect::<Vec<_>>(), ["\0", "c", "d", "e"]);
    }

    #[test]
    fn ids_that_are_none_are_not_asked_for() {
        let update = |id: &str| DepositUpdate::Failed { id: id.into(), message: String::new() };
        let poll = DepositPoll { updates: vec![update("tx_"), update("\0"), update(&id(1)), update(&id(1))], ..DepositPoll::default() };
        assert_eq!(named(&poll), [TransactionId::from_bits([1; 16])]);
        assert_eq!(crate::samples::rules(Asset::Native).asset, own()[0].asset);
    }
}

#[cfg(test)]
pub(crate) mod table;
