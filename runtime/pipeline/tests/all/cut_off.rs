//! Whole stories, cut off at every call of every port, before it and after it: each ends as if nothing had happened.

use std::sync::Arc;

use windlass_domain::job::{Hook, JobState};
use windlass_domain::manifest::UnknownEffects;
use windlass_domain::transaction::Transaction;
use windlass_pipeline::Pipeline;
use windlass_store::testing::TestDb;

use crate::faults::{Faults, Plan};
use crate::world::{World, amount, user};

crate::both!(
    rule_1_a_deposit_cut_off_everywhere,
    rule_1_a_deposit_with_one_lost_answer_everywhere,
    rule_3_a_withdrawal_cut_off_everywhere,
    rule_3_a_withdrawal_with_one_lost_answer_everywhere,
    rule_3_a_withdrawal_cut_off_everywhere_over_a_rail_that_promises_nothing,
);

/// More rounds than any story takes.
const ROUNDS: usize = 15;

/// A new tenant, cut off at the n-th call; nothing of the tenants before it is left in the queue.
async fn cut_off(db: &Arc<TestDb>, at: usize, dies: bool, rail: UnknownEffects) -> (World, Arc<Faults>) {
    let world = World::on(db.clone(), 1_000 + at, rail).await;
    world.raw.execute(&format!("DELETE FROM work WHERE tenant <> '{}'", world.tenant)).await.unwrap();
    (world, Faults::new(Plan { at, dies }))
}

/// Does `round` again and again, with a new pipeline where the one before has died, until `done`.
async fn until<R: Future<Output = ()>, D: Future<Output = bool>>(
    world: &World,
    faults: &Arc<Faults>,
    round: impl Fn(Arc<Pipeline>) -> R,
    done: impl Fn() -> D,
) {
    let mut pipeline = world.pipeline_with(faults.clone(), world.settings.clone());
    for _ in 0..ROUNDS {
        round(pipeline.clone()).await;
        if faults.is_dead() {
            pipeline = world.pipeline();
        }
        if done().await {
            return;
        }
        world.hasten().await;
    }
    panic!("cut off at {:?}, the story does not come to its end", faults.struck());
}

async fn deposits(db: Arc<TestDb>, dies: bool) {
    for at in 0.. {
        let (world, faults) = cut_off(&db, at, dies, UnknownEffects::Hold).await;
        let deposit = world.add(world.a_deposit()).await;
        world.bank.credit("credit-1", &deposit.reference, amount("100"));
        let world = &world;
        // Errors are those of the cut: what matters is what is stored and paid in the end.
        let round = |pipeline: Arc<Pipeline>| async move {
            let _ = pipeline.step_jobs().await;
            let _ = pipeline.step_plan().await;
            let _ = pipeline.step_envelope().await;
            world.ledger.close();
            let _ = pipeline.step_envelope().await;
        };
        let done = || async { world.jobs(Hook::AfterDeposit).await.iter().any(|job| job.state == JobState::Done) };
        until(world, &faults, round, done).await;
        paid_once(world, &deposit, &format!("{:?}", faults.struck())).await;
        if faults.struck().is_none() {
            assert!(at > 20, "the story has more calls than {at}");
            return;
        }
    }
}

/// The judge of a deposit's end.
async fn paid_once(world: &World, deposit: &Transaction, at: &str) {
    let (end, history) = world.history(deposit).await;
    assert_eq!((end.state.as_str(), history.len()), ("completed", 5), "{at}");
    assert_eq!(world.ledger.paid_to(&user(1)), [amount("99")], "{at}");
    assert_eq!(world.ledger.envelopes(), 1, "{at}");
    assert_eq!(world.jobs(Hook::AfterDeposit).await.len(), 1, "{at}");
    assert_eq!(world.store.credits(&world.tenant, false).await.unwrap().len(), 1, "{at}");
}

async fn rule_1_a_deposit_cut_off_everywhere(world: World) {
    deposits(world.db, true).await;
}

async fn rule_1_a_deposit_with_one_lost_answer_everywhere(world: World) {
    deposits(world.db, false).await;
}

async fn withdrawals(db: Arc<TestDb>, dies: bool, rail: UnknownEffects) -> usize {
    let mut held = 0;
    for at in 0.. {
        let (world, faults) = cut_off(&db, at, dies, rail).await;
        let before = world.pipeline();
        before.prepare().await.unwrap();
        before.step_watch().await.unwrap();
        let withdrawal = world.add(world.a_withdrawal(7)).await;
        world.pay_in("cafe", 7, "100");
        world.hasten().await;
        let world = &world;
        let round = |pipeline: Arc<Pipeline>| async move {
            let _ = pipeline.step_watch().await;
            let _ = pipeline.step_jobs().await;
        };
        let done = || async { world.jobs(Hook::ProcessWithdrawal).await.iter().any(|job| job.state != JobState::Open) };
        until(world, &faults, round, done).await;
        let at_call = format!("{:?}", faults.struck());
        let state = world.state(&withdrawal).await;
        assert_eq!(world.store.incoming(&world.tenant, false).await.unwrap().len(), 1, "{at_call}");
        assert_eq!(world.jobs(Hook::ProcessWithdrawal).await.len(), 1, "{at_call}");
        if state == "payout_held" {
            held += 1;
            assert!(world.bank.requests().len() <= 1, "held after {at_call}, and nothing was sent again");
        } else {
            assert_eq!((state, world.bank.payouts().len()), ("completed", 1), "{at_call}");
        }
        if faults.struck().is_none() {
            assert!(at > 15, "the story has more calls than {at}");
            return held;
        }
    }
    held
}

async fn rule_3_a_withdrawal_cut_off_everywhere(world: World) {
    assert_eq!(
        withdrawals(world.db, true, UnknownEffects::Idempotent).await,
        0,
        "a rail that carries out one request per key holds nothing"
    );
}

async fn rule_3_a_withdrawal_with_one_lost_answer_everywhere(world: World) {
    withdrawals(world.db, false, UnknownEffects::Idempotent).await;
}

async fn rule_3_a_withdrawal_cut_off_everywhere_over_a_rail_that_promises_nothing(world: World) {
    let held = withdrawals(world.db, true, UnknownEffects::Hold).await;
    assert!(held > 0, "between intent and answer a person has to look");
}
