//! Every step made twice in a row: the second changes nothing.

use windlass_domain::commit::{WorkKey, WorkKind, Write};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::ports::store::Page;
use windlass_domain::transaction::Transaction;

use crate::world::{World, amount, anchor, open_line, usd, user};

crate::both!(
    rule_1_every_step_of_a_deposit_twice,
    rule_1_every_step_of_a_deposit_that_waits_for_trust_twice,
    rule_3_every_step_of_a_withdrawal_twice
);

/// Everything that is stored of the tenant, but for how often was looked, and everything that was paid.
async fn everything(world: &World) -> String {
    let (store, tenant) = (&world.store, &world.tenant);
    let mut seen = String::new();
    for transaction in store.list_transactions(tenant, None, &Page { after: None, limit: 100 }).await.unwrap() {
        seen += &format!("{:#?}\n", world.history(&transaction).await);
        for mut envelope in store.envelopes_of(tenant, &transaction.id).await.unwrap() {
            (envelope.sent, envelope.updated_at) = (0, 0);
            seen += &format!("{envelope:#?}\n");
        }
    }
    for hook in [Hook::PollPendingDeposits, Hook::AfterDeposit, Hook::ProcessWithdrawal] {
        for job in world.jobs(hook).await {
            let (job, runs, effects) = store.show_job(tenant, &job.id).await.unwrap().unwrap();
            if hook == Hook::PollPendingDeposits && job.state == JobState::Open {
                // It counts the polls that found nothing, in one run.
                seen += &format!("{} {:?} {:?}\n", job.id, job.state, job.message);
                continue;
            }
            let runs: Vec<_> = runs.into_iter().map(|run| (run.ordinal, run.version, run.end)).collect();
            seen += &format!("{:#?} {runs:#?} {effects:#?}\n", Job { updated_at: 0, ..job });
        }
    }
    seen += &format!("{:#?}\n", store.credits(tenant, false).await.unwrap());
    seen += &format!("{:#?}\n", store.incoming(tenant, false).await.unwrap());
    seen += &format!("{:?} {:?}\n", world.ledger.paid_to(&user(1)), world.bank.payouts());
    seen
}

/// Wakes everything there ever was to do.
async fn wake_all(world: &World) {
    let wake = |kind, subject: String| {
        let tenant = (kind != WorkKind::Watch).then(|| world.tenant.clone());
        Write::Work { key: WorkKey { tenant, kind, subject }, after_ms: 0 }
    };
    let mut writes = vec![wake(WorkKind::Plan, anchor().to_string()), wake(WorkKind::Watch, world.network.clone())];
    for transaction in world.store.list_transactions(&world.tenant, None, &Page { after: None, limit: 100 }).await.unwrap() {
        let envelopes = world.store.envelopes_of(&world.tenant, &transaction.id).await.unwrap();
        writes.extend(envelopes.into_iter().map(|envelope| wake(WorkKind::Envelope, envelope.id.to_string())));
        writes.push(wake(WorkKind::Trust, transaction.id.to_string()));
    }
    for hook in [Hook::PollPendingDeposits, Hook::AfterDeposit, Hook::ProcessWithdrawal] {
        writes.extend(world.jobs(hook).await.into_iter().map(|job| wake(WorkKind::Job, job.id.to_string())));
    }
    world.write(writes).await;
    world.hasten().await;
}

/// The drivers' steps.
#[derive(Debug, Clone, Copy)]
enum Step {
    Watch,
    Jobs,
    Plan,
    Envelope,
    Trust,
}

async fn make(world: &World, step: Step) {
    let pipeline = world.pipeline();
    match step {
        Step::Watch => pipeline.step_watch().await,
        Step::Jobs => pipeline.step_jobs().await,
        Step::Plan => pipeline.step_plan().await,
        Step::Envelope => pipeline.step_envelope().await,
        Step::Trust => pipeline.step_trust().await,
    }
    .unwrap();
}

async fn twice(world: &World, step: Step) {
    world.hasten().await;
    make(world, step).await;
    let once = everything(world).await;
    wake_all(world).await;
    make(world, step).await;
    assert_eq!(everything(world).await, once, "{step:?} was made twice");
}

async fn rule_1_every_step_of_a_deposit_twice(world: World) {
    let deposit = world.add(world.a_deposit()).await;
    twice(&world, Step::Jobs).await;
    world.bank.credit("credit-1", &deposit.reference, amount("100"));
    twice(&world, Step::Jobs).await;
    for step in [Step::Plan, Step::Trust, Step::Envelope, Step::Plan] {
        twice(&world, step).await;
    }
    world.ledger.close();
    for step in [Step::Envelope, Step::Plan, Step::Jobs, Step::Trust] {
        twice(&world, step).await;
    }
    assert_eq!((world.state(&deposit).await, world.ledger.paid_to(&user(1)).len(), world.ledger.envelopes()), ("completed", 1, 1));
}

async fn rule_1_every_step_of_a_deposit_that_waits_for_trust_twice(world: World) {
    let deposit = world.add(Transaction { asset: usd(), ..world.a_ready_deposit() }).await;
    for step in [Step::Plan, Step::Trust] {
        twice(&world, step).await;
    }
    assert_eq!(world.state(&deposit).await, "pending_trust");
    world.ledger.trust(&user(1), &usd(), open_line("0"));
    for step in [Step::Trust, Step::Plan, Step::Envelope] {
        twice(&world, step).await;
    }
    world.ledger.close();
    twice(&world, Step::Envelope).await;
    assert_eq!((world.state(&deposit).await, world.ledger.paid_to(&user(1)).len()), ("completed", 1));
}

async fn rule_3_every_step_of_a_withdrawal_twice(world: World) {
    world.pipeline().prepare().await.unwrap();
    twice(&world, Step::Watch).await;
    let withdrawal = world.add(world.a_withdrawal(7)).await;
    world.pay_in("cafe", 7, "100");
    for step in [Step::Watch, Step::Jobs, Step::Watch] {
        twice(&world, step).await;
    }
    assert_eq!((world.state(&withdrawal).await, world.bank.requests().len(), world.bank.payouts().len()), ("completed", 1, 1));
}
