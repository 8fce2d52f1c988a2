//! Leases fence decisions, not observations (money rule 7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use windlass_domain::commit::{Lease, WorkKind};
use windlass_domain::effect::EffectAnswer;
use windlass_domain::job::{Hook, JobState, RunEnd};
use windlass_domain::manifest::UnknownEffects::Hold;
use windlass_domain::ports::ledger::Submission;
use windlass_domain::transaction::Transaction;

use crate::bank::Takes;
use crate::guests::{pay, trap};
use crate::ledger::OnSubmit;
use crate::world::{World, amount, user};

crate::both!(
    rule_7_a_verdict_is_recorded_whoever_holds_the_lease,
    rule_7_without_a_verdict_a_lost_lease_writes_nothing,
    rule_7_a_lost_lease_sends_nothing,
    rule_7_an_answer_is_recorded_whoever_holds_the_lease,
    rule_7_a_run_that_lost_its_lease_decides_nothing,
    rule_7_two_workers_never_run_one_job_at_the_same_time,
    rule_7_two_workers_pay_each_deposit_once,
);

/// A deposit whose envelope was sent; `takes`: it is in a closed ledger.
async fn sent(world: &World, takes: bool) -> Transaction {
    world.ledger.script_submit([OnSubmit { takes, says: Some(Submission::Pending) }]);
    let deposit = world.add(world.a_ready_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    world.ledger.close();
    deposit
}

/// The first worker's look-up is answered, and before it hears of it its lease ends and another one has the envelope.
async fn overtaken_at_the_look_up(world: &World) -> Lease {
    let gate = world.ledger.hold_up_a_look_up();
    let first = world.pipeline();
    let step = tokio::spawn(async move { first.step_envelope().await });
    gate.reached.notified().await;
    world.hasten().await;
    let mut taken = world.store.claim(WorkKind::Envelope, 10, 10, 60_000).await.unwrap();
    gate.go.notify_one();
    step.await.unwrap().unwrap();
    taken.remove(0)
}

async fn rule_7_a_verdict_is_recorded_whoever_holds_the_lease(world: World) {
    let deposit = sent(&world, true).await;
    let lease = overtaken_at_the_look_up(&world).await;
    assert_eq!((world.state(&deposit).await, world.jobs(Hook::AfterDeposit).await.len()), ("completed", 1));
    let leased = format!("work WHERE kind = 'envelope' AND lease_token = {} AND lease_until IS NOT NULL", lease.token);
    assert_eq!(world.count(&leased).await, 1, "the row stays with whoever holds it now");
    // The other worker finds nothing to do.
    world.hasten().await;
    world.pipeline().step_envelope().await.unwrap();
    assert_eq!((world.count("work WHERE kind = 'envelope'").await, world.history(&deposit).await.1.len()), (0, 4));
    assert_eq!(world.jobs(Hook::AfterDeposit).await.len(), 1);
}

async fn rule_7_without_a_verdict_a_lost_lease_writes_nothing(world: World) {
    let deposit = sent(&world, false).await;
    // Past the bound: to note that is a decision.
    world.ledger.close_after(200);
    let before = world.store.envelopes_of(&world.tenant, &deposit.id).await.unwrap();
    overtaken_at_the_look_up(&world).await;
    assert_eq!(world.store.envelopes_of(&world.tenant, &deposit.id).await.unwrap(), before);
    assert_eq!(before[0].bound_passed_at, None);
}

/// Holds the first run of the payout up at a place, lets another worker take the job over, and lets it go on.
async fn overtaken(world: &World, before_the_intent: bool) {
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (here, on) = (reached.clone(), go.clone());
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let (here, on) = (here.clone(), on.clone());
        async move {
            if run.call.run > 1 {
                return pay(&run).await;
            }
            if before_the_intent {
                here.notify_one();
                on.notified().await;
                return pay(&run).await;
            }
            let outcome = pay_slowly(&run, &here, &on).await;
            outcome.unwrap_or_else(crate::guests::fault)
        }
    });
    let first = world.pipeline();
    let step = tokio::spawn(async move { first.step_jobs().await });
    reached.notified().await;
    world.hasten().await;
    world.pipeline().step_jobs().await.unwrap();
    go.notify_one();
    step.await.unwrap().unwrap();
}

/// Sends, and hears of the bank's answer late.
async fn pay_slowly(
    run: &crate::guests::Run,
    here: &Notify,
    on: &Notify,
) -> Result<windlass_domain::ports::guest::RunOutcome, windlass_domain::ports::guest::HostFault> {
    use windlass_domain::ports::guest::{Answered, Intent};
    let Intent::Send { key } = run.host.intend("payout", "late").await? else { panic!("it was never sent before") };
    let crate::bank::Reply::Answer(response) = run.at_bank(&key) else { panic!("the bank answers") };
    here.notify_one();
    on.notified().await;
    run.host.answered("payout", Answered::Complete(response)).await?;
    Ok(crate::guests::paid("too late"))
}

async fn rule_7_a_lost_lease_sends_nothing(world: World) {
    let world = world.with_rail(Hold).await;
    let withdrawal = world.a_received_withdrawal().await;
    overtaken(&world, true).await;
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((world.state(&withdrawal).await, job.state, runs.len(), effects.len()), ("completed", JobState::Done, 2, 1));
    assert_eq!((world.bank.requests().len(), world.bank.payouts().len()), (1, 1), "only the second run's");
    assert_eq!(runs[0].end, Some(RunEnd::LeaseLost));
}

async fn rule_7_an_answer_is_recorded_whoever_holds_the_lease(world: World) {
    let world = world.with_rail(Hold).await;
    let withdrawal = world.a_received_withdrawal().await;
    overtaken(&world, false).await;
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    // The other worker could not know, and held it; the answer is there for the person who looks.
    assert_eq!((world.state(&withdrawal).await, job.state, runs.len()), ("payout_held", JobState::Held, 1));
    assert!(matches!(effects[0].answer, Some(EffectAnswer::Complete { status: 201, .. })));
    let paid = world.transaction(&withdrawal).await;
    assert_eq!((paid.external_id, runs[0].end.clone()), (None, Some(RunEnd::LeaseLost)), "the late run decides nothing");
}

async fn rule_7_a_run_that_lost_its_lease_decides_nothing(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::Says(422)]);
    let raw = world.raw.clone();
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let raw = raw.clone();
        async move {
            run.send("payout", "a").await.unwrap();
            // Another worker's claim, as after the lease's end.
            raw.execute("UPDATE work SET lease_token = lease_token + 1 WHERE kind = 'job'").await.unwrap();
            trap()
        }
    });
    world.pipeline().step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((world.state(&withdrawal).await, job.state, job.failures, runs[0].end.clone()), ("received", JobState::Open, 0, None));
}

async fn rule_7_two_workers_never_run_one_job_at_the_same_time(world: World) {
    let running: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    world.guests.on(Hook::ProcessWithdrawal, move |run| {
        let running = running.clone();
        async move {
            let job = run.call.job.to_string();
            assert!(running.lock().unwrap().insert(job.clone()), "{job} is run by two");
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let outcome = pay(&run).await;
            running.lock().unwrap().remove(&job);
            outcome
        }
    });
    let pipeline = world.pipeline();
    pipeline.prepare().await.unwrap();
    pipeline.step_watch().await.unwrap();
    for memo in 1..=12 {
        world.add(world.a_withdrawal(memo)).await;
        world.pay_in(&format!("cafe{memo}"), memo, "100");
    }
    world.hasten().await;
    pipeline.step_watch().await.unwrap();
    let (mut first, mut second) = (world.settings.clone(), world.settings.clone());
    (first.concurrent_runs, second.concurrent_runs) = (5, 3);
    let workers = [first, second].map(|settings| world.pipeline_with(crate::faults::Faults::none(), settings));
    for _ in 0..12 {
        let (one, other) = tokio::join!(workers[0].step_jobs(), workers[1].step_jobs());
        assert!(one.unwrap() <= 5 && other.unwrap() <= 3, "no more than may run at once");
    }
    assert!(world.jobs(Hook::ProcessWithdrawal).await.iter().all(|job| (job.state, job.runs) == (JobState::Done, 1)));
    assert_eq!((world.bank.requests().len(), world.bank.payouts().len()), (12, 12));
}

async fn rule_7_two_workers_pay_each_deposit_once(world: World) {
    let workers = [world.pipeline(), world.pipeline()];
    for number in 1..=6 {
        world.add(Transaction { account: Some(user(number).to_string()), ..world.a_ready_deposit() }).await;
        // Leases end in the middle of everything.
        world.hasten().await;
        let (one, other) = tokio::join!(workers[0].step(), workers[1].step());
        one.unwrap();
        other.unwrap();
        world.ledger.close();
    }
    world.rounds(5).await;
    for number in 1..=6 {
        assert_eq!(world.ledger.paid_to(&user(number)), [amount("99")], "{number}");
    }
    assert!(world.jobs(Hook::AfterDeposit).await.iter().all(|job| job.state == JobState::Done));
    assert_eq!(world.jobs(Hook::AfterDeposit).await.len(), 6);
}
