//! Commits: what they write, grouped by table, in the order of the tables' dependence; one statement for each table.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use windlass_domain::TenantId;
use windlass_domain::commit::{Commit, CommitError, WorkKey, Write};
use windlass_domain::envelope::EnvelopeState;

use super::fault::Fault;
use super::{
    Connection, Fields, Store, credits, dialect, encode, envelopes, incoming, jobs, query, state, transactions, work, write, write_exactly,
};

/// Deadlocks are tried again so often.
const TRIES: u32 = 3;

/// All in one database transaction; when that fails, each alone. The answers are in the order of the commits.
pub(super) async fn commit(store: &Store, commits: &[Commit]) -> Vec<Result<(), CommitError>> {
    if commits.len() > 1 {
        match attempt(store, commits).await {
            Ok(()) => return vec![Ok(()); commits.len()],
            // No connection, or the answer to the commit was lost: nothing is tried again before it is read again.
            Err(Fault::Commit(error @ CommitError::Unavailable(_))) => return vec![Err(error); commits.len()],
            Err(fault) => tracing::debug!(fault = ?fault, commits = commits.len(), "a batch failed: each commit goes alone"),
        }
    }
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        answers.push(attempt(store, std::slice::from_ref(commit)).await.map_err(Fault::into_commit_error));
    }
    answers
}

async fn attempt(store: &Store, commits: &[Commit]) -> Result<(), Fault> {
    let batch = Batch::of(commits);
    if batch.entangled {
        return Err(Fault::Refused("commits of this batch depend on each other".to_owned()));
    }
    let mut tries = 1;
    loop {
        match batch.commit(store).await {
            Err(Fault::Again(_)) if tries < TRIES => tries += 1,
            other => return other,
        }
    }
}

/// Rows for one table; a row that is written twice is written in a second round.
#[derive(Default)]
struct Rounds {
    rounds: Vec<Vec<Value>>,
    times: HashMap<String, usize>,
}

impl Rounds {
    fn push(&mut self, key: String, row: Value) {
        let times = self.times.entry(key).or_default();
        if self.rounds.len() == *times {
            self.rounds.push(vec![]);
        }
        self.rounds[*times].push(row);
        *times += 1;
    }

    /// For messages: which rows.
    fn names(&self) -> String {
        let mut names: Vec<&str> = self.times.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    }

    async fn write_exactly(&self, connection: &mut Connection, text: &'static str, what: &str) -> Result<(), Fault> {
        for round in &self.rounds {
            write_exactly(connection, text, round, || Fault::stale(format!("{what} {}", self.names()))).await?;
        }
        Ok(())
    }
}

/// What commits write, by table.
#[derive(Default)]
struct Batch {
    deciding: Vec<Value>,
    observing: Vec<Value>,
    new_transactions: Vec<Value>,
    transactions: Rounds,
    history: Vec<Value>,
    envelopes: Rounds,
    new_envelopes: Vec<Value>,
    payments: Vec<Value>,
    new_jobs: Vec<Value>,
    jobs: Rounds,
    runs_started: Rounds,
    runs_ended: Rounds,
    log: Vec<Value>,
    state: BTreeMap<(TenantId, String), Option<Vec<u8>>>,
    state_unchanged: Vec<Value>,
    /// A commit depends on a key of `state` that one before it writes: they cannot go together.
    entangled: bool,
    credits: Vec<Value>,
    credits_assigned: Rounds,
    incoming: Vec<Value>,
    failed: Vec<Value>,
    cursors: BTreeMap<String, String>,
    work: BTreeMap<WorkKey, u64>,
    audit: Vec<Value>,
}

impl Batch {
    fn of(commits: &[Commit]) -> Self {
        let mut batch = Self::default();
        for commit in commits {
            if let Some(fence) = &commit.fence {
                let fences = if fence.observation { &mut batch.observing } else { &mut batch.deciding };
                fences.push(work::fence_row(fence));
            }
            let read = commit.writes.iter().filter_map(|write| match write {
                Write::StateUnchanged { tenant, key, .. } => Some((tenant.clone(), key.clone())),
                _ => None,
            });
            batch.entangled |= read.into_iter().any(|key| batch.state.contains_key(&key));
            for write in &commit.writes {
                batch.add(write);
            }
        }
        batch
    }

    fn add(&mut self, write: &Write) {
        match write {
            Write::NewTransaction(transaction, history) => {
                self.new_transactions.push(transactions::row(transaction));
                self.history.push(transactions::history_row(transaction, history));
            }
            Write::Transaction { before, after, history } => {
                self.transactions.push(after.id.to_string(), transactions::changed_row(*before, after));
                self.history.push(transactions::history_row(after, history));
            }
            Write::NewEnvelope(envelope) => {
                self.new_envelopes.push(envelopes::row(envelope));
                self.payments.extend(envelopes::payment_rows(envelope));
            }
            Write::Envelope { tenant, id, before, after, sent, bound_passed_at, ledger, result, at } => {
                let row = json!({
                    "tenant": tenant, "id": id, "from_state": before.as_str(), "state": after.as_str(), "sent": sent,
                    "bound_passed_at": bound_passed_at, "ledger": ledger, "result": result, "updated_at": at,
                    "settled": i64::from(*after == EnvelopeState::Succeeded), "ended": before.is_live() && !after.is_live(),
                });
                self.envelopes.push(id.to_string(), row);
            }
            Write::NewJob(job) => self.new_jobs.push(jobs::row(job)),
            Write::Job { before, after } => self.jobs.push(after.id.to_string(), jobs::changed_row(*before, after)),
            Write::RunStarted { tenant, job, ordinal, hook, version, at } => {
                self.runs_started.push(format!("{ordinal} of {job}"), jobs::start_row(tenant, job, *ordinal, *hook, *version, *at));
            }
            Write::RunEnded { tenant, job, ordinal, end, receipt, log, at } => {
                self.runs_ended.push(format!("{ordinal} of {job}"), jobs::end_row(tenant, job, *ordinal, end, receipt, *at));
                self.log.extend(jobs::log_rows(tenant, job, *ordinal, log));
            }
            Write::State { tenant, key, value } => {
                self.state.insert((tenant.clone(), key.clone()), value.clone());
            }
            Write::StateUnchanged { tenant, key, value } => self.state_unchanged.push(state::row(tenant, key, value.as_deref())),
            Write::Credit(credit) => self.credits.push(credits::row(credit)),
            Write::CreditAssigned { tenant, rail, external_id, transaction } => {
                let row = json!({"tenant": tenant, "rail": rail, "external_id": external_id, "transaction_id": transaction});
                self.credits_assigned.push(external_id.clone(), row);
            }
            Write::Incoming { tenant, payment, matched, at } => self.incoming.push(incoming::row(tenant, payment, matched, *at)),
            Write::Failed { source, key, reason, at } => {
                self.failed.push(json!({"source": source, "event": key, "reason": reason, "failed_at": at}));
            }
            Write::Cursor { source, cursor } => {
                self.cursors.insert(source.clone(), cursor.clone());
            }
            Write::Work { key, after_ms } => {
                let soonest = self.work.entry(key.clone()).or_insert(*after_ms);
                *soonest = (*soonest).min(*after_ms);
            }
            Write::Audit { tenant, actor, action, subject, reason, at } => {
                let tenant = tenant.as_ref().map_or("", TenantId::as_str);
                self.audit.push(json!({
                    "tenant": tenant, "noted_at": at, "actor": actor, "action": action, "subject": subject, "reason": reason,
                }));
            }
        }
    }

    async fn commit(&self, store: &Store) -> Result<(), Fault> {
        let mut transaction = store.writer().begin_with(dialect::BEGIN).await?;
        self.write(&mut transaction).await?;
        transaction.commit().await?;
        if !self.work.is_empty() {
            store.work_was_made().await;
        }
        Ok(())
    }

    async fn write(&self, connection: &mut Connection) -> Result<(), Fault> {
        work::fence(connection, &self.deciding, &self.observing).await?;
        let (put, deleted) = (self.state_rows(true), self.state_rows(false));
        state::check(connection, &[put.as_slice(), &deleted].concat(), &self.state_unchanged).await?;
        write(connection, transactions::INSERT, &self.new_transactions).await?;
        self.transactions.write_exactly(connection, transactions::UPDATE, "transaction").await?;
        write(connection, transactions::INSERT_HISTORY, &self.history).await?;
        self.write_envelopes(connection).await?;
        self.jobs.write_exactly(connection, jobs::UPDATE, "job").await?;
        write(connection, jobs::INSERT, &self.new_jobs).await?;
        self.write_runs(connection).await?;
        write(connection, state::PUT, &put).await?;
        write(connection, state::DELETE, &deleted).await?;
        write(connection, credits::INSERT, &self.credits).await?;
        same_content(connection, credits::DIFFERENT, &self.credits, "bank_credits_once").await?;
        self.credits_assigned.write_exactly(connection, credits::ASSIGN, "bank credit").await?;
        write(connection, incoming::INSERT, &self.incoming).await?;
        same_content(connection, incoming::DIFFERENT, &self.incoming, "incoming_once").await?;
        write(connection, incoming::INSERT_FAILED, &self.failed).await?;
        let cursors: Vec<Value> = self.cursors.iter().map(|(source, read_to)| json!({"source": source, "read_to": read_to})).collect();
        write(connection, incoming::SET_CURSOR, &cursors).await?;
        let work: Vec<Value> = self.work.iter().map(|(key, after_ms)| work::wake_row(key, *after_ms)).collect();
        write(connection, work::WAKE, &work).await?;
        write(connection, INSERT_AUDIT, &self.audit).await?;
        Ok(())
    }

    /// Envelopes that end come first: they free their account and their payments for new ones.
    async fn write_envelopes(&self, connection: &mut Connection) -> Result<(), Fault> {
        for round in &self.envelopes.rounds {
            let stale = || Fault::stale(format!("envelope {}", self.envelopes.names()));
            write_exactly(connection, envelopes::UPDATE, round, stale).await?;
            let ended: Vec<Value> = round.iter().filter(|row| row["ended"] == true).cloned().collect();
            write(connection, envelopes::END_PAYMENTS, &ended).await?;
        }
        write(connection, envelopes::INSERT, &self.new_envelopes).await?;
        let owned = || Fault::conflict("sequences_one_owner", "the sequence number is owned by an envelope that is not dead");
        write_exactly(connection, envelopes::OWN_SEQUENCE, &self.new_envelopes, owned).await?;
        let taken = || Fault::conflict("payments_one_live", "a payment has a live envelope, or is settled");
        write_exactly(connection, envelopes::TAKE_PAYMENT, &self.payments, taken).await?;
        write(connection, envelopes::INSERT_PAYMENT, &self.payments).await?;
        Ok(())
    }

    async fn write_runs(&self, connection: &mut Connection) -> Result<(), Fault> {
        for round in &self.runs_started.rounds {
            let taken = || Fault::conflict("runs_once", format!("run {} has effects, or ended already", self.runs_started.names()));
            write_exactly(connection, jobs::START_RUN, round, taken).await?;
        }
        self.runs_ended.write_exactly(connection, jobs::END_RUN, "run").await?;
        for round in &self.runs_ended.rounds {
            write(connection, jobs::DELETE_LOG, round).await?;
        }
        write(connection, jobs::INSERT_LOG, &self.log).await?;
        Ok(())
    }

    /// Keys that get a value, or those that go.
    fn state_rows(&self, kept: bool) -> Vec<Value> {
        let some = self.state.iter().filter(|(_, value)| value.is_some() == kept);
        some.map(|((tenant, key), value)| state::row(tenant, key, value.as_deref())).collect()
    }
}

/// Idempotency compares the content: a fact that was stored with another one is refused.
async fn same_content(connection: &mut Connection, text: &'static str, items: &[Value], constraint: &str) -> Result<(), Fault> {
    if items.is_empty() {
        return Ok(());
    }
    let different = query(text).bind(encode(items)?).fetch_all(connection).await?;
    match different.first() {
        None => Ok(()),
        Some(row) => {
            let id = Fields::new(row, "bank_credits or incoming", &[]).text("id").unwrap_or_default();
            Err(Fault::conflict(constraint, format!("{id} is stored already, with another content")))
        }
    }
}

const INSERT_AUDIT: &str = "
    INSERT INTO audit (tenant, noted_at, id, actor, action, subject, reason)
    SELECT {t:tenant}, {n:noted_at}, {random}, {t:actor}, {t:action}, {t:subject}, {t:reason} FROM {items}";
