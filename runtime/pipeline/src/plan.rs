//! Ready deposits become operations of one signed envelope per account: their payments, or the accounts that they need
//! first (money rule 1).

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::commit::{Commit, Lease, Next, WorkKey, WorkKind, Write};
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::envelope::{Envelope, EnvelopePayment, EnvelopeState, Purpose};
use windlass_domain::ids::{AccountId, EnvelopeId, TenantId, TimeMs};
use windlass_domain::limits::ENVELOPE_PAYMENTS;
use windlass_domain::ports::ledger::{Draft, DraftOperation, Entries};
use windlass_domain::ports::store::PlanContext;
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::{Address, Amount, Asset, Memo};

use crate::receive::{Fate, destination, fate};
use crate::{Pipeline, StepError, only, together, under};

/// How long an account waits whose money or sequence number is not as it should be, in milliseconds.
const WAIT_MS: u64 = 10_000;

/// What a deposit waits for whose asset the account is short of.
const TOO_LITTLE: &str = "the distribution account holds too little of the asset, or too little XLM above its reserve: send it more";

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
        let fee_per_operation = ledger.fee_per_operation().await?;
        let now = self.parts.clock.now();
        match decide(context, &chosen, &entries, fee_per_operation) {
            Decision::Wait(why) => {
                tracing::warn!(tenant.id = %context.account.tenant, account = %context.account.account, reason = why, "deposit.plan waits");
                Ok(under(lease, Next::After(WAIT_MS), tell(&chosen, why, now)))
            }
            Decision::Go { sequence, planned, blocked, short } => {
                let mut writes = tell(&short, TOO_LITTLE, now);
                for (transaction, message) in blocked {
                    writes.extend(block(transaction, message, now));
                    writes.push(Write::trust_work(&transaction.tenant, &transaction.id, self.settings.trust_interval_ms));
                }
                let nothing = planned.is_empty();
                if !nothing {
                    let head = ledger.head().await?;
                    let max_time_s = (now / 1_000).max(head.close_time_s) + self.settings.envelope_bound_s;
                    let draft = Draft {
                        network: context.account.network.clone(),
                        source: context.account.account.clone(),
                        sequence,
                        fee_per_operation,
                        max_time_s,
                        memo: planned.first().and_then(Planned::memo),
                        operations: planned.iter().map(|one| one.operation.clone()).collect(),
                    };
                    let envelope =
                        self.sign(&draft, &context.account.tenant, &planned, entries.latest_ledger.min(head.sequence), now).await?;
                    for one in &planned {
                        writes.extend(change(one.transaction, &one.event(), now, Some(envelope.hash.clone())));
                    }
                    let key = WorkKey { tenant: Some(envelope.tenant.clone()), kind: WorkKind::Envelope, subject: envelope.id.to_string() };
                    writes.push(Write::NewEnvelope(Box::new(envelope)));
                    writes.push(Write::Work { key, after_ms: 0 });
                }
                Ok(under(lease, if nothing { Next::After(0) } else { Next::Done }, writes))
            }
        }
    }

    async fn sign(
        &self,
        draft: &Draft,
        tenant: &TenantId,
        planned: &[Planned<'_>],
        ledger_noted: u32,
        now: TimeMs,
    ) -> Result<Envelope, StepError> {
        let refused = |error: windlass_domain::ports::ledger::BuildError| {
            StepError::Ledger(windlass_domain::ports::ledger::LedgerError::Undecodable { url: draft.network.clone(), reason: error.0 })
        };
        let unsigned = self.parts.builder.build(draft).map_err(refused)?;
        let signature = self.parts.signer.sign(tenant, &draft.source, &unsigned.hash).await?;
        let xdr = self.parts.builder.assemble(&unsigned, &[(draft.source.clone(), signature)]).map_err(refused)?;
        let payments = planned.iter().zip(0..).map(|(one, operation_index)| EnvelopePayment {
            transaction: one.transaction.id.clone(),
            purpose: one.purpose,
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

/// A Stellar memo belongs to the whole envelope, so what carries one goes alone; so does a deposit whose envelope failed.
fn goes_alone(context: &PlanContext, one: &Planned<'_>) -> bool {
    one.memo().is_some() || context.alone.contains(&one.transaction.id)
}

/// Entries to ask the ledger for; each once.
fn asked(source: &AccountId, chosen: &[&Transaction]) -> (Vec<AccountId>, Vec<(AccountId, Asset)>) {
    let mut accounts = BTreeSet::from([source.clone()]);
    let mut trustlines = BTreeSet::new();
    for transaction in chosen {
        let destination = destination(transaction);
        for account in destination.iter().map(Address::account).chain([source]) {
            if transaction.asset != Asset::Native && transaction.asset.issuer() != Some(account) {
                trustlines.insert((account.clone(), transaction.asset.clone()));
            }
        }
        accounts.extend(destination.map(|address| address.account().clone()));
    }
    (accounts.into_iter().collect(), trustlines.into_iter().collect())
}

/// One operation of the next envelope, and for whom it is.
#[derive(Debug, PartialEq, Eq)]
struct Planned<'a> {
    transaction: &'a Transaction,
    purpose: Purpose,
    operation: DraftOperation,
}

impl Planned<'_> {
    fn event(&self) -> DepositEvent {
        match self.purpose {
            Purpose::CreateAccount => DepositEvent::CreationSigned,
            Purpose::Payment | Purpose::ClaimableBalance | Purpose::Refund => DepositEvent::EnvelopeSigned,
        }
    }

    /// Only what pays the deposit carries its memo.
    fn memo(&self) -> Option<Memo> {
        self.transaction.memo.clone().filter(|_| self.purpose != Purpose::CreateAccount)
    }

    /// What it takes from the source: an asset and an amount.
    fn takes(&self) -> (Asset, Amount) {
        match &self.operation {
            DraftOperation::Payment { asset, amount, .. } => (asset.clone(), *amount),
            DraftOperation::CreateAccount { starting_balance, .. } => (Asset::Native, *starting_balance),
        }
    }

    /// The account that it makes.
    fn makes(&self) -> Option<&AccountId> {
        match &self.operation {
            DraftOperation::Payment { .. } => None,
            DraftOperation::CreateAccount { destination, .. } => Some(destination),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    /// Nothing can be paid now: why.
    Wait(&'static str),
    /// Sign an envelope with these (perhaps none), and set these aside; these wait until the account holds more.
    Go { sequence: i64, planned: Vec<Planned<'a>>, blocked: Vec<(&'a Transaction, &'static str)>, short: Vec<&'a Transaction> },
}

/// Purely: what the next envelope of the account is.
///
/// An envelope either pays or makes accounts, as the oldest deposit needs that can be served: a creation that fails takes no
/// payment with it. What is left over has its turn after the envelope's verdict; one that cannot be served is not in the way
/// of those behind it.
fn decide<'a>(context: &PlanContext, chosen: &[&'a Transaction], entries: &Entries, fee_per_operation: u32) -> Decision<'a> {
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
            return Decision::Wait(
                "the sequence number of an envelope that came to nothing was used: another program uses the account's key, or the ledger's history is not whole. A person has to look",
            );
        }
        _ => {}
    }
    let (mut planned, mut blocked, mut short): (Vec<Planned<'_>>, Vec<_>, Vec<_>) = (Vec::new(), Vec::new(), Vec::new());
    let mut spent: BTreeMap<Asset, Amount> = BTreeMap::new();
    let mut is_full = false;
    for transaction in chosen.iter().copied() {
        let starting_balance = context.rules.iter().find(|rules| rules.asset == transaction.asset).and_then(|rules| rules.starting_balance);
        let one = match fate(transaction, entries, starting_balance, context.created.contains(&transaction.id)) {
            Fate::Do(purpose, operation) => Planned { transaction, purpose, operation },
            Fate::Wait(message) => {
                blocked.push((transaction, message));
                continue;
            }
        };
        let of_another_kind =
            planned.first().is_some_and(|first| (first.purpose, first.makes().is_some()) != (one.purpose, one.makes().is_some()));
        let made_already = planned.iter().any(|other| one.makes().is_some() && other.makes() == one.makes());
        if of_another_kind || made_already {
            continue;
        }
        match with(&spent, &one, fee_per_operation) {
            Some(total) if total.iter().all(|(asset, amount)| holds(source, asset, *amount, entries)) => {
                let alone = goes_alone(context, &one);
                if !is_full && (planned.is_empty() || !alone) {
                    spent = total;
                    planned.push(one);
                    is_full = alone;
                }
            }
            _ => short.push(transaction),
        }
    }
    if planned.is_empty() && blocked.is_empty() && !short.is_empty() {
        return Decision::Wait(TOO_LITTLE);
    }
    match account.sequence.checked_add(1) {
        Some(sequence) => Decision::Go { sequence, planned, blocked, short },
        None => Decision::Wait("the distribution account's sequence numbers are used up"),
    }
}

/// What is spent with one operation more, its fee among it; none where the sum is out of range.
fn with(spent: &BTreeMap<Asset, Amount>, one: &Planned<'_>, fee_per_operation: u32) -> Option<BTreeMap<Asset, Amount>> {
    let mut total = spent.clone();
    for (asset, amount) in [one.takes(), (Asset::Native, Amount::from_units(fee_per_operation.into()))] {
        let before = total.get(&asset).copied().unwrap_or(Amount::ZERO);
        total.insert(asset, before.plus(amount).ok()?);
    }
    Some(total)
}

/// Does the account hold so much of the asset, of XLM above its reserve?
fn holds(source: &AccountId, asset: &Asset, amount: Amount, entries: &Entries) -> bool {
    match asset {
        Asset::Native => entries.accounts.get(source).is_some_and(|account| account.available >= amount),
        Asset::Issued { issuer, .. } if issuer == source => true,
        Asset::Issued { .. } => entries.trustlines.get(&(source.clone(), asset.clone())).is_some_and(|line| line.balance >= amount),
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
        Ok(after) => Some(Write::changed(before, &after, event.name(), "driver", detail)),
        Err(refused) => {
            tracing::warn!(transaction.id = %before.id, error = %refused, "deposit.step refused");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::TransactionId;

    use super::*;
    use crate::samples::{FEE, account, amount, deposit, entries, plan_context, usd};

    fn ready(number: u8) -> Transaction {
        deposit(number, DepositState::Ready)
    }

    fn to(letter: char, transaction: Transaction) -> Transaction {
        Transaction { account: Some(account(letter).to_string()), ..transaction }
    }

    fn with_memo(transaction: Transaction) -> Transaction {
        Transaction { memo: Some(Memo::Id(7)), ..transaction }
    }

    /// References of the deposits of the next envelope, and its memo.
    fn chosen(context: &PlanContext) -> (Vec<&str>, Option<Memo>) {
        match decide(context, &choose(context), &entries(), FEE) {
            Decision::Go { planned, .. } => {
                let memo = planned.first().and_then(Planned::memo);
                (planned.iter().map(|one| one.transaction.reference.as_str()).collect(), memo)
            }
            Decision::Wait(why) => panic!("{why}"),
        }
    }

    #[test]
    fn rule_1_who_shares_an_envelope() {
        let memo = |number| with_memo(ready(number));
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
            let (references, memo) = chosen(&context);
            let has_memo = context.ready.iter().any(|first| Some(&first.reference.as_str()) == references.first() && first.memo.is_some());
            assert_eq!((references, memo.is_some()), (expected, has_memo));
        }
        let many = plan_context((0..=ENVELOPE_PAYMENTS).map(|_| ready(1)).collect(), None);
        assert_eq!(choose(&many).len(), ENVELOPE_PAYMENTS);
    }

    /// Accounts `V` to `Z` do not exist.
    #[test]
    fn rule_1_an_envelope_either_pays_or_makes_accounts() {
        let in_usd = |transaction| Transaction { asset: usd(), ..transaction };
        let memo = Some(Memo::Id(7));
        for (ready, alone, created, expected) in [
            (vec![ready(1), to('V', ready(2)), ready(3)], None, None, (vec!["REF1", "REF3"], None)),
            (vec![to('V', ready(1)), ready(2), to('W', ready(3))], None, None, (vec!["REF1", "REF3"], None)),
            // One account is made once.
            (
                vec![to('V', in_usd(ready(1))), to('V', in_usd(ready(2))), to('W', in_usd(ready(3)))],
                None,
                None,
                (vec!["REF1", "REF3"], None),
            ),
            // An account that is made with the deposit's own XLM is paid by it: another purpose.
            (vec![to('V', ready(1)), to('W', in_usd(ready(2)))], None, None, (vec!["REF1"], None)),
            // Of a deposit in XLM the making is the payment: it carries the memo, and goes alone.
            (vec![with_memo(to('V', ready(1))), to('W', ready(2))], None, None, (vec!["REF1"], memo)),
            (vec![to('V', ready(1)), with_memo(to('W', ready(2))), to('X', ready(3))], None, None, (vec!["REF1", "REF3"], None)),
            // What only makes the account has no memo to carry.
            (vec![with_memo(to('V', in_usd(ready(1)))), to('W', in_usd(ready(2)))], None, None, (vec!["REF1", "REF2"], None)),
            (vec![to('V', ready(1)), to('W', ready(2)), to('X', ready(3))], Some(2), None, (vec!["REF1", "REF3"], None)),
            (vec![to('V', ready(1)), to('W', ready(2))], Some(1), None, (vec!["REF1"], None)),
            // An account is made for a deposit once.
            (vec![to('V', in_usd(ready(1))), to('W', ready(2))], None, Some(1), (vec!["REF2"], None)),
        ] {
            let small = |transaction| Transaction { amount_out: Some(amount("1")), ..transaction };
            let mut context = plan_context(ready.into_iter().map(small).collect(), None);
            let id = |number: u8| TransactionId::from_bits([number; 16]);
            context.alone.extend(alone.map(id));
            context.created.extend(created.map(id));
            assert_eq!(chosen(&context), expected, "{:?}", context.ready);
        }
    }

    /// None: wait. Else the sequence number and how many are planned, blocked, and wait for the account to hold more.
    fn decided(context: &PlanContext, entries: &Entries) -> Option<(i64, usize, usize, usize)> {
        match decide(context, &choose(context), entries, FEE) {
            Decision::Wait(_) => None,
            Decision::Go { sequence, planned, blocked, short } => Some((sequence, planned.len(), blocked.len(), short.len())),
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
            // With the fees, and without the reserve.
            (vec![xlm(1, "60"), xlm(2, "40")], Some((11, 2, 0, 0))),
            (vec![xlm(1, "60"), xlm(2, "40.0000001")], Some((11, 1, 0, 1))),
            (vec![xlm(1, "100.00001")], Some((11, 1, 0, 0))),
            (vec![xlm(1, "100.0000101")], None),
            (vec![xlm(1, "60"), xlm(2, "50"), xlm(3, "40")], Some((11, 2, 0, 1))),
            // What makes an account takes as much.
            (vec![to('V', xlm(1, "60")), to('W', xlm(2, "50")), to('X', xlm(3, "39"))], Some((11, 2, 0, 1))),
            // One that goes alone and is too large is not in the way.
            (vec![with_memo(xlm(1, "100.1")), xlm(2, "40")], Some((11, 1, 0, 1))),
            // One that cannot be served decides nothing: not the kind of the envelope either.
            (vec![to('V', xlm(1, "100.1")), xlm(2, "40")], Some((11, 1, 0, 1))),
            // Each asset for itself.
            (vec![xlm(1, "100"), of(2, usd(), "100")], Some((11, 2, 0, 0))),
            (vec![xlm(1, "100.1"), of(2, usd(), "100.1")], Some((11, 0, 1, 1))),
            (vec![xlm(1, "9223372036.8"), xlm(2, "922337203685.4")], None),
        ] {
            let context = plan_context(deposits.clone(), None);
            assert_eq!(decided(&context, &entries()), expected, "{deposits:?}");
        }
    }

    #[test]
    fn what_waits_for_money_is_told_once() {
        let told = Transaction { message: Some(TOO_LITTLE.to_owned()), ..ready(2) };
        let writes = tell(&[&ready(1), &told], TOO_LITTLE, 9);
        let [Write::Transaction { after, .. }] = &writes[..] else { panic!("{writes:?}") };
        assert_eq!((after.reference.as_str(), after.state, after.message.as_deref()), ("REF1", ready(1).state, Some(TOO_LITTLE)));
    }

    #[test]
    fn each_entry_is_asked_for_once() {
        let deposits = [ready(1), Transaction { asset: usd(), ..ready(2) }, Transaction { asset: usd(), ..ready(3) }];
        let chosen: Vec<&Transaction> = deposits.iter().collect();
        let expected = (vec![account('A'), account('U')], vec![(account('A'), usd()), (account('U'), usd())]);
        assert_eq!(asked(&account('A'), &chosen), expected);
    }
}
