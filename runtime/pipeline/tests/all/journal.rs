//! A worker dies in the middle of a payout: what the journal says decides how it goes on (money rule 3).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use windlass_domain::effect::EffectAnswer;
use windlass_domain::job::{Hook, JobState, RunEnd};
use windlass_domain::manifest::UnknownEffects::{self, Hold, Idempotent};
use windlass_domain::ports::guest::{Answered, Intent};
use windlass_domain::transaction::Transaction;

use crate::bank::{Reply, Takes};
use crate::guests::{Run, pay};
use crate::world::World;

crate::both!(
    rule_3_cut_off_before_the_intent,
    rule_3_cut_off_between_intent_and_request,
    rule_3_cut_off_between_request_and_answer,
    rule_3_cut_off_after_the_answer,
    rule_3_cut_off_after_a_no,
    rule_3_cut_off_again_and_again,
    rule_3_what_takes_the_worker_down_is_given_up,
    rule_3_a_lease_that_ends_by_itself,
    rule_3_the_end_of_a_deposit_is_told_once,
);

/// Where the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    BeforeIntent,
    BeforeRequest,
    BeforeAnswer,
    AfterAnswer,
}

/// Runs the payout's job and drops the worker when the hook has come so far; then the lease ends.
async fn dies(world: &World, at: At) {
    let reached = Arc::new(Notify::new());
    let here = reached.clone();
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let here = here.clone();
        async move {
            come_to(&run, at).await;
            here.notify_one();
            std::future::pending().await
        }
    });
    let pipeline = world.pipeline();
    let worker = tokio::spawn(async move { pipeline.step_jobs().await });
    tokio::time::timeout(Duration::from_secs(30), reached.notified()).await.unwrap();
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    world.guests.on(Hook::ProcessWithdrawal, |run| async move { pay(&run).await });
    world.hasten().await;
}

async fn come_to(run: &Run, at: At) {
    if at == At::BeforeIntent {
        return;
    }
    let digest = match &run.call.input {
        windlass_domain::ports::guest::HookInput::ProcessWithdrawal(_, withdrawal) => {
            format!("pay {:?} for {}", withdrawal.amount_out, withdrawal.id)
        }
        other => panic!("{other:?}"),
    };
    if at == At::AfterAnswer {
        run.send("payout", &digest).await.unwrap();
        return;
    }
    let Intent::Send { key } = run.host.intend("payout", &digest).await.unwrap() else { panic!("it was never sent before") };
    if at == At::BeforeAnswer {
        let _lost: Reply = run.at_bank(&key);
    }
}

/// One payout, cut off once; then as many steps as it takes.
async fn story(world: World, rail: UnknownEffects, takes: &[Takes], at: At) -> (World, Transaction) {
    let number = match rail {
        UnknownEffects::Idempotent => 11,
        UnknownEffects::LookUp | UnknownEffects::Hold => 12,
    };
    let world = World::on(world.db, number, rail).await;
    world.raw.execute(&format!("DELETE FROM work WHERE tenant <> '{}'", world.tenant)).await.unwrap();
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(takes);
    dies(&world, at).await;
    let (_, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((runs.len(), runs[0].ended_at), (1, None), "its start was committed, its end was not");
    for _ in 0..3 {
        world.pipeline().step_jobs().await.unwrap();
        world.hasten().await;
    }
    let (_, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!(runs[0].end, Some(RunEnd::LeaseLost));
    (world, withdrawal)
}

/// State of the withdrawal and of its job, runs, requests, payouts.
async fn end(world: &World, withdrawal: &Transaction) -> (&'static str, JobState, usize, usize, usize) {
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert!(effects.windows(2).all(|pair| pair[0].key == pair[1].key), "one key in every run");
    (world.state(withdrawal).await, job.state, runs.len(), world.bank.requests().len(), world.bank.payouts().len())
}

const DONE: &str = "completed";
const HELD: &str = "payout_held";

async fn both_rails(
    mut world: World,
    takes: &[Takes],
    at: At,
    idempotent: (&'static str, usize, usize, usize),
    hold: (&'static str, usize, usize, usize),
) {
    for (rail, (state, runs, requests, payouts)) in [(Idempotent, idempotent), (Hold, hold)] {
        let (told, withdrawal) = story(world, rail, takes, at).await;
        let job = if state == HELD { JobState::Held } else { JobState::Done };
        assert_eq!(end(&told, &withdrawal).await, (state, job, runs, requests, payouts), "{rail:?}");
        world = told;
    }
}

async fn rule_3_cut_off_before_the_intent(world: World) {
    both_rails(world, &[], At::BeforeIntent, (DONE, 2, 1, 1), (DONE, 2, 1, 1)).await;
}

async fn rule_3_cut_off_between_intent_and_request(world: World) {
    both_rails(world, &[], At::BeforeRequest, (DONE, 2, 1, 1), (HELD, 1, 0, 0)).await;
}

async fn rule_3_cut_off_between_request_and_answer(world: World) {
    both_rails(world, &[], At::BeforeAnswer, (DONE, 2, 2, 1), (HELD, 1, 1, 1)).await;
}

/// The answer is given to the next run from the journal; nothing is sent again, on either rail.
async fn rule_3_cut_off_after_the_answer(world: World) {
    both_rails(world, &[], At::AfterAnswer, (DONE, 2, 1, 1), (DONE, 2, 1, 1)).await;
}

async fn rule_3_cut_off_after_a_no(world: World) {
    both_rails(world, &[Takes::Says(422)], At::AfterAnswer, (DONE, 2, 2, 1), (DONE, 2, 2, 1)).await;
}

async fn rule_3_cut_off_again_and_again(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    for at in [At::BeforeIntent, At::BeforeRequest, At::BeforeAnswer, At::BeforeRequest] {
        dies(&world, at).await;
    }
    world.pipeline().step_jobs().await.unwrap();
    assert_eq!(end(&world, &withdrawal).await, (DONE, JobState::Done, 5, 2, 1));
    let (_, _, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!(effects.iter().filter(|effect| effect.answer.is_none()).count(), 3);
    assert!(matches!(effects.last().unwrap().answer, Some(EffectAnswer::Complete { status: 201, .. })));
}

/// A run that is cut off each time may be what takes the process down: after twenty times a person looks.
async fn rule_3_what_takes_the_worker_down_is_given_up(world: World) {
    for (number, (at, job, state)) in
        [(At::BeforeIntent, JobState::Dead, "received"), (At::BeforeRequest, JobState::Held, HELD)].into_iter().enumerate()
    {
        let world = World::on(world.db.clone(), 20 + number, Idempotent).await;
        world.raw.execute("DELETE FROM work").await.unwrap();
        let withdrawal = world.a_received_withdrawal().await;
        for _ in 0..20 {
            dies(&world, at).await;
        }
        world.pipeline().step_jobs().await.unwrap();
        let (given_up, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
        assert_eq!((given_up.state, world.state(&withdrawal).await, runs.len()), (job, state, 20), "{at:?}");
        assert_eq!(world.bank.requests().len(), 0);
    }
}

/// No clock but the database's: a short lease, and real time that passes.
async fn rule_3_a_lease_that_ends_by_itself(mut world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.settings.lease_ms = 200;
    let reached = Arc::new(Notify::new());
    let here = reached.clone();
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let here = here.clone();
        async move {
            if run.call.run > 1 {
                return pay(&run).await;
            }
            here.notify_one();
            std::future::pending().await
        }
    });
    let pipeline = world.pipeline();
    let worker = tokio::spawn(async move { pipeline.step_jobs().await });
    reached.notified().await;
    let other = world.pipeline();
    world.raw.execute("DELETE FROM work WHERE kind <> 'job'").await.unwrap();
    let polls = world.guests.runs(Hook::PollPendingDeposits).len();
    for _ in 0..100 {
        other.step_jobs().await.unwrap();
        if world.state(&withdrawal).await == DONE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.abort();
    assert_eq!(end(&world, &withdrawal).await, (DONE, JobState::Done, 2, 1, 1));
    assert!(world.guests.runs(Hook::PollPendingDeposits).len() > polls, "the other jobs went on meanwhile");
}

/// An effect of `after-deposit` that was answered is given again from the journal, even after a run that failed.
async fn rule_3_the_end_of_a_deposit_is_told_once(world: World) {
    world.guests.on(Hook::AfterDeposit, |run| async move {
        run.send("notify", "the same").await.unwrap();
        if run.call.run < 3 { crate::guests::trap() } else { crate::guests::returned(windlass_domain::ports::guest::HookOutput::Nothing) }
    });
    let deposit = world.add(world.a_ready_deposit()).await;
    world.rounds(8).await;
    let (job, runs, effects) = world.the_job(Hook::AfterDeposit).await;
    assert_eq!((world.state(&deposit).await, job.state, runs.len(), effects.len()), (DONE, JobState::Done, 3, 3));
    assert_eq!((world.bank.requests().len(), world.bank.payouts().len()), (1, 1));
    let silent = Answered::NoAnswer(String::new()).recorded(String::new());
    assert!(effects.iter().all(|effect| effect.answer.as_ref().is_some_and(|answer| *answer != silent)));
}
