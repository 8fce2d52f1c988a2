//! A stored envelope is sent, looked up, and its verdict carried out (money rule 1).
//!
//! ```text
//! Signed    -> send the stored bytes              -> Submitted
//! Submitted -> look up -> no verdict              -> send the same bytes again, later
//!                      -> the bound has passed    -> note it, look up afresh
//!                      -> absent after that       -> Dead: a new envelope may be built
//!                      -> in a ledger             -> Succeeded: paid.  Failed: by each operation's result
//! ```

use windlass_domain::codes::{advice, after_failure, summary};
use windlass_domain::commit::{Commit, Fence, Lease, Next, WorkKind, Write};
use windlass_domain::deposit::DepositEvent;
use windlass_domain::envelope::{Envelope, EnvelopePayment, EnvelopeState, Purpose, Verdict, verdict};
use windlass_domain::ids::{EnvelopeId, JobId, TenantId, TimeMs};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::ports::ledger::Submission;
use windlass_domain::ports::store::EnvelopeContext;
use windlass_domain::tenant::Version;
use windlass_domain::transaction::Transaction;

use crate::plan::change;
use crate::{Pipeline, StepError, only, together, under};

/// How long an envelope waits whose history is not whole, in milliseconds.
const ALARM_MS: u64 = 60_000;

impl Pipeline {
    /// One step of every envelope that is due. The number of envelopes.
    pub async fn step_envelope(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Envelope).await?;
        let claimed = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).collect();
        let contexts = self.contexts(claimed, |store, keys| store.envelopes(keys)).await?;
        let commits = together(contexts.iter().map(|(lease, context)| async move {
            let Some(context) = context else { return only(lease, Next::Done) };
            self.carry(lease, context).await.unwrap_or_else(|error| {
                tracing::warn!(tenant.id = %context.envelope.tenant, envelope.hash = context.envelope.hash, error = %crate::chain(&error), "envelope.step failed; nothing is known, trying again");
                only(lease, Next::After(self.settings.envelope_interval_ms))
            })
        }))
        .await;
        let count = commits.len();
        self.commit_all(commits).await;
        Ok(count)
    }

    async fn carry(&self, lease: &Lease, context: &EnvelopeContext) -> Result<Commit, StepError> {
        let envelope = &context.envelope;
        let now = self.parts.clock.now();
        match envelope.state {
            EnvelopeState::Signed => {
                let refusal = self.send(envelope).await?;
                let mut writes = vec![sent(envelope, refusal, now)];
                writes.extend(context.transactions.iter().filter_map(|t| change(t, &DepositEvent::EnvelopeSent, now, None)));
                Ok(under(lease, Next::After(self.settings.envelope_interval_ms.min(500)), writes))
            }
            EnvelopeState::Submitted => self.judge(lease, context, now).await,
            EnvelopeState::Succeeded | EnvelopeState::Failed | EnvelopeState::Dead => Ok(only(lease, Next::Done)),
        }
    }

    /// Sends the stored bytes. Whatever the server says is no verdict, and neither is silence; a refusal is kept for the
    /// operator to see, since a node that goes on refusing has a reason.
    async fn send(&self, envelope: &Envelope) -> Result<Option<String>, StepError> {
        match self.ledger(&envelope.network)?.submit(&envelope.xdr).await {
            Ok(Submission::Refused(code)) => {
                tracing::warn!(tenant.id = %envelope.tenant, envelope.hash, code, "ledger.submit was refused for now: no verdict");
                return Ok(Some(format!("refused by the server for now: {code}")));
            }
            Ok(submission @ (Submission::Pending | Submission::Duplicate | Submission::TryAgainLater)) => {
                tracing::debug!(envelope.hash, ?submission, "ledger.submit");
            }
            Err(error) => {
                tracing::warn!(envelope.hash, error = %error, "ledger.submit got no answer: the envelope may be in the ledger all the same")
            }
        }
        Ok(None)
    }

    async fn judge(&self, lease: &Lease, context: &EnvelopeContext, now: TimeMs) -> Result<Commit, StepError> {
        let envelope = &context.envelope;
        let look_up = self.ledger(&envelope.network)?.look_up(&envelope.hash).await?;
        match verdict(envelope, &look_up) {
            Verdict::None => {
                let refusal = self.send(envelope).await?;
                Ok(under(lease, Next::After(self.settings.envelope_interval_ms), vec![sent(envelope, refusal, now)]))
            }
            Verdict::NoteBoundPassed { ledger } => {
                let noted = to(envelope, EnvelopeState::Submitted, now, |write| write.bound_passed_at = Some(ledger));
                Ok(under(lease, Next::After(0), vec![noted]))
            }
            Verdict::HistoryTooShort { oldest } => {
                tracing::error!(
                    envelope.hash,
                    ledger.noted = envelope.ledger_noted,
                    ledger.oldest = oldest,
                    "envelope.verdict is impossible: the history asked begins after the envelope was signed. Ask a server with a longer history"
                );
                Ok(only(lease, Next::After(ALARM_MS)))
            }
            Verdict::Dead => {
                let mut writes = vec![to(envelope, EnvelopeState::Dead, now, |write| write.result = Some("never in a ledger".to_owned()))];
                let void =
                    DepositEvent::EnvelopeVoid { message: "the payment did not get into a ledger in time; it is made again".to_owned() };
                writes.extend(context.transactions.iter().filter_map(|t| change(t, &void, now, Some(envelope.hash.clone()))));
                Ok(self.settled(lease, envelope, writes))
            }
            Verdict::Succeeded { ledger } => {
                let mut writes = vec![to(envelope, EnvelopeState::Succeeded, now, |write| {
                    write.ledger = Some(ledger);
                    write.result = Some("in the ledger".to_owned());
                })];
                for transaction in &context.transactions {
                    let paid = match place(envelope, transaction) {
                        Some(EnvelopePayment { purpose: Purpose::CreateAccount, .. }) => DepositEvent::AccountCreated,
                        _ => DepositEvent::LedgerPaid { hash: envelope.hash.clone() },
                    };
                    writes.extend(change(transaction, &paid, now, Some(format!("ledger {ledger}"))));
                    if matches!(paid, DepositEvent::LedgerPaid { .. }) {
                        writes.extend(self.after_deposit(transaction, context.active.as_ref(), now));
                    }
                }
                Ok(self.settled(lease, envelope, writes))
            }
            Verdict::Failed { ledger, code, operations } => {
                let result = summary(&code, &operations);
                let mut writes = vec![to(envelope, EnvelopeState::Failed, now, |write| {
                    write.ledger = Some(ledger);
                    write.result = Some(result.clone());
                })];
                for transaction in &context.transactions {
                    let operation =
                        place(envelope, transaction).and_then(|place| operations.get(usize::try_from(place.operation_index).ok()?));
                    let event = after_failure(&code, operation);
                    if matches!(event, DepositEvent::CannotReceive { .. }) {
                        writes.push(Write::trust_work(&transaction.tenant, &transaction.id, self.settings.trust_interval_ms));
                    }
                    let detail = match advice(&code, operation) {
                        "" => result.clone(),
                        advice => format!("{result}: {advice}"),
                    };
                    writes.extend(change(transaction, &event, now, Some(detail)));
                }
                Ok(self.settled(lease, envelope, writes))
            }
        }
    }

    /// A ledger's fact is written whoever holds the lease by now (money rule 7), and wakes the planner of the account.
    fn settled(&self, lease: &Lease, envelope: &Envelope, mut writes: Vec<Write>) -> Commit {
        writes.push(Write::plan_work(&envelope.tenant, &envelope.source));
        Commit { fence: Some(Fence { lease: lease.clone(), next: Next::Done, observation: true }), writes }
    }

    /// The `after-deposit` job of a deposit that is paid, and its place in the queue: in the same commit.
    fn after_deposit(&self, transaction: &Transaction, active: Option<&Version>, now: TimeMs) -> Vec<Write> {
        match active.filter(|version| version.hooks.contains(&Hook::AfterDeposit)) {
            Some(version) => {
                let job = self.new_job(Hook::AfterDeposit, Some(transaction), version, now);
                let work = Write::job_work(&job, 0);
                vec![Write::NewJob(Box::new(job)), work]
            }
            None => Vec::new(),
        }
    }

    /// A job that has not run yet.
    pub(crate) fn new_job(&self, hook: Hook, transaction: Option<&Transaction>, version: &Version, now: TimeMs) -> Job {
        Job {
            tenant: version.tenant.clone(),
            id: JobId::from_bits(self.parts.random.bits()),
            hook,
            transaction: transaction.map(|transaction| transaction.id.clone()),
            version: version.number,
            state: JobState::Open,
            runs: 0,
            failures: 0,
            idle_polls: 0,
            settled_runs: 0,
            message: None,
            seed: self.parts.random.bits_256().iter().map(|byte| format!("{byte:02x}")).collect(),
            created_at: now,
            updated_at: now,
        }
    }
}

fn key(lease: &Lease) -> Option<(TenantId, EnvelopeId)> {
    Some((lease.work.tenant.clone()?, EnvelopeId::new(lease.work.subject.clone()).ok()?))
}

/// What a change of an envelope may note besides its state.
#[derive(Default)]
struct Noted {
    sent: i64,
    bound_passed_at: Option<u32>,
    ledger: Option<u32>,
    result: Option<String>,
}

fn to(envelope: &Envelope, after: EnvelopeState, at: TimeMs, note: impl FnOnce(&mut Noted)) -> Write {
    let mut noted = Noted::default();
    note(&mut noted);
    let Noted { sent, bound_passed_at, ledger, result } = noted;
    Write::Envelope {
        tenant: envelope.tenant.clone(),
        id: envelope.id.clone(),
        before: envelope.state,
        after,
        sent,
        bound_passed_at,
        ledger,
        result,
        at,
    }
}

/// The envelope left, or may have.
fn sent(envelope: &Envelope, refusal: Option<String>, at: TimeMs) -> Write {
    to(envelope, EnvelopeState::Submitted, at, |write| {
        write.sent = 1;
        write.result = refusal;
    })
}

/// What the envelope does for the transaction.
fn place<'a>(envelope: &'a Envelope, transaction: &Transaction) -> Option<&'a EnvelopePayment> {
    envelope.payments.iter().find(|payment| payment.transaction == transaction.id)
}
