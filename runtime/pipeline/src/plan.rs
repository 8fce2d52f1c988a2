//! Ready deposits become payments of one signed envelope per account (money rule 1).

use std::collections::BTreeSet;

use windlass_domain::commit::{Commit, Lease, Next, WorkKey, WorkKind, Write};
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::envelope::{Envelope, EnvelopePayment, EnvelopeState, Purpose};
use windlass_domain::ids::{AccountId, EnvelopeId, TenantId, TimeMs};
use windlass_domain::limits::ENVELOPE_PAYMENTS;
use windlass_domain::ports::ledger::{Draft, Entries, PaymentOperation};
use windlass_domain::ports::store::PlanContext;
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::{Amount, Asset};

use crate::{Pipeline, StepError, only, together, under};

/// How long an account waits whose money or sequence number is not as it should be, in milliseconds.
const WAIT_MS: u64 = 10_000;

/// What a deposit waits for whose asset the account is short of.
const TOO_LITTLE: &str = "the distribution account holds too little of the asset: send it more";

impl Pipeline {
    /// Plans every account that is due. The number of accounts.
    pub async fn step_plan(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Plan).await?;
        let claimed = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).collect();
        let contexts = self.contexts(claimed, |store, keys| store.plans(keys)).await?;
        let commits = together(contexts.iter().map(|(lease, context)| async move {
            let Some(context) = context else { return only(lease, Next::Done) };
            self.plan(lease, context).await.unwrap_or_else(|error| {
                tracing::warn!(tenant.id = %context.account.tenant, account = %context.account.account, error = %crate::chain(&error), "deposit.plan failed; trying again");
                only(lease, Next::After(self.settings.retry_base_ms))
            })
        }))
        .await;
        let count = commits.len();
        self.commit_all(commits).await;
        Ok(count)
    }

    async fn plan(&self, lease: &Lease, context: &PlanContext) -> Result<Commit, StepError> {
        let chosen = choose(context);
        // The verdict of a live envelope wakes this account up again.
        if context.live.is_some() || chosen.is_empty() {
            return Ok(only(lease, Next::Done));
        }
        let ledger = self.ledger(&context.account.network)?;
        let (accounts, trustlines) = asked(&context.account.account, &chosen);
        let entries = ledger.entries(&accounts, &trustlines).await?;
        let now = self.parts.clock.now();
        match decide(context, &chosen, &entries) {
            Decision::Wait(why) => {
                tracing::warn!(tenant.id = %context.account.tenant, account = %context.account.account, reason = why, "deposit.plan waits");
                Ok(under(lease, Next::After(WAIT_MS), tell(&chosen, why, now)))
            }
            Decision::Go { sequence, pay, blocked, short } => {
                let mut writes = tell(&short, TOO_LITTLE, now);
                for (transaction, message) in blocked {
                    writes.extend(block(transaction, message, now));
                    writes.push(Write::trust_work(&transaction.tenant, &transaction.id, self.settings.trust_interval_ms));
                }
                if !pay.is_empty() {
                    let head = ledger.head().await?;
                    let max_time_s = (now / 1_000).max(head.close_time_s) + self.settings.envelope_bound_s;
                    let draft = Draft {
                        network: context.account.network.clone(),
                        source: context.account.account.clone(),
                        sequence,
                        fee_per_operation: ledger.fee_per_operation().await?,
                        max_time_s,
                        memo: pay.first().and_then(|transaction| transaction.memo.clone()),
                        payments: pay.iter().filter_map(|transaction| operation(transaction)).collect(),
                    };
                    let envelope = self.sign(&draft, &context.account.tenant, &pay, entries.latest_ledger.min(head.sequence), now).await?;
                    for transaction in &pay {
                        writes.extend(change(transaction, &DepositEvent::EnvelopeSigned, now, Some(envelope.hash.clone())));
                    }
                    let key = WorkKey { tenant: Some(envelope.tenant.clone()), kind: WorkKind::Envelope, subject: envelope.id.to_string() };
                    writes.push(Write::NewEnvelope(Box::new(envelope)));
                    writes.push(Write::Work { key, after_ms: 0 });
                }
                Ok(under(lease, if pay.is_empty() { Next::After(0) } else { Next::Done }, writes))
            }
        }
    }

    async fn sign(&self, draft: &Draft, tenant: &TenantId, pay: &[&Transaction], ledger_noted: u32, now: TimeMs) -> Result<Envelope, StepError> {
        let refused = |error: windlass_domain::ports::ledger::BuildError| {
            StepError::Ledger(windlass_domain::ports::ledger::LedgerError::Undecodable { url: draft.network.clone(), reason: error.0 })
        };
        let unsigned = self.parts.builder.build(draft).map_err(refused)?;
        let signature = self.parts.signer.sign(tenant, &draft.source, &unsigned.hash).await?;
        let xdr = self.parts.builder.assemble(&unsigned, &[(draft.source.clone(), signature)]).map_err(refused)?;
        let payments = pay.iter().zip(0..).map(|(transaction, operation_index)| EnvelopePayment {
            transaction: transaction.id.clone(),
            purpose: Purpose::Payment,
            ordinal: 0,
            operation_index,
        });
        Ok(Envelope {
            tenant: tenant.clone(),
            id: EnvelopeId::from_bits(self.parts.random.bits()),
            network: draft.network.clone(),
            source: draft.source.clone(),
            sequence: draft.sequence,
            hash: hex(&unsigned.hash),
            xdr,
            max_time_s: draft.max_time_s,
            ledger_noted,
            state: EnvelopeState::Signed,
            bound_passed_at: None,
            sent: 0,
            ledger: None,
            result: None,
            payments: payments.collect(),
            created_at: now,
            updated_at: now,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(lease: &Lease) -> Option<(TenantId, AccountId)> {
    Some((lease.work.tenant.clone()?, AccountId::new(lease.work.subject.clone()).ok()?))
}

/// What the next envelope is made of: the deposits that are ready, oldest first.
fn choose(context: &PlanContext) -> Vec<&Transaction> {
    let ready = context.ready.iter().filter(|transaction| transaction.state == State::Deposit(DepositState::Ready));
    ready.take(ENVELOPE_PAYMENTS).collect()
}

/// A Stellar memo belongs to the whole envelope, so a deposit with a memo goes alone; so does one whose envelope failed.
fn goes_alone(context: &PlanContext, transaction: &Transaction) -> bool {
    transaction.memo.is_some() || context.alone.contains(&transaction.id)
}

/// Entries to ask the ledger for; each once.
fn asked(source: &AccountId, chosen: &[&Transaction]) -> (Vec<AccountId>, Vec<(AccountId, Asset)>) {
    let mut accounts = BTreeSet::from([source.clone()]);
    let mut trustlines = BTreeSet::new();
    for transaction in chosen {
        let destination = destination(transaction);
        for account in destination.iter().chain([source]) {
            if transaction.asset != Asset::Native && transaction.asset.issuer() != Some(account) {
                trustlines.insert((account.clone(), transaction.asset.clone()));
            }
        }
        accounts.extend(destination);
    }
    (accounts.into_iter().collect(), trustlines.into_iter().collect())
}

pub(crate) fn destination(transaction: &Transaction) -> Option<AccountId> {
    AccountId::new(transaction.account.clone()?).ok()
}

fn operation(transaction: &Transaction) -> Option<PaymentOperation> {
    Some(PaymentOperation { destination: destination(transaction)?, asset: transaction.asset.clone(), amount: transaction.amount_out? })
}

#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    /// Nothing can be paid now: why.
    Wait(&'static str),
    /// Sign an envelope with these (perhaps none), and set these aside; these wait until the account holds more.
    Go { sequence: i64, pay: Vec<&'a Transaction>, blocked: Vec<(&'a Transaction, &'static str)>, short: Vec<&'a Transaction> },
}

/// Purely: what the next envelope of the account is: the oldest deposit that can be paid, and with it those that may share
/// its envelope. One that cannot be paid is not in the way of those behind it.
fn decide<'a>(context: &PlanContext, chosen: &[&'a Transaction], entries: &Entries) -> Decision<'a> {
    let source = &context.account.account;
    let Some(account) = entries.accounts.get(source) else {
        return Decision::Wait("the distribution account does not exist on the ledger: create and fund it");
    };
    match context.newest {
        // Our own record is ahead of the answer: a server that lags.
        Some((newest, EnvelopeState::Succeeded | EnvelopeState::Failed)) if account.sequence < newest => {
            return Decision::Wait("the ledger's answer is older than our own last envelope");
        }
        // An envelope that was found dead did not use its number; if it is used all the same, somebody else has the key,
        // or the history that was asked is not whole. Paying now could pay twice.
        Some((newest, EnvelopeState::Dead)) if account.sequence >= newest => {
            return Decision::Wait("the sequence number of an envelope that came to nothing was used: another program uses the account's key, or the ledger's history is not whole. A person has to look");
        }
        _ => {}
    }
    let (mut pay, mut blocked, mut short) = (Vec::new(), Vec::new(), Vec::new());
    let mut spent: std::collections::BTreeMap<&Asset, Amount> = std::collections::BTreeMap::new();
    let mut is_full = false;
    for transaction in chosen.iter().copied() {
        let Some(amount) = transaction.amount_out else { continue };
        if let Err(message) = can_receive(transaction, entries) {
            blocked.push((transaction, message));
            continue;
        }
        let asset = &transaction.asset;
        let total = spent.get(asset).copied().unwrap_or(Amount::ZERO).plus(amount);
        match total {
            Ok(total) if holds(source, asset, total, entries) => {
                let alone = goes_alone(context, transaction);
                if !is_full && (pay.is_empty() || !alone) {
                    spent.insert(asset, total);
                    pay.push(transaction);
                    is_full = alone;
                }
            }
            _ => short.push(transaction),
        }
    }
    if pay.is_empty() && blocked.is_empty() && !short.is_empty() {
        return Decision::Wait(TOO_LITTLE);
    }
    match account.sequence.checked_add(1) {
        Some(sequence) => Decision::Go { sequence, pay, blocked, short },
        None => Decision::Wait("the distribution account's sequence numbers are used up"),
    }
}

/// Does the account hold so much of the asset? Reserves of XLM are left to the ledger.
fn holds(source: &AccountId, asset: &Asset, amount: Amount, entries: &Entries) -> bool {
    match asset {
        Asset::Native => entries.accounts.get(source).is_some_and(|account| account.balance >= amount),
        Asset::Issued { issuer, .. } if issuer == source => true,
        Asset::Issued { .. } => entries.trustlines.get(&(source.clone(), asset.clone())).is_some_and(|line| line.balance >= amount),
    }
}

/// Can the deposit's account take its amount? The message is for the user.
pub(crate) fn can_receive(transaction: &Transaction, entries: &Entries) -> Result<(), &'static str> {
    let Some(account) = destination(transaction) else { return Err("the account is not a G... account") };
    if !entries.accounts.contains_key(&account) {
        return Err("the account does not exist yet on the Stellar network: create it");
    }
    if transaction.asset == Asset::Native || transaction.asset.issuer() == Some(&account) {
        return Ok(());
    }
    let Some(line) = entries.trustlines.get(&(account, transaction.asset.clone())) else {
        return Err("the account has no trustline for the asset: add it");
    };
    let room = line.limit.minus(line.balance).unwrap_or(Amount::ZERO);
    match () {
        () if !line.authorized => Err("the account's trustline is not authorised by the issuer"),
        () if transaction.amount_out.is_none_or(|amount| room < amount) => Err("the account's trustline is full: raise its limit"),
        () => Ok(()),
    }
}

/// Says to those that do not know it yet what they wait for.
fn tell(waiting: &[&Transaction], why: &str, now: TimeMs) -> Vec<Write> {
    let waits = DepositEvent::PaymentWaits { message: why.to_owned() };
    let untold = waiting.iter().filter(|transaction| transaction.message.as_deref() != Some(why));
    untold.filter_map(|transaction| change(transaction, &waits, now, None)).collect()
}

fn block(transaction: &Transaction, message: &str, now: TimeMs) -> Option<Write> {
    change(transaction, &DepositEvent::CannotReceive { message: message.to_owned() }, now, Some(message.to_owned()))
}

/// The write of a deposit's event; none where the event does not fit, which is logged: the state was read under the
/// lease, so it means that somebody else was there first.
pub(crate) fn change(before: &Transaction, event: &DepositEvent, now: TimeMs, detail: Option<String>) -> Option<Write> {
    match deposit::step(before, event, now) {
        Ok(after) => Some(Write::Transaction {
            before: (before.state, before.version),
            history: History {
                version: after.version,
                from: Some(before.state),
                to: after.state,
                event: event.name().to_owned(),
                actor: "driver".to_owned(),
                detail,
                at: now,
            },
            after: Box::new(after),
        }),
        Err(refused) => {
            tracing::warn!(transaction.id = %before.id, error = %refused, "deposit.step refused");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::ports::ledger::TrustlineEntry;
    use windlass_domain::{Memo, TransactionId};

    use super::*;
    use crate::samples::{account, amount, deposit, entries, plan_context, usd};

    fn ready(number: u8) -> Transaction {
        deposit(number, DepositState::Ready)
    }

    fn chosen(context: &PlanContext) -> Vec<&str> {
        match decide(context, &choose(context), &entries()) {
            Decision::Go { pay, .. } => pay.iter().map(|transaction| transaction.reference.as_str()).collect(),
            Decision::Wait(why) => panic!("{why}"),
        }
    }

    #[test]
    fn rule_1_who_shares_an_envelope() {
        let memo = |number| Transaction { memo: Some(Memo::Id(7)), ..ready(number) };
        let rows: Vec<(Vec<Transaction>, Vec<u8>, Vec<&str>)> = vec![
            (vec![], vec![], vec![]),
            (vec![ready(1), ready(2)], vec![], vec!["REF1", "REF2"]),
            (vec![ready(1), memo(2), ready(3)], vec![], vec!["REF1", "REF3"]),
            (vec![memo(1), ready(2), memo(3)], vec![], vec!["REF1"]),
            (vec![ready(1), ready(2), ready(3)], vec![2], vec!["REF1", "REF3"]),
            (vec![ready(1), ready(2), ready(3)], vec![1, 3], vec!["REF1"]),
            (vec![deposit(1, DepositState::Submitted), ready(2)], vec![], vec!["REF2"]),
        ];
        for (ready, alone, expected) in rows {
            let small = |transaction| Transaction { amount_out: Some(amount("1")), ..transaction };
            let mut context = plan_context(ready.into_iter().map(small).collect(), None);
            context.alone = alone.into_iter().map(|number| TransactionId::from_bits([number; 16])).collect();
            assert_eq!(chosen(&context), expected);
        }
        let many = plan_context((0..=ENVELOPE_PAYMENTS).map(|_| ready(1)).collect(), None);
        assert_eq!(choose(&many).len(), ENVELOPE_PAYMENTS);
    }

    /// `wait`, or the sequence number and how many are paid and blocked.
    fn decided(context: &PlanContext, entries: &Entries) -> Option<(i64, usize, usize)> {
        match decide(context, &choose(context), entries) {
            Decision::Wait(_) => None,
            Decision::Go { sequence, pay, blocked, .. } => Some((sequence, pay.len(), blocked.len())),
        }
    }

    #[test]
    fn rule_1_the_sequence_number_is_never_guessed() {
        use EnvelopeState::{Dead, Failed, Succeeded};
        for (newest, expected) in [
            (None, Some(11)),
            (Some((10, Succeeded)), Some(11)),
            (Some((10, Failed)), Some(11)),
            (Some((9, Succeeded)), Some(11)),
            // The answer is older than what we know.
            (Some((11, Succeeded)), None),
            (Some((11, Failed)), None),
            (Some((11, Dead)), Some(11)),
            // A dead envelope's number was used all the same.
            (Some((10, Dead)), None),
            (Some((9, Dead)), None),
        ] {
            let context = plan_context(vec![ready(1)], newest);
            assert_eq!(decided(&context, &entries()).map(|(sequence, ..)| sequence), expected, "{newest:?}");
        }
        let context = plan_context(vec![ready(1)], None);
        let mut without = entries();
        without.accounts.remove(&account('A'));
        assert_eq!(decided(&context, &without), None, "no account");
        let mut used_up = entries();
        used_up.accounts.get_mut(&account('A')).unwrap().sequence = i64::MAX;
        assert_eq!(decided(&context, &used_up), None, "no number is left");
    }

    #[test]
    fn no_more_is_planned_than_the_account_holds() {
        let of = |number, asset, text| Transaction { asset, amount_out: Some(amount(text)), ..ready(number) };
        let xlm = |number, text| of(number, Asset::Native, text);
        for (deposits, expected) in [
            (vec![xlm(1, "60"), xlm(2, "40")], Some((11, 2, 0))),
            (vec![xlm(1, "60"), xlm(2, "50"), xlm(3, "40")], Some((11, 2, 0))),
            // One that goes alone and is too large is not in the way.
            (vec![Transaction { memo: Some(Memo::Id(7)), ..xlm(1, "100.1") }, xlm(2, "40")], Some((11, 1, 0))),
            (vec![xlm(1, "100.1")], None),
            // Each asset for itself.
            (vec![xlm(1, "100"), of(2, usd(), "100")], Some((11, 2, 0))),
            (vec![xlm(1, "100.1"), of(2, usd(), "100.1")], Some((11, 0, 1))),
            (vec![xlm(1, "9223372036.8"), xlm(2, "922337203685.4")], None),
        ] {
            let context = plan_context(deposits.clone(), None);
            assert_eq!(decided(&context, &entries()), expected, "{deposits:?}");
        }
    }

    #[test]
    fn what_an_account_can_take() {
        let usd_of = |text| Transaction { asset: usd(), amount_out: Some(amount(text)), ..ready(1) };
        let to = |letter, transaction| Transaction { account: Some(account(letter).to_string()), ..transaction };
        let line = entries().trustlines[&(account('U'), usd())];
        let rows = [
            (ready(1), Some(line), Ok(())),
            (usd_of("100"), Some(line), Ok(())),
            (usd_of("100.01"), Some(line), Err("full")),
            (usd_of("1"), Some(TrustlineEntry { balance: amount("99.5"), ..line }), Err("full")),
            (usd_of("1"), Some(TrustlineEntry { authorized: false, ..line }), Err("not authorised")),
            (usd_of("1"), None, Err("no trustline")),
            (ready(1), None, Ok(())),
            (to('V', ready(1)), Some(line), Err("does not exist")),
            (Transaction { account: None, ..ready(1) }, Some(line), Err("not a G")),
        ];
        for (transaction, line, expected) in rows {
            let mut entries = entries();
            match line {
                Some(line) => entries.trustlines.insert((account('U'), usd()), line),
                None => entries.trustlines.remove(&(account('U'), usd())),
            };
            match (can_receive(&transaction, &entries), expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(word)) => assert!(said.contains(word), "{said}"),
                (said, expected) => panic!("{said:?}, and not {expected:?}: {transaction:?}"),
            }
        }
        let mut with_issuer = entries();
        with_issuer.accounts.insert(account('I'), with_issuer.accounts[&account('U')]);
        assert_eq!(can_receive(&to('I', usd_of("1000")), &with_issuer), Ok(()), "the issuer takes its own asset");
    }

    #[test]
    fn each_entry_is_asked_for_once() {
        let deposits = [ready(1), Transaction { asset: usd(), ..ready(2) }, Transaction { asset: usd(), ..ready(3) }];
        let chosen: Vec<&Transaction> = deposits.iter().collect();
        let expected = (vec![account('A'), account('U')], vec![(account('A'), usd()), (account('U'), usd())]);
        assert_eq!(asked(&account('A'), &chosen), expected);
    }
}
