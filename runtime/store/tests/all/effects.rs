//! Intents and answers (money rule 3).

use windlass_domain::VersionNumber;
use windlass_domain::commit::{CommitError, Lease, Next, WorkKind, Write};
use windlass_domain::effect::{EffectAnswer, EffectRecord};
use windlass_domain::job::{Hook, Job};
use windlass_domain::withdrawal::WithdrawalState as W;

use crate::both;
use crate::world::{World, acme, constraint, job, new, under, withdrawal};

both!(
    rule_3_an_intent_takes_the_lease_and_comes_once,
    rule_3_an_answer_is_written_whoever_holds_the_lease_and_once,
    rule_3_a_run_with_effects_is_not_taken_over,
    rule_3_the_journal_has_the_runs_after_the_settled_ones,
);

async fn running(world: &World) -> (Job, Lease) {
    let job = job(1, Hook::ProcessWithdrawal, Some(1));
    world.write(vec![new(withdrawal(1, W::Received)), Write::NewJob(Box::new(job.clone())), Write::job_work(&job, 0)]).await.unwrap();
    let lease = world.store.claim(WorkKind::Job, 1, 1, 60_000).await.unwrap().remove(0);
    world.commit(under(&lease, Next::Keep, vec![started(&job, 1)])).await.unwrap();
    (job, lease)
}

fn started(job: &Job, ordinal: i64) -> Write {
    Write::RunStarted { tenant: acme(), job: job.id.clone(), ordinal, hook: job.hook, version: VersionNumber(1), at: 1 }
}

fn effect(job: &Job, run: i64, name: &str, answer: Option<EffectAnswer>) -> EffectRecord {
    EffectRecord {
        tenant: acme(),
        job: job.id.clone(),
        run,
        name: name.into(),
        key: "k".into(),
        request_digest: "d".into(),
        intended_at: run,
        answer,
    }
}

async fn rule_3_an_intent_takes_the_lease_and_comes_once(world: World) {
    let (job, lease) = running(&world).await;
    world.store.intend(&lease, &effect(&job, 1, "payout", None)).await.unwrap();
    assert_eq!(constraint(world.store.intend(&lease, &effect(&job, 1, "payout", None)).await), "effects_once");
    assert_eq!(constraint(world.store.intend(&lease, &effect(&job, 2, "payout", None)).await), "foreign_key", "no such run");
    world.expire_leases().await;
    world.store.claim(WorkKind::Job, 1, 1, 60_000).await.unwrap();
    assert_eq!(world.store.intend(&lease, &effect(&job, 1, "notify", None)).await, Err(CommitError::LeaseLost));
    let (_, _, effects) = world.store.show_job(&acme(), &job.id).await.unwrap().unwrap();
    assert_eq!(effects, [effect(&job, 1, "payout", None)]);
}

async fn rule_3_an_answer_is_written_whoever_holds_the_lease_and_once(world: World) {
    let (job, lease) = running(&world).await;
    for name in ["a", "b", "c"] {
        world.store.intend(&lease, &effect(&job, 1, name, None)).await.unwrap();
    }
    world.expire_leases().await;
    world.store.claim(WorkKind::Job, 1, 1, 60_000).await.unwrap();
    let answers = [
        ("a", EffectAnswer::Complete { status: 201, sealed_response: "s".into() }),
        ("b", EffectAnswer::NotSent("denied".into())),
        ("c", EffectAnswer::NoAnswer("reset".into())),
    ];
    for (name, answer) in &answers {
        for _ in 0..2 {
            world.store.answered(&acme(), &job.id, 1, name, answer).await.unwrap();
        }
    }
    let other = EffectAnswer::NotSent("other".into());
    assert_eq!(constraint(world.store.answered(&acme(), &job.id, 1, "a", &other).await), "effects_answer");
    assert!(matches!(world.store.answered(&acme(), &job.id, 1, "z", &other).await, Err(CommitError::Stale(_))));
    let (_, _, effects) = world.store.show_job(&acme(), &job.id).await.unwrap().unwrap();
    let expected = answers.map(|(name, answer)| effect(&job, 1, name, Some(answer)));
    assert_eq!(effects, expected);
}

async fn rule_3_a_run_with_effects_is_not_taken_over(world: World) {
    let (job, lease) = running(&world).await;
    world.write(vec![started(&job, 1)]).await.unwrap();
    world.store.intend(&lease, &effect(&job, 1, "payout", None)).await.unwrap();
    assert_eq!(constraint(world.write(vec![started(&job, 1)]).await), "runs_once");
    world.write(vec![started(&job, 2)]).await.unwrap();
}

async fn rule_3_the_journal_has_the_runs_after_the_settled_ones(world: World) {
    let (job, lease) = running(&world).await;
    let replayed = EffectAnswer::Complete { status: 200, sealed_response: "s".into() };
    for run in 1..4 {
        world.write(vec![started(&job, run)]).await.unwrap();
        world.store.intend(&lease, &effect(&job, run, "payout", Some(replayed.clone()))).await.unwrap();
    }
    let settled = Job { runs: 3, settled_runs: 1, ..job.clone() };
    world.write(vec![Write::Job { before: job.state, after: Box::new(settled) }]).await.unwrap();
    let context = world.store.jobs(&[(acme(), job.id.clone())]).await.unwrap().remove(0).unwrap();
    assert_eq!(context.journal, [2, 3].map(|run| effect(&job, run, "payout", Some(replayed.clone()))));
    assert_eq!(context.newest_run.unwrap().ordinal, 3);
}
