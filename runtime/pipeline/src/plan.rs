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
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::{Address, Amount, Asset, Memo};

use crate::receive::{Fate, destination, fate};
use crate::{Pipeline, StepError, only, together, under};

/// How long an account waits whose money or sequence number is not as it should be, in milliseconds.
const WAIT_MS: u64 = 10_000;

impl Pipeline {
    /// Plans every account that is due. The number of accounts.
    pub async fn step_plan(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Plan).await?;
        let (keys, leases): (Vec<_>, Vec<_>) = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).unzip();
        let contexts = self.parts.store.plans(&keys).await?;
        let commits = together(leases.iter().zip(contexts).map(|(lease, context)| async move {
            let Some(context) = context else { return only(lease, Next::Done) };
            self.plan(lease, &context).await.unwrap_or_else(|error| {
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
                Ok(only(lease, Next::After(WAIT_MS)))
            }
            Decision::Go { sequence, planned, blocked } => {
                let mut writes = Vec::new();
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
                    let envelope = self.sign(&draft, &context.account.tenant, &planned, entries.latest_ledger.min(head.sequence), now).await?;
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

    async fn sign(&self, draft: &Draft, tenant: &TenantId, planned: &[Planned<'_>], ledger_noted: u32, now: TimeMs) -> Result<Envelope, StepError> {
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

/// What goes into the next envelope: the oldest deposit, and with it those that may share its envelope. A Stellar memo
/// belongs to the whole envelope, so a deposit with a memo goes alone; so does one whose envelope failed.
fn choose(context: &PlanContext) -> Vec<&Transaction> {
    let alone = |transaction: &Transaction| transaction.memo.is_some() || context.alone.contains(&transaction.id);
    let mut ready = context.ready.iter().filter(|transaction| transaction.state == State::Deposit(DepositState::Ready)).peekable();
    match ready.peek() {
        None => Vec::new(),
        Some(first) if alone(first) => vec![first],
        Some(_) => ready.filter(|transaction| !alone(transaction)).take(ENVELOPE_PAYMENTS).collect(),
    }
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
    /// Sign an envelope with these (perhaps none), and set these aside.
    Go { sequence: i64, planned: Vec<Planned<'a>>, blocked: Vec<(&'a Transaction, &'static str)> },
}

/// Purely: what the next envelope of the account is.
///
/// An envelope either pays or makes accounts, as the oldest deposit needs that can be served: a creation that fails takes no
/// payment with it. What is left over has its turn after the envelope's verdict.
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
            return Decision::Wait("the sequence number of an envelope that came to nothing was used: another program uses the account's key, or the ledger's history is not whole. A person has to look");
        }
        _ => {}
    }
    let (mut planned, mut blocked): (Vec<Planned<'_>>, Vec<_>) = (Vec::new(), Vec::new());
    let mut spent: BTreeMap<Asset, Amount> = BTreeMap::new();
    let mut short = false;
    for transaction in chosen.iter().copied() {
        let starting_balance = context.rules.iter().find(|rules| rules.asset == transaction.asset).and_then(|rules| rules.starting_balance);
        let one = match fate(transaction, entries, starting_balance, context.created.contains(&transaction.id)) {
            Fate::Do(purpose, operation) => Planned { transaction, purpose, operation },
            Fate::Wait(message) => {
                blocked.push((transaction, message));
                continue;
            }
        };
        let of_another_kind = planned.first().is_some_and(|first| (first.purpose, first.makes().is_some()) != (one.purpose, one.makes().is_some()));
        let made_already = planned.iter().any(|other| one.makes().is_some() && other.makes() == one.makes());
        if of_another_kind || made_already {
            continue;
        }
        match with(&spent, &one, fee_per_operation) {
            Some(total) if total.iter().all(|(asset, amount)| holds(source, asset, *amount, entries)) => {
                spent = total;
                planned.push(one);
            }
            _ => short = true,
        }
    }
    if planned.is_empty() && blocked.is_empty() && short {
        return Decision::Wait("the distribution account holds too little of the asset, or too little XLM above its reserve: send it more");
    }
    match account.sequence.checked_add(1) {
        Some(sequence) => Decision::Go { sequence, planned, blocked },
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
