//! Jobs, runs, logs, and the polls of an activated version.

use windlass_domain::VersionNumber;
use windlass_domain::asset::Memo;
use windlass_domain::commit::{CommitError, WorkKind, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::job::{Hook, HookError, Job, JobState, LogLevel, LogLine, Receipt, RunEnd};
use windlass_domain::ports::store::{Page, StoreError};
use windlass_domain::tenant::Matched;
use windlass_domain::withdrawal::WithdrawalState as W;

use crate::both;
use crate::world::{World, acme, constraint, deposit, job, new, payment, tx, version, withdrawal};

both!(
    a_job_has_all_that_its_run_needs,
    an_idle_polls_row_is_used_again,
    a_run_that_ended_is_not_taken_over,
    rule_4_a_changed_job_is_stale,
    rule_3_one_payout_job_at_a_time,
    activation_makes_polls_that_are_not_there,
    jobs_are_listed_newest_first,
);

fn start(job: &Job, ordinal: i64) -> Write {
    Write::RunStarted { tenant: acme(), job: job.id.clone(), ordinal, hook: job.hook, version: VersionNumber(1), at: ordinal }
}

fn end(job: &Job, ordinal: i64, end: RunEnd, log: &[&str]) -> Write {
    let log = log.iter().map(|text| LogLine { level: LogLevel::Warn, at: 4, message: (*text).into() }).collect();
    let receipt = Receipt { fuel_used: u64::MAX, ..Receipt::default() };
    Write::RunEnded { tenant: acme(), job: job.id.clone(), ordinal, end, receipt, log, at: 9 }
}

fn add(job: &Job) -> Write {
    Write::NewJob(Box::new(job.clone()))
}

async fn a_job_has_all_that_its_run_needs(world: World) {
    let job = job(1, Hook::ProcessWithdrawal, Some(1));
    let payment = payment(0, Some(Memo::Id(1)));
    let incoming = Write::Incoming { tenant: acme(), payment: Box::new(payment.clone()), matched: Matched::Transaction(tx(1)), at: 1 };
    world.write(vec![new(withdrawal(1, W::Received)), add(&job), incoming, start(&job, 1)]).await.unwrap();
    world.store.activate(&acme(), VersionNumber(1), &[]).await.unwrap();
    let refused = RunEnd::Refused(HookError::TryLater(u64::MAX));
    world.write(vec![end(&job, 1, refused.clone(), &["a\0b"]), start(&job, 2)]).await.unwrap();
    let context = world.store.jobs(&[(acme(), job.id.clone())]).await.unwrap().remove(0).unwrap();
    assert_eq!(context.job, job);
    assert_eq!(context.tenant.active_version, Some(VersionNumber(1)));
    assert_eq!(context.version, windlass_domain::tenant::Version { number: VersionNumber(1), ..version() });
    assert_eq!(context.active, Some(context.version));
    assert_eq!(context.transaction, Some(withdrawal(1, W::Received)));
    assert_eq!(context.payment, Some(payment));
    assert_eq!(context.newest_run.as_ref().map(|run| (run.ordinal, run.end.clone())), Some((2, None)));
    assert_eq!(context.limits, windlass_domain::limits::RunLimits::default());
    let (_, runs, _) = world.store.show_job(&acme(), &job.id).await.unwrap().unwrap();
    assert_eq!((runs[0].end.clone(), runs[0].receipt.map(|one| one.fuel_used)), (Some(refused), Some(u64::MAX)));
    assert_eq!(world.store.job_log(&acme(), &job.id).await.unwrap()[0].1.message, "a\u{fffd}b");
}

async fn an_idle_polls_row_is_used_again(world: World) {
    let poll = job(1, Hook::PollPendingDeposits, None);
    world.write(vec![add(&poll), start(&poll, 1)]).await.unwrap();
    world.write(vec![end(&poll, 1, RunEnd::Returned, &["one", "two"])]).await.unwrap();
    world.write(vec![start(&poll, 1)]).await.unwrap();
    world.write(vec![end(&poll, 1, RunEnd::Returned, &["three"])]).await.unwrap();
    world.write(vec![start(&poll, 1)]).await.unwrap();
    world.write(vec![end(&poll, 1, RunEnd::Cancelled, &[])]).await.unwrap();
    world.write(vec![start(&poll, 1)]).await.unwrap();
    world.write(vec![end(&poll, 1, RunEnd::Returned, &["three"])]).await.unwrap();
    let (_, runs, _) = world.store.show_job(&acme(), &poll.id).await.unwrap().unwrap();
    assert_eq!(runs.len(), 1);
    let log: Vec<_> = world.store.job_log(&acme(), &poll.id).await.unwrap().into_iter().map(|(run, line)| (run, line.message)).collect();
    assert_eq!(log, [(1, "three".to_owned())]);
}

async fn a_run_that_ended_is_not_taken_over(world: World) {
    let poll = job(1, Hook::PollPendingDeposits, None);
    let after = job(2, Hook::AfterDeposit, Some(1));
    world.write(vec![new(deposit(1, D::Completed)), add(&poll), add(&after), start(&poll, 1), start(&after, 1)]).await.unwrap();
    world.write(vec![end(&poll, 1, RunEnd::TimedOut, &[]), end(&after, 1, RunEnd::Returned, &[])]).await.unwrap();
    for job in [&poll, &after] {
        assert_eq!(constraint(world.write(vec![start(job, 1)]).await), "runs_once");
        let again = world.write(vec![end(job, 1, RunEnd::Cancelled, &[])]).await;
        assert!(matches!(again, Err(CommitError::Stale(_))), "a run ends once: {again:?}");
    }
}

async fn rule_4_a_changed_job_is_stale(world: World) {
    let job = job(1, Hook::PollPendingDeposits, None);
    let done = Write::Job { before: JobState::Open, after: Box::new(Job { state: JobState::Done, runs: 1, ..job.clone() }) };
    world.write(vec![add(&job)]).await.unwrap();
    world.write(vec![done.clone()]).await.unwrap();
    assert!(matches!(world.write(vec![done]).await, Err(CommitError::Stale(_))));
}

async fn rule_3_one_payout_job_at_a_time(world: World) {
    let first = job(1, Hook::ProcessWithdrawal, Some(1));
    world.write(vec![new(withdrawal(1, W::Received)), add(&first)]).await.unwrap();
    let second = job(2, Hook::ProcessWithdrawal, Some(1));
    assert_eq!(constraint(world.write(vec![add(&second)]).await), "jobs_one_payout");
    world.write(vec![add(&job(3, Hook::PayoutStatus, Some(1)))]).await.unwrap();
    let done = Write::Job { before: JobState::Open, after: Box::new(Job { state: JobState::Dead, ..first }) };
    world.write(vec![add(&second), done]).await.unwrap();
}

async fn activation_makes_polls_that_are_not_there(world: World) {
    let missing = world.store.activate(&acme(), VersionNumber(7), &[]).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    let poll = job(1, Hook::PollPendingDeposits, None);
    world.store.activate(&acme(), VersionNumber(1), std::slice::from_ref(&poll)).await.unwrap();
    let polls = [job(2, Hook::PollPendingDeposits, None), job(3, Hook::PollPendingPayouts, None)];
    world.store.activate(&acme(), VersionNumber(1), &polls).await.unwrap();
    let ids: Vec<_> = world.store.claim(WorkKind::Job, 9, 9, 60_000).await.unwrap().into_iter().map(|lease| lease.work.subject).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&poll.id.to_string()) && ids.contains(&polls[1].id.to_string()));
    assert_eq!(constraint(world.write(vec![add(&polls[0])]).await), "jobs_one_open_poll");
    assert_eq!(world.store.tenant(&acme()).await.unwrap().unwrap().active_version, Some(VersionNumber(1)));
}

async fn jobs_are_listed_newest_first(world: World) {
    let jobs = [job(1, Hook::AfterDeposit, Some(1)), job(2, Hook::PollPendingDeposits, None), job(3, Hook::AfterDeposit, Some(1))];
    world.write([new(deposit(1, D::Completed))].into_iter().chain(jobs.iter().map(add)).collect()).await.unwrap();
    let list = |hook, state, about, page: Page| {
        let store = world.store.clone();
        async move {
            let found = store.list_jobs(&acme(), hook, state, about, &page).await.unwrap();
            found.into_iter().map(|job| job.created_at).collect::<Vec<_>>()
        }
    };
    let about = tx(1);
    let first = Page { after: None, limit: 2 };
    assert_eq!(list(None, None, None, first.clone()).await, [3, 2]);
    let next = Page { after: Some((2, jobs[1].id.to_string())), limit: 2 };
    assert_eq!(list(None, None, None, next).await, [1]);
    assert_eq!(list(Some(Hook::AfterDeposit), Some(JobState::Open), Some(&about), first.clone()).await, [3, 1]);
    assert!(list(None, Some(JobState::Held), None, first).await.is_empty());
}
