//! The integration's `state`: its writes commit with the outcome or not at all; a key that changed meanwhile re-runs the
//! job, unless it has sent an effect.

use std::sync::Arc;

use windlass_domain::TenantId;
use windlass_domain::commit::{Commit, Write};
use windlass_domain::job::{Hook, JobState, RunEnd};
use windlass_domain::ports::guest::{DepositPoll, DepositUpdate, HookOutput, RunOutcome};
use windlass_domain::ports::store::AdminStore;

use crate::faults::{Faults, Plan};
use crate::guests::{ended, paid, returned, trap, try_later};
use crate::world::{World, amount};

crate::both!(
    state_is_written_with_the_outcome_only,
    rule_2_cursor_and_credits_are_one_commit,
    a_key_that_changed_meanwhile_re_runs_the_job,
    rule_2_an_idle_poll_that_is_overtaken_goes_on,
    rule_3_a_job_that_has_sent_an_effect_is_not_re_run,
    a_key_written_with_what_it_held_is_no_change,
    two_jobs_count_to_two,
);

async fn put(store: &Arc<dyn AdminStore>, tenant: &TenantId, value: u8) {
    let write = Write::State { tenant: tenant.clone(), key: "k".into(), value: Some(vec![value]) };
    store.commit(vec![Commit { fence: None, writes: vec![write] }]).await.pop().unwrap().unwrap();
}

async fn value(world: &World) -> Option<Vec<u8>> {
    world.store.state_get(&world.tenant, "k").await.unwrap()
}

fn writing(outcome: RunOutcome, value: u8) -> RunOutcome {
    RunOutcome { state_writes: vec![("k".into(), Some(vec![value]))], ..outcome }
}

async fn a_paid_deposit(world: &World) {
    world.add(world.a_ready_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    world.ledger.close();
    pipeline.step_envelope().await.unwrap();
}

async fn state_is_written_with_the_outcome_only(world: World) {
    a_paid_deposit(&world).await;
    for outcome in [trap(), try_later(), ended(RunEnd::TimedOut), ended(RunEnd::OutOfFuel)] {
        let outcome = writing(outcome, 9);
        world.guests.on(Hook::AfterDeposit, move |_| {
            let outcome = outcome.clone();
            async { outcome }
        });
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
        assert_eq!(value(&world).await, None);
        world.raw.execute("UPDATE jobs SET failures = 0, state = 'open'").await.unwrap();
    }
    world.guests.on(Hook::AfterDeposit, |_| async { writing(returned(HookOutput::Nothing), 1) });
    world.hasten().await;
    world.pipeline().step_jobs().await.unwrap();
    assert_eq!((value(&world).await, world.the_job(Hook::AfterDeposit).await.0.state), (Some(vec![1]), JobState::Done));
}

async fn rule_2_cursor_and_credits_are_one_commit(world: World) {
    let mut together = [0, 0];
    for at in 0.. {
        let world = World::on(world.db.clone(), 100 + at, windlass_domain::manifest::UnknownEffects::Hold).await;
        world.raw.execute(&format!("DELETE FROM work WHERE tenant <> '{}'", world.tenant)).await.unwrap();
        let deposit = world.add(world.a_deposit()).await;
        world.bank.credit("c1", &deposit.reference, amount("100"));
        world.bank.credit("c2", "nobody's", amount("5"));
        let faults = Faults::new(Plan { at, dies: true });
        let _cut_off = world.pipeline_with(faults.clone(), world.settings.clone()).step_jobs().await;
        let cursor = world.store.state_get(&world.tenant, "cursor").await.unwrap().is_some();
        let seen = (world.state(&deposit).await, world.store.credits(&world.tenant, false).await.unwrap().len());
        let next = world.jobs(Hook::PollPendingDeposits).await.len();
        let expected = if cursor { (("ready", 2), 2) } else { (("awaiting_funds", 0), 1) };
        assert_eq!((seen, next), expected, "{:?}", faults.struck());
        together[usize::from(cursor)] += 1;
        if faults.struck().is_none() {
            assert!(together[0] >= 6 && together[1] == 2, "{together:?}");
            return;
        }
    }
}

async fn a_key_that_changed_meanwhile_re_runs_the_job(world: World) {
    put(&world.store, &world.tenant, 1).await;
    a_paid_deposit(&world).await;
    let store = world.store.clone();
    world.guests.on(Hook::AfterDeposit, move |run| {
        let store = store.clone();
        async move {
            let read = run.host.state_get("k").await.unwrap().unwrap()[0];
            if run.call.run == 1 {
                put(&store, &run.call.tenant, 5).await;
            }
            writing(returned(HookOutput::Nothing), read + 1)
        }
    });
    let pipeline = world.pipeline();
    pipeline.step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::AfterDeposit).await;
    assert_eq!(
        (job.state, job.failures, runs[0].end.clone(), value(&world).await),
        (JobState::Open, 0, Some(RunEnd::Cancelled), Some(vec![5]))
    );
    pipeline.step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::AfterDeposit).await;
    assert_eq!((job.state, runs.len(), value(&world).await), (JobState::Done, 2, Some(vec![6])));
}

async fn rule_2_an_idle_poll_that_is_overtaken_goes_on(world: World) {
    put(&world.store, &world.tenant, 1).await;
    let deposit = world.add(world.a_deposit()).await;
    let pipeline = world.pipeline();
    for _ in 0..3 {
        pipeline.step_jobs().await.unwrap();
    }
    assert_eq!(world.the_job(Hook::PollPendingDeposits).await.0.idle_polls, 3);
    let (store, id) = (world.store.clone(), deposit.id.to_string());
    world.guests.on(Hook::PollPendingDeposits, move |run| {
        let (store, id) = (store.clone(), id.clone());
        async move {
            let read = run.host.state_get("k").await.unwrap().unwrap()[0];
            if read == 1 {
                put(&store, &run.call.tenant, 5).await;
            }
            let updates = vec![DepositUpdate::Received { id, amount: amount("100"), external_id: "c1".into() }];
            writing(returned(HookOutput::DepositPoll(DepositPoll { updates, ..DepositPoll::default() })), read + 1)
        }
    });
    pipeline.step_jobs().await.unwrap();
    assert_eq!((world.state(&deposit).await, value(&world).await), ("awaiting_funds", Some(vec![5])), "overtaken: nothing of it is kept");
    world.hasten().await;
    pipeline.step_jobs().await.unwrap();
    assert_eq!((world.state(&deposit).await, value(&world).await), ("ready", Some(vec![6])));
}

async fn rule_3_a_job_that_has_sent_an_effect_is_not_re_run(world: World) {
    put(&world.store, &world.tenant, 1).await;
    let withdrawal = world.a_received_withdrawal().await;
    let store = world.store.clone();
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let store = store.clone();
        async move {
            run.host.state_get("k").await.unwrap();
            run.send("payout", "a").await.unwrap();
            put(&store, &run.call.tenant, 5).await;
            writing(paid("p1"), 2)
        }
    });
    world.pipeline().step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((world.state(&withdrawal).await, job.state, runs.len(), world.bank.requests().len()), ("completed", JobState::Done, 1, 1));
    assert_eq!(value(&world).await, Some(vec![2]));
}

async fn a_key_written_with_what_it_held_is_no_change(world: World) {
    put(&world.store, &world.tenant, 1).await;
    world.guests.on(Hook::PollPendingDeposits, |run| async move {
        run.host.state_get("k").await.unwrap();
        writing(returned(HookOutput::DepositPoll(DepositPoll::default())), 1)
    });
    for _ in 0..3 {
        world.pipeline().step_jobs().await.unwrap();
    }
    assert_eq!(world.the_job(Hook::PollPendingDeposits).await.0.idle_polls, 3);
}

/// Two jobs of one tenant read, add one and write, at the same time.
async fn two_jobs_count_to_two(world: World) {
    put(&world.store, &world.tenant, 0).await;
    for _ in 0..2 {
        world.add(world.a_ready_deposit()).await;
    }
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    world.ledger.close();
    pipeline.step_envelope().await.unwrap();
    let both = Arc::new(tokio::sync::Barrier::new(2));
    world.guests.on(Hook::AfterDeposit, move |run| {
        let both = both.clone();
        async move {
            let read = run.host.state_get("k").await.unwrap().unwrap()[0];
            if run.call.run == 1 {
                both.wait().await;
            }
            writing(returned(HookOutput::Nothing), read + 1)
        }
    });
    for _ in 0..3 {
        pipeline.step_jobs().await.unwrap();
    }
    assert_eq!(value(&world).await, Some(vec![2]));
    assert!(world.jobs(Hook::AfterDeposit).await.iter().all(|job| job.state == JobState::Done));
    assert_eq!(world.guests.runs(Hook::AfterDeposit).len(), 3);
}
