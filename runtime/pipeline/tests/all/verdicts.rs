//! Only the ledger's record under the hash is a verdict (money rule 1).

use windlass_domain::ports::ledger::Submission;
use windlass_domain::transaction::Transaction;

use crate::ledger::OnSubmit;
use crate::world::{World, amount, user};

crate::both!(
    rule_1_no_answer_to_a_submission_is_a_verdict,
    rule_1_a_refused_submission_may_be_in_the_ledger_all_the_same,
    rule_1_a_look_up_without_answer_is_no_verdict,
    rule_1_nothing_is_planned_while_an_envelope_is_live,
);

/// A ready deposit in a signed envelope that was sent once.
async fn sent(world: &World) -> Transaction {
    let deposit = world.add(world.a_ready_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    assert_eq!(world.state(&deposit).await, "submitted");
    deposit
}

async fn rule_1_no_answer_to_a_submission_is_a_verdict(world: World) {
    let answers = [
        Some(Submission::TryAgainLater),
        Some(Submission::Refused("txBAD_SEQ".into())),
        Some(Submission::Refused("txTOO_LATE".into())),
        Some(Submission::Duplicate),
        Some(Submission::Pending),
        None,
    ];
    world.ledger.script_submit(answers.iter().cloned().map(|says| OnSubmit { takes: false, says }));
    let deposit = sent(&world).await;
    let pipeline = world.pipeline();
    for answer in &answers[1..] {
        world.ledger.close();
        world.hasten().await;
        pipeline.step_plan().await.unwrap();
        pipeline.step_envelope().await.unwrap();
        assert_eq!((world.state(&deposit).await, world.ledger.envelopes()), ("submitted", 1), "{answer:?}");
    }
    assert_eq!(world.ledger.submitted().len(), answers.len(), "the same bytes were sent again each time");
    world.rounds(3).await;
    assert_eq!((world.state(&deposit).await, world.ledger.envelopes()), ("completed", 1));
    assert_eq!(world.ledger.paid_to(&user(1)), [amount("99")]);
}

async fn rule_1_a_refused_submission_may_be_in_the_ledger_all_the_same(world: World) {
    for says in [Some(Submission::Refused("txBAD_SEQ".into())), Some(Submission::TryAgainLater), None] {
        let already = world.ledger.paid_to(&user(1)).len();
        world.ledger.script_submit([OnSubmit { takes: true, says: says.clone() }]);
        let deposit = sent(&world).await;
        world.ledger.close();
        world.rounds(2).await;
        assert_eq!(world.state(&deposit).await, "completed", "{says:?}");
        assert_eq!(world.ledger.paid_to(&user(1)).len(), already + 1, "{says:?}");
    }
    assert_eq!(world.ledger.envelopes(), 3);
}

async fn rule_1_a_look_up_without_answer_is_no_verdict(world: World) {
    let deposit = sent(&world).await;
    world.ledger.close();
    world.ledger.script_look_up([None, None]);
    let pipeline = world.pipeline();
    for _ in 0..2 {
        world.hasten().await;
        pipeline.step_envelope().await.unwrap();
        assert_eq!(world.state(&deposit).await, "submitted");
    }
    assert_eq!(world.ledger.submitted().len(), 1);
    world.hasten().await;
    pipeline.step_envelope().await.unwrap();
    assert_eq!((world.state(&deposit).await, world.ledger.look_ups()), ("completed", 3));
}

async fn rule_1_nothing_is_planned_while_an_envelope_is_live(world: World) {
    world.ledger.script_submit([OnSubmit { takes: false, says: Some(Submission::Pending) }]);
    let first = sent(&world).await;
    let second = world.add(world.a_ready_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    assert_eq!((world.state(&second).await, world.count("envelopes").await), ("ready", 1));
    world.rounds(6).await;
    assert_eq!((world.state(&first).await, world.state(&second).await), ("completed", "completed"));
    assert_eq!(world.ledger.paid_to(&user(1)), [amount("99"); 2]);
}
