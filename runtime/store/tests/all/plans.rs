//! What the planner of an account is told.

use windlass_domain::commit::Write;
use windlass_domain::deposit::DepositState as D;
use windlass_domain::envelope::{EnvelopeState as E, Purpose};
use windlass_domain::transaction::Transaction;

use crate::both;
use crate::world::{World, account, acme, deposit, env, envelope, envelope_step, new, other, tx};

both!(
    ready_deposits_oldest_first,
    the_newest_number_and_what_failed_with_others,
    rule_1_an_account_that_was_made_is_told_and_not_made_again,
    foreign_accounts_have_no_plan,
);

async fn ready_deposits_oldest_first(world: World) {
    let elsewhere = Transaction { tenant: other(), anchor_account: account('B'), ..deposit(9, D::Ready) };
    let mut writes: Vec<Write> = (0..120).rev().map(|number| new(deposit(number, D::Ready))).collect();
    writes.extend([new(deposit(200, D::PendingTrust)), new(elsewhere.clone())]);
    world.write(writes).await.unwrap();
    let plans = world.store.plans(&[(other(), account('B')), (acme(), account('A'))]).await.unwrap();
    assert_eq!(plans[0].as_ref().unwrap().ready, [elsewhere]);
    let plan = plans[1].clone().unwrap();
    let expected: Vec<_> = (0..100).map(|number| deposit(number, D::Ready)).collect();
    assert_eq!(plan.ready, expected, "as many as an envelope takes");
    assert_eq!((plan.live, plan.newest, plan.alone.len()), (None, None, 0));
}

async fn the_newest_number_and_what_failed_with_others(world: World) {
    world.write((1..4).map(|number| new(deposit(number, D::Ready))).collect()).await.unwrap();
    let plan = || async { world.store.plans(&[(acme(), account('A'))]).await.unwrap().remove(0).unwrap() };
    world.write(vec![Write::NewEnvelope(Box::new(envelope(1, 5, &[1, 2])))]).await.unwrap();
    assert_eq!(plan().await.live, Some(env(1)));
    world.write(vec![envelope_step(1, E::Signed, E::Failed)]).await.unwrap();
    let seen = plan().await;
    assert_eq!((seen.live, seen.newest, seen.alone), (None, Some((5, E::Failed)), vec![tx(1), tx(2)]));
    world.write(vec![Write::NewEnvelope(Box::new(envelope(2, 6, &[1])))]).await.unwrap();
    world.write(vec![envelope_step(2, E::Signed, E::Dead)]).await.unwrap();
    let seen = plan().await;
    assert_eq!((seen.newest, seen.alone), (Some((6, E::Dead)), vec![tx(2)]));
}

async fn rule_1_an_account_that_was_made_is_told_and_not_made_again(world: World) {
    world.write(vec![new(deposit(1, D::Ready)), new(deposit(2, D::Ready))]).await.unwrap();
    let created = || async { world.store.plans(&[(acme(), account('A'))]).await.unwrap().remove(0).unwrap().created };
    let making = |number, sequence| {
        let mut envelope = envelope(number, sequence, &[1]);
        envelope.payments[0].purpose = Purpose::CreateAccount;
        Write::NewEnvelope(Box::new(envelope))
    };
    // One that failed made nothing, and may go again under another number.
    world.write(vec![making(1, 5)]).await.unwrap();
    world.write(vec![envelope_step(1, E::Signed, E::Failed)]).await.unwrap();
    assert_eq!(created().await, []);
    world.write(vec![making(2, 6)]).await.unwrap();
    assert_eq!(created().await, [], "not before the verdict");
    world.write(vec![envelope_step(2, E::Signed, E::Succeeded)]).await.unwrap();
    assert_eq!(created().await, [tx(1)]);
    assert!(world.write(vec![making(3, 7)]).await.is_err(), "settled for good");
    // The payment is another row.
    world.write(vec![Write::NewEnvelope(Box::new(envelope(4, 7, &[1, 2])))]).await.unwrap();
}

async fn foreign_accounts_have_no_plan(world: World) {
    assert_eq!(world.store.plans(&[(acme(), account('B')), (acme(), account('Z'))]).await.unwrap(), [None, None]);
}
