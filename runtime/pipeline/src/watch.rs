//! The ledger's payments: read in order, matched to withdrawals, committed together with the cursor (money rule 2).

use windlass_domain::commit::{Commit, CommitError, Lease, Next, WorkKind, Write};
use windlass_domain::ids::TimeMs;
use windlass_domain::job::Hook;
use windlass_domain::ports::ledger::{From, LedgerError, PaymentPage};
use windlass_domain::ports::store::MatchContext;
use windlass_domain::rules::{Assessment, assess};
use windlass_domain::tenant::{IncomingPayment, Matched};
use windlass_domain::transaction::{History, State};
use windlass_domain::withdrawal::{self, WithdrawalEvent, WithdrawalState};

use crate::{Pipeline, StepError, only, under};

/// Transactions asked for at once: the most that Stellar RPC gives.
const PAGE: u32 = 200;

/// How long a network waits whose history is not whole, in milliseconds.
const ALARM_MS: u64 = 60_000;

impl Pipeline {
    /// Reads one page of every network that is due. The number of networks that had one, or that were looked at in vain.
    pub async fn step_watch(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Watch).await?;
        for lease in &leases {
            if let Err(error) = self.watch(lease).await {
                if let StepError::Ledger(LedgerError::OutOfRange { asked, oldest, .. }) = &error
                    && asked < oldest
                {
                    tracing::error!(
                        network = lease.work.subject,
                        ledger.asked = asked,
                        ledger.oldest = oldest,
                        "ledger.watch: the server's history begins after our cursor. Nothing is skipped: name a server with a longer history"
                    );
                    self.commit_all(vec![only(lease, Next::After(ALARM_MS))]).await;
                    continue;
                }
                tracing::warn!(network = lease.work.subject, error = %crate::chain(&error), "ledger.watch failed; nothing is skipped, trying again");
                self.commit_all(vec![only(lease, Next::After(self.settings.watch_interval_ms))]).await;
            }
        }
        Ok(leases.len())
    }

    async fn watch(&self, lease: &Lease) -> Result<(), StepError> {
        let network = &lease.work.subject;
        let ledger = self.ledger(network)?;
        let from = match self.parts.store.cursor(network).await? {
            Some(text) => parse(&text),
            None => {
                // The first time: from the ledger after the newest. No tenant has shown an account to a user yet.
                let start = From::Ledger(ledger.head().await?.sequence);
                let write = Write::Cursor { source: network.clone(), cursor: show(&start) };
                self.commit_one(under(lease, Next::Keep, vec![write])).await?;
                start
            }
        };
        let page = ledger.payments(&from, PAGE).await?;
        let after_ms = if page.at_end { self.settings.watch_interval_ms } else { 0 };
        let next = under(lease, Next::After(after_ms), self.page_writes(network, &page, &from));
        let mut together = next.clone();
        together.writes.splice(0..0, self.matched(&page.payments).await?);
        match self.commit_one(together).await {
            // Two payments of one page may belong to the same withdrawal, and a person may have changed one meanwhile.
            Err(CommitError::Stale(_) | CommitError::Conflict { .. }) => {
                for payment in &page.payments {
                    self.alone(lease, payment).await?;
                }
                Ok(self.commit_one(next).await?)
            }
            other => Ok(other?),
        }
    }

    /// One payment for itself: when it cannot be handled it is stored as failed, and is not in the way.
    async fn alone(&self, lease: &Lease, payment: &IncomingPayment) -> Result<(), StepError> {
        let mut tries = 0;
        loop {
            let writes = self.matched(std::slice::from_ref(payment)).await?;
            match self.commit_one(under(lease, Next::Keep, writes)).await {
                Err(CommitError::Stale(_)) if tries < 5 => tries += 1,
                Err(error @ (CommitError::Stale(_) | CommitError::Conflict { .. })) => {
                    let key = format!("{}:{}", payment.transaction_hash, payment.operation_index);
                    let failed = self.failed(&payment.network, key, error.to_string());
                    return Ok(self.commit_one(under(lease, Next::Keep, vec![failed])).await?);
                }
                other => return Ok(other?),
            }
        }
    }

    async fn commit_one(&self, commit: Commit) -> Result<(), CommitError> {
        self.parts.store.commit(vec![commit]).await.into_iter().next().unwrap_or(Ok(()))
    }

    /// The cursor and what could not be decoded.
    fn page_writes(&self, network: &str, page: &PaymentPage, from: &From) -> Vec<Write> {
        let mut writes: Vec<Write> =
            page.undecodable.iter().map(|(hash, reason)| self.failed(network, hash.clone(), reason.clone())).collect();
        if page.next != *from {
            writes.push(Write::Cursor { source: network.to_owned(), cursor: show(&page.next) });
        }
        writes
    }

    fn failed(&self, network: &str, key: String, reason: String) -> Write {
        tracing::error!(network, ledger.key = key, reason, "ledger.payment could not be handled: stored as failed");
        Write::Failed { source: network.to_owned(), key, reason, at: self.parts.clock.now() }
    }

    async fn matched(&self, payments: &[IncomingPayment]) -> Result<Vec<Write>, StepError> {
        let contexts = self.parts.store.match_payments(payments).await?;
        let now = self.parts.clock.now();
        let pairs = payments.iter().zip(contexts).filter_map(|(payment, context)| Some((payment, context?)));
        Ok(pairs.flat_map(|(payment, context)| self.take_in(payment, &context, now)).collect())
    }

    /// What one payment to a tenant's account writes: the fact, and the withdrawal that it pays for with its payout job.
    fn take_in(&self, payment: &IncomingPayment, context: &MatchContext, now: TimeMs) -> Vec<Write> {
        let incoming =
            |matched| Write::Incoming { tenant: context.tenant.id.clone(), payment: Box::new(payment.clone()), matched, at: now };
        match decide(payment, context, now) {
            Err(reason) => vec![incoming(Matched::Unmatched(reason))],
            Ok((before, after, history)) => {
                let mut writes = vec![incoming(Matched::Transaction(after.id.clone()))];
                let version = context.active.as_ref().filter(|version| version.hooks.contains(&Hook::ProcessWithdrawal));
                if let (State::Withdrawal(WithdrawalState::Received), Some(version)) = (after.state, version) {
                    let job = self.new_job(Hook::ProcessWithdrawal, Some(&after), version, now);
                    writes.push(Write::job_work(&job, 0));
                    writes.push(Write::NewJob(Box::new(job)));
                }
                writes.push(Write::Transaction { before, after: Box::new(after), history });
                writes
            }
        }
    }
}

type Change = ((State, i64), windlass_domain::transaction::Transaction, History);

/// Purely: the withdrawal that the payment pays for, after it; or why it pays for none. Memo with its type, the
/// operation's own asset and issuer, and the state have to fit.
fn decide(payment: &IncomingPayment, context: &MatchContext, now: TimeMs) -> Result<Change, String> {
    if payment.from == payment.to.as_str() {
        return Err("the account has paid itself".to_owned());
    }
    let Some(memo) = &payment.memo else { return Err("it carries no memo".to_owned()) };
    let Some(before) = &context.transaction else { return Err(format!("no withdrawal has the memo {memo}")) };
    if before.asset != payment.asset {
        return Err(format!("it pays {}, and withdrawal {} is of {}", payment.asset, before.id, before.asset));
    }
    match before.state {
        State::Withdrawal(WithdrawalState::AwaitingPayment) => {}
        State::Withdrawal(WithdrawalState::Expired) => {
            let revived = match &context.rules {
                Some(rules) => rules.withdrawal.revives(before.expires_at, now),
                None => Err("it has expired, and the tenant has no rules for the asset any more"),
            };
            revived.map_err(|reason| format!("withdrawal {} with this memo: {reason}", before.id))?;
        }
        state => return Err(format!("withdrawal {} with this memo is {} already", before.id, state.as_str())),
    }
    let pays_out = context.active.as_ref().is_some_and(|version| version.hooks.contains(&Hook::ProcessWithdrawal));
    let assessment = match &context.rules {
        _ if !pays_out => Assessment::OnHold("the tenant has no active version that pays withdrawals out".to_owned()),
        None => Assessment::OnHold("the tenant has no rules for the asset any more".to_owned()),
        Some(rules) => assess(
            payment.amount,
            before.amount_expected,
            rules.withdrawal.tolerance_ppm.or(Some(context.tenant.tolerance_ppm)),
            &rules.withdrawal,
            rules.decimals,
        )
        .unwrap_or_else(|error| Assessment::OnHold(format!("the fee cannot be computed: {error}"))),
    };
    let event = WithdrawalEvent::PaymentReceived {
        amount_in: payment.amount,
        assessment,
        from: payment.from.clone(),
        hash: payment.transaction_hash.clone(),
    };
    let after = withdrawal::step(before, &event, now).map_err(|refused| refused.to_string())?;
    let history = History {
        version: after.version,
        from: Some(before.state),
        to: after.state,
        event: event.name().to_owned(),
        actor: "ledger".to_owned(),
        detail: Some(format!("{}:{}", payment.transaction_hash, payment.operation_index)),
        at: now,
    };
    Ok(((before.state, before.version), after, history))
}

/// As stored: `ledger:<sequence>` or `cursor:<cursor of the API>`.
fn show(from: &From) -> String {
    match from {
        From::Ledger(sequence) => format!("ledger:{sequence}"),
        From::Cursor(cursor) => format!("cursor:{cursor}"),
    }
}

fn parse(text: &str) -> From {
    match text.strip_prefix("ledger:").and_then(|sequence| sequence.parse().ok()) {
        Some(sequence) => From::Ledger(sequence),
        None => From::Cursor(text.strip_prefix("cursor:").unwrap_or(text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::manifest::UnknownEffects;
    use windlass_domain::rules::{AssetRules, DirectionRules, Late};
    use windlass_domain::transaction::Transaction;
    use windlass_domain::{Asset, Memo};

    use super::*;
    use crate::samples::{account, amount, deposit, rules, tenant, usd, version};

    fn withdrawal() -> Transaction {
        let state = State::Withdrawal(WithdrawalState::AwaitingPayment);
        let amount_expected = Some(amount("100"));
        Transaction { state, memo: Some(Memo::Id(7)), amount_expected, ..deposit(1, windlass_domain::deposit::DepositState::AwaitingFunds) }
    }

    fn context() -> MatchContext {
        let active = Some(version(UnknownEffects::Hold));
        MatchContext { tenant: tenant(), transaction: Some(withdrawal()), rules: Some(rules(Asset::Native)), active }
    }

    fn payment(units: &str) -> IncomingPayment {
        IncomingPayment {
            network: "n".into(),
            transaction_hash: "cafe".into(),
            operation_index: 3,
            from: account('U').to_string(),
            to: account('A'),
            asset: Asset::Native,
            amount: amount(units),
            memo: Some(Memo::Id(7)),
            ledger: 5,
            closed_at: 1,
        }
    }

    #[test]
    fn rule_2_what_a_payment_pays_for() {
        let at = |state| Transaction { state: State::Withdrawal(state), expires_at: Some(5), ..withdrawal() };
        let late = |rules| MatchContext { transaction: Some(at(WithdrawalState::Expired)), rules, ..context() };
        let of_late = |late, revive_within_ms| {
            let rules = rules(Asset::Native);
            Some(AssetRules { withdrawal: DirectionRules { late, revive_within_ms, ..rules.withdrawal.clone() }, ..rules })
        };
        let strict =
            AssetRules { withdrawal: DirectionRules { tolerance_ppm: Some(0), ..rules(Asset::Native).withdrawal }, ..rules(Asset::Native) };
        let unpaying = windlass_domain::tenant::Version { hooks: vec![Hook::AfterDeposit], ..version(UnknownEffects::Hold) };
        let rows: Vec<(IncomingPayment, MatchContext, Result<&str, &str>)> = vec![
            (payment("100"), context(), Ok("received")),
            (payment("110"), context(), Ok("received")),
            (payment("110.01"), context(), Ok("on_hold")),
            (payment("1"), context(), Ok("too_small")),
            (payment("1001"), context(), Ok("too_large")),
            (payment("100"), MatchContext { rules: None, ..context() }, Ok("on_hold")),
            (payment("100"), MatchContext { active: None, ..context() }, Ok("on_hold")),
            (payment("100"), MatchContext { active: Some(unpaying), ..context() }, Ok("on_hold")),
            (IncomingPayment { memo: None, ..payment("100") }, context(), Err("no memo")),
            (payment("100"), MatchContext { transaction: None, ..context() }, Err("no withdrawal has the memo id:7")),
            (IncomingPayment { asset: usd(), ..payment("100") }, context(), Err("it pays USD:")),
            (payment("100"), MatchContext { transaction: Some(at(WithdrawalState::Received)), ..context() }, Err("is received already")),
            (payment("100"), MatchContext { transaction: Some(at(WithdrawalState::Completed)), ..context() }, Err("is completed already")),
            // The asset's tolerance goes before the tenant's.
            (payment("100.01"), MatchContext { rules: Some(strict), ..context() }, Ok("on_hold")),
            // Late by 4.
            (payment("100"), late(of_late(Late::Revive, 4)), Ok("received")),
            (payment("100"), late(of_late(Late::Revive, 3)), Err("longer ago")),
            (payment("100"), late(of_late(Late::Hold, 4)), Err("for a person")),
            (payment("100"), late(None), Err("no rules for the asset")),
            (IncomingPayment { from: account('A').to_string(), ..payment("100") }, context(), Err("has paid itself")),
        ];
        for (payment, context, expected) in rows {
            match (decide(&payment, &context, 9), expected) {
                (Ok((before, after, history)), Ok(state)) => {
                    let read = context.transaction.as_ref().map(|transaction| (transaction.state, 1));
                    assert_eq!((Some(before), after.state.as_str(), after.version), (read, state, 2), "{payment:?}");
                    assert_eq!((after.amount_in, after.stellar_transaction_id.as_deref()), (Some(payment.amount), Some("cafe")));
                    assert_eq!((history.to, history.version, history.detail.as_deref()), (after.state, 2, Some("cafe:3")));
                }
                (Err(said), Err(word)) => assert!(said.contains(word), "{said}"),
                (said, expected) => panic!("{said:?}, and not {expected:?}"),
            }
        }
    }

    #[test]
    fn cursors_go_to_text_and_back() {
        for from in [From::Ledger(7), From::Cursor("42".into()), From::Cursor("ledger:x".into())] {
            assert_eq!(parse(&show(&from)), from);
        }
    }
}
