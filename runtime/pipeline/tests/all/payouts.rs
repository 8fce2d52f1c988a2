//! The table of money rule 3, through the driver: what the bank did, what the hook said, what becomes of it.

use windlass_domain::effect::Evidence;
use windlass_domain::job::{Hook, HookError, JobState, RunEnd};
use windlass_domain::manifest::UnknownEffects::{self, Hold, Idempotent, LookUp};
use windlass_domain::ports::guest::{HookOutput, Payout, RunOutcome};

use crate::bank::Takes;
use crate::guests::{ended, paid, proven, returned, trap, try_later};
use crate::world::World;

crate::both!(
    rule_3_the_table,
    rule_3_nothing_sent_and_tries_used_up_is_a_dead_letter,
    rule_3_unknown_after_all_tries_is_held_and_not_dead,
    rule_3_a_repeat_with_another_request_is_not_sent,
    rule_3_one_name_is_sent_once_in_a_run,
    rule_3_another_name_is_no_way_around_an_open_effect,
    rule_3_an_open_effect_is_settled_by_a_yes_only,
    rule_3_two_effects_and_one_of_them_open,
    rule_3_what_cannot_be_stored_is_judged_as_not_said,
    rule_3_progress_is_kept,
);

/// What the hook returns after its effect.
#[derive(Debug, Clone, Copy)]
enum Says {
    Paid,
    Refused,
    Later,
    Traps,
}

fn outcome(says: Says) -> RunOutcome {
    match says {
        Says::Paid => paid("p1"),
        Says::Refused => ended(RunEnd::Refused(HookError::Refused("closed".into()))),
        Says::Later => try_later(),
        Says::Traps => trap(),
    }
}

/// The first run sends (or not) and says this; the runs after it pay as a good guest does.
fn first_run(world: &World, sends: Option<Takes>, says: Says) {
    world.bank.script(&sends.into_iter().collect::<Vec<_>>());
    world.guests.on(Hook::ProcessWithdrawal, move |run| async move {
        if run.call.run > 1 {
            return crate::guests::pay(&run).await;
        }
        if sends.is_some() {
            let digest = match &run.call.input {
                windlass_domain::ports::guest::HookInput::ProcessWithdrawal(_, withdrawal) => {
                    format!("pay {:?} for {}", withdrawal.amount_out, withdrawal.id)
                }
                other => panic!("{other:?}"),
            };
            run.send("payout", &digest).await.unwrap();
        }
        outcome(says)
    });
}

/// After the first run: (withdrawal, job); at the end: (withdrawal, job, requests, payouts).
type Row = (UnknownEffects, Option<Takes>, Says, (&'static str, JobState), (&'static str, JobState, usize, usize));

async fn rule_3_the_table(world: World) {
    use JobState::{Done, Held, Open};
    use Says::{Later, Paid, Refused, Traps};
    let again = ("received", Open);
    let held = ("payout_held", Held);
    let rows: Vec<Row> = vec![
        (Hold, None, Paid, ("completed", Done), ("completed", Done, 0, 0)),
        (Hold, None, Refused, ("refused", Done), ("refused", Done, 0, 0)),
        (Hold, None, Later, again, ("completed", Done, 1, 1)),
        (Hold, None, Traps, again, ("completed", Done, 1, 1)),
        (Hold, Some(Takes::Pays), Paid, ("completed", Done), ("completed", Done, 1, 1)),
        (Hold, Some(Takes::Pays), Refused, held, ("payout_held", Held, 1, 1)),
        (Idempotent, Some(Takes::Pays), Later, held, ("payout_held", Held, 1, 1)),
        (Idempotent, Some(Takes::Pays), Traps, held, ("payout_held", Held, 1, 1)),
        (Hold, Some(Takes::Says(422)), Refused, ("refused", Done), ("refused", Done, 1, 0)),
        (Hold, Some(Takes::Says(422)), Later, again, ("completed", Done, 2, 1)),
        (Hold, Some(Takes::Says(401)), Traps, again, ("completed", Done, 2, 1)),
        (Hold, Some(Takes::Says(422)), Paid, held, ("payout_held", Held, 1, 0)),
        (Hold, Some(Takes::IsClosed), Later, again, ("completed", Done, 1, 1)),
        (Hold, Some(Takes::Says(503)), Later, held, ("payout_held", Held, 1, 0)),
        (Hold, Some(Takes::Says(409)), Refused, held, ("payout_held", Held, 1, 0)),
        (Hold, Some(Takes::PaysInSilence), Paid, held, ("payout_held", Held, 1, 1)),
        (Hold, Some(Takes::LosesIt), Refused, held, ("payout_held", Held, 1, 0)),
        (LookUp, Some(Takes::PaysInSilence), Later, again, ("payout_held", Held, 1, 1)),
        (Idempotent, Some(Takes::Says(503)), Later, again, ("completed", Done, 2, 1)),
        (Idempotent, Some(Takes::PaysInSilence), Traps, again, ("completed", Done, 2, 1)),
        (Idempotent, Some(Takes::PaysInSilence), Refused, again, ("completed", Done, 2, 1)),
        (Idempotent, Some(Takes::LosesIt), Paid, again, ("completed", Done, 2, 1)),
    ];
    for (number, (rail, takes, says, after_one, end)) in rows.into_iter().enumerate() {
        let row = format!("{rail:?} {takes:?} {says:?}");
        let world = World::on(world.db.clone(), 100 + number, rail).await;
        world.raw.execute("DELETE FROM work").await.unwrap();
        let withdrawal = world.a_received_withdrawal().await;
        first_run(&world, takes, says);
        world.pipeline().step_jobs().await.unwrap();
        let job = world.the_job(Hook::ProcessWithdrawal).await.0;
        assert_eq!((world.state(&withdrawal).await, job.state), after_one, "{row}");
        for _ in 0..3 {
            world.hasten().await;
            world.pipeline().step_jobs().await.unwrap();
        }
        let (job, _, effects) = world.the_job(Hook::ProcessWithdrawal).await;
        let (requests, payouts) = (world.bank.requests(), world.bank.payouts());
        assert_eq!((world.state(&withdrawal).await, job.state, requests.len(), payouts.len()), end, "{row}");
        assert!(
            effects.windows(2).all(|pair| pair[0].key == pair[1].key) && requests.windows(2).all(|pair| pair[0] == pair[1]),
            "{row}: one key"
        );
        assert_eq!(job.message.is_some(), job.state == Held, "{row}: a person is told why");
    }
}

async fn rule_3_nothing_sent_and_tries_used_up_is_a_dead_letter(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.guests.on(Hook::ProcessWithdrawal, |_| async { trap() });
    for _ in 0..8 {
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
    }
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((job.state, job.failures, runs.len(), effects.len()), (JobState::Dead, 5, 5, 0));
    assert_eq!(world.state(&withdrawal).await, "received");
}

async fn rule_3_unknown_after_all_tries_is_held_and_not_dead(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::Says(503); 30]);
    for _ in 0..25 {
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
    }
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((job.state, runs.len(), proven(&effects)), (JobState::Held, 20, Evidence::Open));
    assert_eq!((world.state(&withdrawal).await, world.bank.requests().len()), ("payout_held", 20));
}

async fn rule_3_a_repeat_with_another_request_is_not_sent(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::PaysInSilence]);
    world.guests.on(Hook::ProcessWithdrawal, |run| async move {
        match run.send("payout", &format!("digest of run {}", run.call.run)).await {
            Ok(_) => try_later(),
            Err(end) => ended(end),
        }
    });
    for _ in 0..8 {
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
    }
    let (job, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((world.bank.requests().len(), world.bank.payouts().len(), runs.len()), (1, 1, 5));
    assert_eq!((job.state, world.state(&withdrawal).await), (JobState::Held, "payout_held"));
}

async fn rule_3_one_name_is_sent_once_in_a_run(world: World) {
    world.a_received_withdrawal().await;
    world.guests.on(Hook::ProcessWithdrawal, |run| async move {
        run.send("payout", "a").await.unwrap();
        ended(run.send("payout", "a").await.unwrap_err())
    });
    world.pipeline().step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert!(matches!(&runs[0].end, Some(RunEnd::Trapped(why)) if why.contains("a name of its own")));
    assert_eq!((job.state, world.bank.requests().len()), (JobState::Held, 1));
}

async fn rule_3_another_name_is_no_way_around_an_open_effect(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::PaysInSilence]);
    world.guests.on(Hook::ProcessWithdrawal, |run| async move {
        match run.send(&format!("payout-{}", run.call.run), "a").await {
            Ok(_) => try_later(),
            Err(end) => ended(end),
        }
    });
    for _ in 0..8 {
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
    }
    let (job, _, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((job.state, world.state(&withdrawal).await), (JobState::Held, "payout_held"));
    assert_eq!((world.bank.requests().len(), world.bank.payouts().len()), (1, 1), "another name has another key: it would pay twice");
}

async fn rule_3_an_open_effect_is_settled_by_a_yes_only(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::PaysInSilence, Takes::Says(422), Takes::Says(404), Takes::IsClosed, Takes::Pays]);
    for runs in 1..=5 {
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
        let expected = if runs < 5 { "received" } else { "completed" };
        assert_eq!((world.state(&withdrawal).await, world.bank.payouts().len()), (expected, 1), "after run {runs}");
    }
}

async fn rule_3_two_effects_and_one_of_them_open(world: World) {
    let world = world.with_rail(Hold).await;
    let withdrawal = world.a_received_withdrawal().await;
    world.bank.script(&[Takes::Pays, Takes::LosesIt]);
    world.guests.on(Hook::ProcessWithdrawal, |run| async move {
        run.send("payout", "a").await.unwrap();
        run.send("notify", "b").await.unwrap();
        paid("p1")
    });
    world.pipeline().step_jobs().await.unwrap();
    assert_eq!((world.state(&withdrawal).await, world.bank.requests().len()), ("payout_held", 2));
}

async fn rule_3_what_cannot_be_stored_is_judged_as_not_said(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    world.guests.on(Hook::ProcessWithdrawal, |run| async move {
        run.send("payout", "a").await.unwrap();
        paid("p\0")
    });
    world.pipeline().step_jobs().await.unwrap();
    let (job, runs, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!(runs[0].end.as_ref().map(RunEnd::code), Some("bad-result"));
    assert_eq!((job.state, world.state(&withdrawal).await, world.bank.payouts().len()), (JobState::Held, "payout_held", 1));
}

async fn rule_3_progress_is_kept(world: World) {
    let cases = [
        ("payout_in_progress", Payout::InProgress { external_id: "p1".into(), eta: Some(5) }),
        ("ready_for_pickup", Payout::ReadyForPickup { external_id: "p2".into(), instructions: "desk 3".into() }),
    ];
    for (number, (state, payout)) in cases.into_iter().enumerate() {
        let world = World::on(world.db.clone(), 50 + number, Hold).await;
        world.raw.execute("DELETE FROM work").await.unwrap();
        let withdrawal = world.a_received_withdrawal().await;
        world.guests.on(Hook::ProcessWithdrawal, move |run| {
            let payout = payout.clone();
            async move {
                run.send("payout", "a").await.unwrap();
                returned(HookOutput::Payout(payout))
            }
        });
        world.pipeline().step_jobs().await.unwrap();
        assert_eq!((world.state(&withdrawal).await, world.the_job(Hook::ProcessWithdrawal).await.0.state), (state, JobState::Done));
    }
}
