//! Jobs: a run's start is committed, its hook is run in a fresh sandbox, the run is judged, its outcome is committed
//! (section 6 of the design, money rule 3).

use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch as signal};
use tokio::task::JoinSet;
use windlass_domain::commit::{Commit, CommitError, Lease, Next, WorkKind, Write};
use windlass_domain::effect::{Evidence, evidence};
use windlass_domain::ids::{JobId, TenantId, TimeMs};
use windlass_domain::job::{Hook, HookError, Job, JobState, LogLine, Receipt, RunEnd};
use windlass_domain::limits::RunLimits;
use windlass_domain::lookup::Question;
use windlass_domain::ports::guest::{Call, DepositPoll, HookInput, HookOutput, RunOutcome};
use windlass_domain::ports::store::JobContext;
use windlass_domain::retry;

use crate::host::{JobHost, Memory, SharedHost};
use crate::payout::{Fate, fate, hold};
use crate::{Pipeline, StepError, lookup, only, payouts, poll, printable, together, under};

/// The longest that a hook may put a job off, in milliseconds: a day. It is asked again then.
const LONGEST_DELAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Pipeline {
    /// Runs every job that is due, as many as may run at once, to its run's end. The number of jobs.
    pub async fn step_jobs(&self) -> Result<usize, StepError> {
        let leases = self.claim_jobs(self.settings.concurrent_runs).await?;
        let count = leases.len();
        let claimed = self.job_contexts(leases).await?;
        together(claimed.into_iter().map(|(lease, context)| self.run_job(lease, context))).await;
        Ok(count)
    }

    /// Takes jobs as places get free, until the signal turns true; then waits for the runs that are under way.
    pub(crate) async fn drive_jobs(self: Arc<Self>, stop: signal::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(usize::try_from(self.settings.concurrent_runs).unwrap_or(1)));
        let mut running = JoinSet::new();
        while !*stop.borrow() {
            while running.try_join_next().is_some() {}
            let free = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
            if free == 0 {
                // The end of a run wakes.
                self.pause(1_000, stop.clone()).await;
                continue;
            }
            let claimed = match self.claim_jobs(free).await {
                Ok(leases) => self.job_contexts(leases).await,
                Err(error) => Err(error),
            };
            match claimed {
                Ok(claimed) if claimed.is_empty() => self.idle(WorkKind::Job, stop.clone()).await,
                Ok(claimed) => {
                    for (lease, context) in claimed {
                        let (pipeline, places) = (self.clone(), places.clone());
                        running.spawn(async move {
                            let _place = places.acquire().await;
                            pipeline.run_job(lease, context).await;
                            pipeline.wake();
                        });
                    }
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::warn!(driver = "job", error = %crate::chain(&error), "driver.step failed; trying again");
                    self.idle(WorkKind::Job, stop.clone()).await;
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim_jobs(&self, free: u32) -> Result<Vec<Lease>, StepError> {
        let limit = free.min(self.settings.claim_limit);
        // However much one tenant has due, it leaves places to the others.
        let per_tenant = self.settings.claim_per_tenant.min(self.settings.concurrent_runs.div_ceil(4));
        Ok(self.parts.store.claim(WorkKind::Job, limit, per_tenant, self.settings.lease_ms).await?)
    }

    async fn job_contexts(&self, leases: Vec<Lease>) -> Result<Vec<(Lease, Option<JobContext>)>, StepError> {
        let claimed = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).collect();
        self.contexts(claimed, |store, keys| store.jobs(keys)).await
    }

    /// One job, from its lease to its outcome. What cannot be committed is left to the lease's end.
    async fn run_job(&self, lease: Lease, context: Option<JobContext>) {
        let outcome = match context {
            Some(context) if context.job.state == JobState::Open => self.attempt(&lease, context).await,
            _ => self.committer.commit(only(&lease, Next::Done)).await,
        };
        match outcome {
            Ok(()) => {}
            Err(CommitError::LeaseLost) => {
                tracing::warn!(job.id = lease.work.subject, "job.run lost its lease: another worker has the job")
            }
            Err(error) => {
                tracing::warn!(job.id = lease.work.subject, error = %error, "job.run could not be committed; it is taken up again when its lease ends")
            }
        }
    }

    async fn attempt(&self, lease: &Lease, mut context: JobContext) -> Result<(), CommitError> {
        let now = self.parts.clock.now();
        let cut_off = context.newest_run.as_ref().filter(|run| run.ended_at.is_none()).map(|run| run.ordinal);
        let mut starts = Vec::new();
        if let Some(ordinal) = cut_off {
            starts.push(ended(&context.job, ordinal, RunEnd::LeaseLost, Receipt::default(), Vec::new(), now));
            if context.job.hook == Hook::ProcessWithdrawal
                && let Fate::Held(reason) = fate(&context, &context.journal, None, None, now)
            {
                return self.committer.commit(self.held(lease, &context, &reason, starts, now)).await;
            }
            // A run that is cut off again and again may be what takes the process down.
            if retry::policy(context.job.hook, None, self.settings.retry_base_ms).is_used_up(context.job.failures + 1) {
                let unknown = evidence(&context.journal) >= Evidence::SaidYes;
                return self.committer.commit(self.again(lease, &context, &RunEnd::LeaseLost, 0, unknown, starts, now)).await;
            }
            context.job.failures += 1;
        }
        // An effect is open, and the rail can tell: it is asked before anything is sent again, in a run of this job.
        let question = lookup::needed(&context);
        if question.is_some() && !context.version.hooks.contains(&Hook::PayoutStatus) {
            let reason = "outcome unknown: the manifest declares look-up, and the version does not export payout-status";
            return self.committer.commit(self.held(lease, &context, reason, starts, now)).await;
        }
        let hook = if question.is_some() { Hook::PayoutStatus } else { context.job.hook };
        // A poll is about no transaction: it always runs the active version, so that a broken one can be replaced.
        if context.job.transaction.is_none()
            && let Some(active) = context.active.clone()
        {
            if !active.hooks.contains(&context.job.hook) {
                let end = Job {
                    state: JobState::Done,
                    message: Some("the active version does not export the hook".to_owned()),
                    updated_at: now,
                    ..context.job.clone()
                };
                starts.push(Write::Job { before: JobState::Open, after: Box::new(end) });
                return self.committer.commit(under(lease, Next::Done, starts)).await;
            }
            context.job.version = active.number;
            context.version = active;
        }
        // A poll that found nothing left a run that the next one takes over.
        let idle = context.job.idle_polls > 0 && cut_off.is_none();
        let ordinal = if idle { context.job.runs } else { context.job.runs + 1 };
        let before = context.job.clone();
        context.job.runs = ordinal;
        context.job.updated_at = now;
        let job = &context.job;
        starts.push(Write::RunStarted { tenant: job.tenant.clone(), job: job.id.clone(), ordinal, hook, version: job.version, at: now });
        starts.push(Write::Job { before: before.state, after: Box::new(job.clone()) });
        self.committer.commit(under(lease, Next::Keep, starts)).await?;

        let host = self.host(lease, &context, hook, now);
        let outcome = match self.call(&context, question.as_ref()) {
            Ok(call) => self.parts.guests.run(call, host.clone()).await,
            Err(fault) => RunOutcome {
                end: RunEnd::HostFault(fault),
                output: None,
                receipt: Receipt::default(),
                log: Vec::new(),
                state_writes: Vec::new(),
            },
        };
        tracing::info!(tenant.id = %context.tenant.id, job.id = %context.job.id, hook = hook.as_str(), run = ordinal, end = outcome.end.code(), guest.fuel_used = outcome.receipt.fuel_used, guest.memory_bytes_max = outcome.receipt.memory_bytes_max, "guest.call");
        if outcome.end == RunEnd::LeaseLost {
            return Err(CommitError::LeaseLost);
        }
        let commit = self
            .outcome(lease, &context, question.as_ref(), &host, &outcome)
            .await
            .map_err(|error| CommitError::Unavailable(crate::chain(&error)))?;
        match self.committer.commit(commit).await {
            // The schema refuses what the guest returned (an id with a NUL, a credit that pays twice): nothing of it was
            // written. The run ends as one that returned what it may not, and is judged as such.
            Err(CommitError::Conflict { constraint, detail }) => {
                tracing::warn!(tenant.id = %context.tenant.id, job.id = %context.job.id, constraint, detail, "job.outcome was refused by the schema");
                let end = RunEnd::BadResult(format!("it cannot be stored ({constraint})"));
                let refused = RunOutcome { end, output: None, receipt: outcome.receipt, log: outcome.log, state_writes: Vec::new() };
                let commit = self
                    .outcome(lease, &context, question.as_ref(), &host, &refused)
                    .await
                    .map_err(|error| CommitError::Unavailable(crate::chain(&error)))?;
                self.committer.commit(commit).await
            }
            // Another job committed a key that this one has read: again, unless it has sent an effect.
            Err(CommitError::Stale(what)) => {
                tracing::info!(job.id = %context.job.id, what, "job.outcome was overtaken; the job is run again");
                let end = ended(&context.job, ordinal, RunEnd::Cancelled, outcome.receipt, outcome.log, self.parts.clock.now());
                match evidence(&host.journal()) {
                    Evidence::None => self.committer.commit(under(lease, Next::After(0), vec![end])).await,
                    // The run stays without an end: it is judged as one that was cut off.
                    Evidence::SaidNo | Evidence::SaidYes | Evidence::Open => self.committer.commit(only(lease, Next::After(0))).await,
                }
            }
            other => other,
        }
    }

    fn host(&self, lease: &Lease, context: &JobContext, hook: Hook, now: TimeMs) -> SharedHost {
        Arc::new(JobHost {
            parts: self.parts.clone(),
            tenant: context.tenant.id.clone(),
            job: context.job.id.clone(),
            hook,
            run: context.job.runs,
            lease: lease.clone(),
            transaction: context.job.transaction.clone(),
            payouts_returned: context.transaction.as_ref().map_or(0, |transaction| transaction.payouts_returned),
            started_at: now,
            earlier: context.journal.clone(),
            memory: Mutex::new(Memory::default()),
        })
    }

    fn call(&self, context: &JobContext, question: Option<&Question>) -> Result<Call, String> {
        let transaction = || context.transaction.clone().map(Box::new).ok_or("the job's transaction is gone");
        let input = match context.job.hook {
            Hook::ProcessWithdrawal if let Some(question) = question => {
                HookInput::PayoutStatus(transaction()?, question.effect.clone(), question.key.clone())
            }
            Hook::PollPendingDeposits => HookInput::PollPendingDeposits,
            Hook::AfterDeposit => HookInput::AfterDeposit(transaction()?),
            Hook::ProcessWithdrawal => {
                let payment = context.payment.clone().map(Box::new).ok_or("the withdrawal's payment is gone")?;
                HookInput::ProcessWithdrawal(payment, transaction()?)
            }
            Hook::PollPendingPayouts => HookInput::PollPendingPayouts,
            hook @ (Hook::PayoutStatus | Hook::Interactive) => return Err(format!("{} is not run as a job", hook.as_str())),
        };
        Ok(Call {
            tenant: context.tenant.id.clone(),
            job: context.job.id.clone(),
            run: context.job.runs,
            version: context.version.number,
            digest: context.version.digest.clone(),
            manifest: context.version.manifest.clone(),
            input,
            limits: within(&context.limits, &self.settings.ceiling),
            seed: seed(&context.job.seed),
        })
    }

    /// What the run's outcome writes.
    async fn outcome(
        &self,
        lease: &Lease,
        context: &JobContext,
        question: Option<&Question>,
        host: &JobHost,
        outcome: &RunOutcome,
    ) -> Result<Commit, StepError> {
        let now = self.parts.clock.now();
        let job = &context.job;
        let end = |log: Vec<LogLine>| ended(job, job.runs, outcome.end.clone(), outcome.receipt, log, now);
        let mut state: Vec<Write> = Vec::new();
        if outcome.end == RunEnd::Returned {
            let writes = outcome.state_writes.iter().filter(|(key, value)| !host.has_read(key, value.as_deref())).cloned();
            state.extend(writes.map(|(key, value)| Write::State { tenant: job.tenant.clone(), key, value }));
        }
        let keeps_nothing = state.is_empty();
        if outcome.end == RunEnd::Returned && host.journal().is_empty() {
            state.extend(host.state_conditions());
        }
        if let Some(question) = question {
            state.push(end(outcome.log.clone()));
            return Ok(self.answered(lease, context, question, outcome, host.started_at, state, now));
        }
        match job.hook {
            Hook::PollPendingDeposits => match &outcome.output {
                Some(HookOutput::DepositPoll(found)) => {
                    let ids: Vec<_> = poll::named(found).into_iter().map(|id| (job.tenant.clone(), id)).collect();
                    let transactions = self.parts.store.transactions(&ids).await?.into_iter().flatten().collect();
                    let rail = &context.version.manifest.rail.name;
                    let known = self.parts.store.known_credits(&job.tenant, rail, &poll::credits(found)).await?;
                    let checked = poll::check(&self.with_rules_of_now(context, found).await?, found, transactions, known, now);
                    let log: Vec<LogLine> = outcome.log.iter().cloned().chain(checked.refused).collect();
                    let idle = keeps_nothing && checked.writes.is_empty();
                    state.extend(checked.writes);
                    Ok(self.polled(lease, context, idle, found.more, state, end(log), now))
                }
                _ => {
                    let delay_ms = asked_delay(&outcome.end);
                    Ok(self.again(lease, context, &outcome.end, delay_ms, false, vec![end(outcome.log.clone())], now))
                }
            },
            Hook::ProcessWithdrawal => match fate(context, &host.journal(), Some(&outcome.end), outcome.output.as_ref(), now) {
                Fate::Done(writes) => {
                    state.extend(writes);
                    Ok(self.done(lease, context, state, end(outcome.log.clone()), now))
                }
                Fate::Again { delay_ms, unknown } => {
                    Ok(self.again(lease, context, &outcome.end, delay_ms, unknown, vec![end(outcome.log.clone())], now))
                }
                Fate::LookUp => Ok(self.to_look_up(lease, context, &outcome.end, vec![end(outcome.log.clone())], now)),
                Fate::Held(reason) => Ok(self.held(lease, context, &reason, vec![end(outcome.log.clone())], now)),
            },
            Hook::PollPendingPayouts => match &outcome.output {
                Some(HookOutput::PayoutPoll(found)) => {
                    let ids: Vec<_> = payouts::named(found).into_iter().map(|id| (job.tenant.clone(), id)).collect();
                    let transactions = self.parts.store.transactions(&ids).await?.into_iter().flatten().collect();
                    let checked = payouts::check(found, transactions, now);
                    let log: Vec<LogLine> = outcome.log.iter().cloned().chain(checked.refused).collect();
                    let idle = keeps_nothing && checked.writes.is_empty();
                    state.extend(checked.writes);
                    Ok(self.polled(lease, context, idle, found.more, state, end(log), now))
                }
                _ => {
                    let delay_ms = asked_delay(&outcome.end);
                    Ok(self.again(lease, context, &outcome.end, delay_ms, false, vec![end(outcome.log.clone())], now))
                }
            },
            Hook::AfterDeposit | Hook::PayoutStatus | Hook::Interactive => match &outcome.end {
                RunEnd::Returned => Ok(self.done(lease, context, state, end(outcome.log.clone()), now)),
                other => Ok(self.again(lease, context, other, asked_delay(other), false, vec![end(outcome.log.clone())], now)),
            },
        }
    }

    /// Rules that the tenant set while the hook ran count: a deposit that began meanwhile is judged by them.
    async fn with_rules_of_now(&self, context: &JobContext, found: &DepositPoll) -> Result<JobContext, StepError> {
        let mut now = context.clone();
        if !found.updates.is_empty() {
            let read = self.parts.store.jobs(&[(context.job.tenant.clone(), context.job.id.clone())]).await?;
            if let Some(read) = read.into_iter().flatten().next() {
                now.assets = read.assets;
            }
        }
        Ok(now)
    }

    fn done(&self, lease: &Lease, context: &JobContext, mut writes: Vec<Write>, end: Write, now: TimeMs) -> Commit {
        let after = Job { state: JobState::Done, failures: 0, message: None, updated_at: now, ..context.job.clone() };
        writes.extend([end, Write::Job { before: JobState::Open, after: Box::new(after) }]);
        under(lease, Next::Done, writes)
    }

    /// A poll that returned. One that found nothing leaves the job as it was, with one run however often it happens; one
    /// that found something is done, and the next one is made in the same commit.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one commit")]
    fn polled(
        &self,
        lease: &Lease,
        context: &JobContext,
        idle: bool,
        more: bool,
        mut writes: Vec<Write>,
        end: Write,
        now: TimeMs,
    ) -> Commit {
        // A poll that says "more" and found nothing has not got on: it waits as any other.
        let after_ms = if more && !idle { 0 } else { self.settings.poll_interval_ms };
        let job = &context.job;
        if idle {
            let after = Job { idle_polls: job.idle_polls + 1, failures: 0, message: None, updated_at: now, ..job.clone() };
            writes.extend([end, Write::Job { before: JobState::Open, after: Box::new(after) }]);
            return under(lease, Next::After(after_ms), writes);
        }
        let version = context.active.as_ref().unwrap_or(&context.version);
        let next = self.new_job(job.hook, None, version, now);
        writes.push(Write::job_work(&next, after_ms));
        writes.push(Write::NewJob(Box::new(next)));
        self.done(lease, context, writes, end, now)
    }

    /// A run that has to be made again: later, or, when the tries are used up, by a person's word.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one commit")]
    fn again(
        &self,
        lease: &Lease,
        context: &JobContext,
        end: &RunEnd,
        delay_ms: u64,
        unknown: bool,
        mut writes: Vec<Write>,
        now: TimeMs,
    ) -> Commit {
        let failures = context.job.failures + 1;
        // While an effect is open, what the rail is said to refuse for good proves nothing: it is asked again, as often as
        // one that said "later".
        let counted = match end {
            RunEnd::Refused(HookError::Refused(_)) if unknown => &RunEnd::Refused(HookError::TryLater(0)),
            other => other,
        };
        let policy = retry::policy(context.job.hook, Some(counted), self.settings.retry_base_ms);
        let message = Some(printable(&end.message()));
        if policy.is_used_up(failures) {
            if unknown {
                return self.held(lease, context, &format!("outcome unknown after {failures} tries: {}", end.message()), writes, now);
            }
            tracing::warn!(tenant.id = %context.tenant.id, job.id = %context.job.id, hook = context.job.hook.as_str(), failures, "job.dead: waits for a person to retry it");
            let after = Job { state: JobState::Dead, failures, idle_polls: 0, message, updated_at: now, ..context.job.clone() };
            writes.push(Write::Job { before: JobState::Open, after: Box::new(after) });
            return under(lease, Next::Done, writes);
        }
        let after = Job { failures, idle_polls: 0, message, updated_at: now, ..context.job.clone() };
        writes.push(Write::Job { before: JobState::Open, after: Box::new(after) });
        under(lease, Next::After(self.back_off(policy, failures, end).max(delay_ms.min(LONGEST_DELAY_MS))), writes)
    }

    /// How long a job waits after so many failures, the last of which ended so.
    pub(crate) fn back_off(&self, policy: retry::RetryPolicy, failures: i64, end: &RunEnd) -> u64 {
        let random = u64::from_le_bytes(self.parts.random.bits()[..8].try_into().unwrap_or_default());
        policy.delay_ms(failures, random).max(asked_delay(end).min(LONGEST_DELAY_MS))
    }

    /// A run that left an effect open, where the rail can tell: asked at once. It counts as a failed try, so that a rail that
    /// never gets anything is not sent to for ever.
    fn to_look_up(&self, lease: &Lease, context: &JobContext, end: &RunEnd, mut writes: Vec<Write>, now: TimeMs) -> Commit {
        let failures = context.job.failures + 1;
        let policy = retry::policy(context.job.hook, Some(end), self.settings.retry_base_ms);
        if policy.is_used_up(failures) && failures > 1 {
            return self.held(
                lease,
                context,
                &format!("outcome unknown after {failures} tries: {}", printable(&end.message())),
                writes,
                now,
            );
        }
        let message = Some("outcome unknown: the payout was sent and no answer came back; the rail is asked".to_owned());
        let after = Job { failures, message, updated_at: now, ..context.job.clone() };
        writes.push(Write::Job { before: JobState::Open, after: Box::new(after) });
        under(lease, Next::After(0), writes)
    }

    /// Held for a person, with the withdrawal.
    pub(crate) fn held(&self, lease: &Lease, context: &JobContext, reason: &str, mut writes: Vec<Write>, now: TimeMs) -> Commit {
        tracing::error!(tenant.id = %context.tenant.id, job.id = %context.job.id, reason, "payout.held: a person has to say what happened");
        writes.extend(context.transaction.as_ref().and_then(|transaction| hold(transaction, reason, now)));
        let after = Job { state: JobState::Held, message: Some(reason.to_owned()), updated_at: now, ..context.job.clone() };
        writes.push(Write::Job { before: JobState::Open, after: Box::new(after) });
        under(lease, Next::Done, writes)
    }
}

/// How long the guest asks to wait, in milliseconds: the least that is waited.
const fn asked_delay(end: &RunEnd) -> u64 {
    match end {
        RunEnd::Refused(HookError::TryLater(delay_ms)) => *delay_ms,
        _ => 0,
    }
}

/// A run's end. What a guest wrote may hold a NUL, which no text column takes: it is shown as the replacement character.
fn ended(job: &Job, ordinal: i64, end: RunEnd, receipt: Receipt, mut log: Vec<LogLine>, at: TimeMs) -> Write {
    for line in log.iter_mut().filter(|line| line.message.contains('\0')) {
        line.message = printable(&line.message);
    }
    let end = match end {
        RunEnd::BadResult(what) => RunEnd::BadResult(printable(&what)),
        RunEnd::Trapped(what) => RunEnd::Trapped(printable(&what)),
        RunEnd::Refused(HookError::Refused(text)) => RunEnd::Refused(HookError::Refused(printable(&text))),
        RunEnd::Refused(HookError::Misconfigured(text)) => RunEnd::Refused(HookError::Misconfigured(printable(&text))),
        RunEnd::Refused(HookError::UnexpectedResponse(text)) => RunEnd::Refused(HookError::UnexpectedResponse(printable(&text))),
        other => other,
    };
    Write::RunEnded { tenant: job.tenant.clone(), job: job.id.clone(), ordinal, end, receipt, log, at }
}

fn key(lease: &Lease) -> Option<(TenantId, JobId)> {
    Some((lease.work.tenant.clone()?, JobId::new(lease.work.subject.clone()).ok()?))
}

/// The tenant's limits, none above the operator's ceiling.
fn within(limits: &RunLimits, ceiling: &RunLimits) -> RunLimits {
    RunLimits {
        fuel: limits.fuel.min(ceiling.fuel),
        wall_time_ms: limits.wall_time_ms.min(ceiling.wall_time_ms),
        memory_bytes: limits.memory_bytes.min(ceiling.memory_bytes),
        table_elements: limits.table_elements.min(ceiling.table_elements),
        memories: limits.memories.min(ceiling.memories),
        tables: limits.tables.min(ceiling.tables),
        core_instances: limits.core_instances.min(ceiling.core_instances),
        live_handles: limits.live_handles.min(ceiling.live_handles),
        hostcall_bytes: limits.hostcall_bytes.min(ceiling.hostcall_bytes),
        log_bytes: limits.log_bytes.min(ceiling.log_bytes),
        host_calls: limits.host_calls.min(ceiling.host_calls),
        http_requests: limits.http_requests.min(ceiling.http_requests),
        request_body_bytes: limits.request_body_bytes.min(ceiling.request_body_bytes),
        response_body_bytes: limits.response_body_bytes.min(ceiling.response_body_bytes),
        header_bytes: limits.header_bytes.min(ceiling.header_bytes),
        state_value_bytes: limits.state_value_bytes.min(ceiling.state_value_bytes),
        state_key_bytes: limits.state_key_bytes.min(ceiling.state_key_bytes),
        state_keys: limits.state_keys.min(ceiling.state_keys),
    }
}

/// The job's seed: 64 hex digits. What does not decode gives zeros, which only makes the numbers easy to guess.
fn seed(hex: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    for (place, pair) in seed.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *place = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_above_the_ceiling() {
        let fields = |limits: &RunLimits| match serde_json::to_value(limits) {
            Ok(serde_json::Value::Object(fields)) => fields,
            other => panic!("{other:?}"),
        };
        let all = |number: u64| -> RunLimits {
            let same = fields(&RunLimits::default()).into_iter().map(|(name, _)| (name, number.into())).collect();
            serde_json::from_value(serde_json::Value::Object(same)).unwrap()
        };
        for (limits, ceiling, allowed) in [(1, 2, 1), (2, 1, 1), (3, 3, 3)] {
            assert_eq!(within(&all(limits), &all(ceiling)), all(allowed), "every field is the smaller of the two");
        }
    }

    #[test]
    fn seeds_from_hex() {
        let mut expected = [0; 32];
        expected[..3].copy_from_slice(&[0x0a, 0xff, 0]);
        for hex in ["0aff", "0aFFzz", "0aff00é"] {
            assert_eq!(seed(hex), expected, "{hex}");
        }
        assert_eq!(seed(&"5e".repeat(40)), [0x5e; 32]);
    }

    #[test]
    fn what_a_guest_wrote_can_be_stored() {
        let text = || "a\0b".to_owned();
        for end in [
            RunEnd::BadResult(text()),
            RunEnd::Trapped(text()),
            RunEnd::Refused(HookError::Refused(text())),
            RunEnd::Refused(HookError::Misconfigured(text())),
            RunEnd::Refused(HookError::UnexpectedResponse(text())),
        ] {
            let job = crate::samples::job_context(Hook::AfterDeposit, None, windlass_domain::manifest::UnknownEffects::Hold).job;
            let line = LogLine { level: windlass_domain::job::LogLevel::Info, at: 0, message: text() };
            let Write::RunEnded { end, log, .. } = ended(&job, 1, end, Receipt::default(), vec![line], 0) else { panic!("another write") };
            assert!(end.message().contains("a\u{fffd}b") && log[0].message == "a\u{fffd}b", "{end:?}");
        }
    }
}
