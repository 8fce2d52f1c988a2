//! When an envelope can never be in a ledger any more, and when nobody can tell (money rule 1).

use windlass_domain::envelope::{Envelope, EnvelopeState};
use windlass_domain::ports::ledger::{LookUp, LookUpStatus, Submission};
use windlass_domain::transaction::Transaction;

use crate::ledger::OnSubmit;
use crate::world::{World, amount, anchor, user};

crate::both!(
    rule_1_dead_only_after_the_bound_is_noted_and_looked_up_afresh,
    rule_1_found_by_the_fresh_look_up_after_the_bound,
    rule_1_a_server_that_lags_cannot_tell,
    rule_1_a_history_that_is_too_short_cannot_tell,
    rule_1_a_number_that_a_stranger_used_stops_the_account,
);

/// The bound that the settings give, and a little more.
const PAST_THE_BOUND_S: i64 = 200;

/// A deposit whose envelope was sent, and was taken by the network or got lost.
async fn sent(world: &World, takes: bool) -> Transaction {
    world.ledger.script_submit([OnSubmit { takes, says: Some(Submission::Pending) }]);
    let deposit = world.add(world.a_ready_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    deposit
}

async fn envelope(world: &World, deposit: &Transaction) -> Envelope {
    world.store.envelopes_of(&world.tenant, &deposit.id).await.unwrap().remove(0)
}

/// One look of the envelope's driver.
async fn look(world: &World) {
    world.hasten().await;
    assert_eq!(world.pipeline().step_envelope().await.unwrap(), 1);
}

async fn rule_1_dead_only_after_the_bound_is_noted_and_looked_up_afresh(world: World) {
    let deposit = sent(&world, false).await;
    world.ledger.close_after(PAST_THE_BOUND_S);
    look(&world).await;
    let noted = envelope(&world, &deposit).await;
    assert_eq!((noted.state, noted.bound_passed_at), (EnvelopeState::Submitted, Some(world.ledger.head_now().sequence)));
    assert_eq!((world.state(&deposit).await, world.ledger.submitted().len()), ("submitted", 1));

    look(&world).await;
    assert_eq!((envelope(&world, &deposit).await.state, world.state(&deposit).await), (EnvelopeState::Dead, "ready"));
    world.rounds(4).await;
    assert_eq!((world.state(&deposit).await, world.ledger.envelopes()), ("completed", 2));
    assert_eq!(world.ledger.paid_to(&user(1)), [amount("99")]);
    let envelopes = world.store.envelopes_of(&world.tenant, &deposit.id).await.unwrap();
    assert_eq!(envelopes[0].sequence, envelopes[1].sequence, "the number of a dead envelope is free again");
}

async fn rule_1_found_by_the_fresh_look_up_after_the_bound(world: World) {
    let deposit = sent(&world, true).await;
    world.ledger.close();
    world.ledger.close_after(PAST_THE_BOUND_S);
    // One answer that was put together in the wrong order: absent, and the bound has passed.
    let head = world.ledger.head_now();
    let torn =
        LookUp { status: LookUpStatus::NotFound, latest_ledger: head.sequence, latest_close_time_s: head.close_time_s, oldest_ledger: 1 };
    world.ledger.script_look_up([Some(torn)]);
    look(&world).await;
    assert_eq!(world.state(&deposit).await, "submitted");
    look(&world).await;
    assert_eq!((world.state(&deposit).await, world.ledger.envelopes()), ("completed", 1));
}

async fn rule_1_a_server_that_lags_cannot_tell(world: World) {
    let deposit = sent(&world, false).await;
    world.ledger.close_after(PAST_THE_BOUND_S);
    look(&world).await;
    let head = world.ledger.head_now();
    let behind = LookUp {
        status: LookUpStatus::NotFound,
        latest_ledger: head.sequence - 1,
        latest_close_time_s: head.close_time_s - PAST_THE_BOUND_S,
        oldest_ledger: 1,
    };
    world.ledger.script_look_up([Some(behind.clone()), Some(behind)]);
    for _ in 0..2 {
        look(&world).await;
        assert_eq!((envelope(&world, &deposit).await.state, world.state(&deposit).await), (EnvelopeState::Submitted, "submitted"));
    }
    look(&world).await;
    assert_eq!((envelope(&world, &deposit).await.state, world.ledger.envelopes()), (EnvelopeState::Dead, 1));
}

async fn rule_1_a_history_that_is_too_short_cannot_tell(world: World) {
    let deposit = sent(&world, false).await;
    let noted = envelope(&world, &deposit).await.ledger_noted;
    world.ledger.close_after(PAST_THE_BOUND_S);
    look(&world).await;
    world.ledger.forget_history_before(noted + 1);
    for _ in 0..2 {
        look(&world).await;
        assert_eq!((envelope(&world, &deposit).await.state, world.state(&deposit).await), (EnvelopeState::Submitted, "submitted"));
        assert_eq!(world.pipeline().step_envelope().await.unwrap(), 0, "an alarm, looked at again after a while");
    }
    world.ledger.forget_history_before(noted);
    look(&world).await;
    assert_eq!((envelope(&world, &deposit).await.state, world.ledger.envelopes()), (EnvelopeState::Dead, 1));
}

async fn rule_1_a_number_that_a_stranger_used_stops_the_account(world: World) {
    let deposit = sent(&world, false).await;
    world.ledger.stranger_uses_a_number(&anchor());
    world.ledger.close_after(PAST_THE_BOUND_S);
    look(&world).await;
    look(&world).await;
    assert_eq!((envelope(&world, &deposit).await.state, world.state(&deposit).await), (EnvelopeState::Dead, "ready"));
    world.rounds(5).await;
    assert_eq!((world.state(&deposit).await, world.ledger.envelopes(), world.count("envelopes").await), ("ready", 1, 1));
    assert_eq!(world.ledger.paid_to(&user(1)), []);
}
