//! One good deposit and one good withdrawal, from row to end.

use windlass_domain::deposit::DepositState;
use windlass_domain::job::{Hook, JobState};
use windlass_domain::transaction::State;

use crate::world::{World, amount, anchor, user};

crate::both!(rule_1_a_good_deposit, rule_3_a_good_withdrawal, rule_2_a_deposit_without_hook_for_its_end, drivers_run_by_themselves);

async fn rule_1_a_good_deposit(world: World) {
    let deposit = world.add(world.a_deposit()).await;
    let pipeline = world.pipeline();
    pipeline.step_jobs().await.unwrap();
    assert_eq!(world.state(&deposit).await, "awaiting_funds", "the bank has seen nothing yet");

    world.bank.credit("credit-1", &deposit.reference, amount("100"));
    pipeline.step_jobs().await.unwrap();
    assert_eq!(world.state(&deposit).await, "ready");
    assert_eq!((pipeline.step_plan().await.unwrap(), world.state(&deposit).await), (1, "signed"));
    assert!(world.ledger.submitted().is_empty(), "it is stored, and not sent in the same step");

    assert_eq!((pipeline.step_envelope().await.unwrap(), world.state(&deposit).await), (1, "submitted"));
    assert_eq!((pipeline.step_envelope().await.unwrap(), world.state(&deposit).await), (1, "submitted"), "not in a ledger yet");
    world.ledger.close();
    assert_eq!(world.jobs(Hook::AfterDeposit).await.len(), 0);
    assert_eq!((pipeline.step_envelope().await.unwrap(), world.state(&deposit).await), (1, "completed"));
    let (job, runs, _) = world.the_job(Hook::AfterDeposit).await;
    assert_eq!((job.state, runs.len(), job.transaction), (JobState::Open, 0, Some(deposit.id.clone())), "made with the verdict");

    pipeline.step_jobs().await.unwrap();
    assert_eq!(world.the_job(Hook::AfterDeposit).await.0.state, JobState::Done);
    assert_eq!(world.ledger.paid_to(&user(1)), [amount("99")]);
    let envelopes = world.store.envelopes_of(&world.tenant, &deposit.id).await.unwrap();
    let (done, history) = world.history(&deposit).await;
    assert_eq!(done.stellar_transaction_id.as_ref(), Some(&envelopes[0].hash));
    assert_eq!((done.amount_in, done.fee, done.amount_out), (Some(amount("100")), Some(amount("1")), Some(amount("99"))));
    assert!(done.completed_at.is_some() && done.external_id.as_deref() == Some("credit-1"));
    let states: Vec<State> = history.iter().map(|line| line.to).collect();
    use DepositState::{AwaitingFunds, Completed, Ready, Signed, Submitted};
    assert_eq!(states, [AwaitingFunds, Ready, Signed, Submitted, Completed].map(State::Deposit));
    assert_eq!(envelopes.len(), 1);
    assert_eq!(envelopes[0].ledger, Some(world.ledger.head_now().sequence));
}

async fn rule_3_a_good_withdrawal(world: World) {
    let withdrawal = world.a_received_withdrawal().await;
    let (job, _, _) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((job.state, &job.transaction), (JobState::Open, &Some(withdrawal.id.clone())));

    world.pipeline().step_jobs().await.unwrap();
    let (done, history) = world.history(&withdrawal).await;
    let key = &world.bank.payouts()[0];
    assert_eq!((done.state.as_str(), done.external_id), ("completed", Some(format!("payout-{}", &key[..8]))));
    assert_eq!((done.amount_in, done.fee, done.amount_out), (Some(amount("100")), Some(amount("1")), Some(amount("99"))));
    assert_eq!((done.stellar_transaction_id.as_deref(), done.account), (Some("cafe"), Some(user(900).to_string())));
    let states: Vec<&str> = history.iter().map(|line| line.to.as_str()).collect();
    assert_eq!(states, ["awaiting_payment", "received", "completed"]);
    let (job, runs, effects) = world.the_job(Hook::ProcessWithdrawal).await;
    assert_eq!((job.state, runs.len(), effects.len(), &effects[0].key), (JobState::Done, 1, 1, key));
    assert_eq!(world.bank.requests().len(), 1);
}

async fn rule_2_a_deposit_without_hook_for_its_end(world: World) {
    world.activate(&[Hook::PollPendingDeposits], windlass_domain::manifest::UnknownEffects::Hold).await;
    let deposit = world.add(world.a_ready_deposit()).await;
    world.rounds(4).await;
    assert_eq!((world.state(&deposit).await, world.jobs(Hook::AfterDeposit).await.len()), ("completed", 0));
}

/// The loops of the binary, until they are told to stop.
async fn drivers_run_by_themselves(mut world: World) {
    world.settings.poll_interval_ms = 20;
    world.settings.watch_interval_ms = 20;
    world.settings.envelope_interval_ms = 20;
    let deposit = world.add(world.a_deposit()).await;
    let withdrawal = world.add(world.a_withdrawal(7)).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(world.pipeline().run(stopped));
    world.bank.credit("credit-1", &deposit.reference, amount("100"));
    for round in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.ledger.close();
        if round == 4 {
            world.pay_in("cafe", 7, "100");
        }
        if (world.state(&deposit).await, world.state(&withdrawal).await) == ("completed", "completed") {
            break;
        }
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!((world.state(&deposit).await, world.state(&withdrawal).await), ("completed", "completed"));
    assert_eq!((world.ledger.paid_to(&user(1)).len(), world.bank.payouts().len()), (1, 1));
    assert_eq!(world.ledger.paid_to(&anchor()).len(), 0);
}
