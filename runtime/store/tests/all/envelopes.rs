//! Money rule 1 in the schema: payments, live envelopes, sequence numbers.

use windlass_domain::commit::{CommitError, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::envelope::{Envelope, EnvelopeState as E};

use crate::both;
use crate::world::{World, account, acme, constraint, deposit, env, envelope, envelope_step, new, tx};

both!(
    an_envelope_comes_back_as_it_was_written,
    rule_1_one_live_envelope_per_source,
    rule_1_a_payment_has_one_live_envelope,
    rule_1_a_settled_payment_is_settled_for_good,
    rule_1_a_failed_envelopes_payment_may_go_again_under_another_number,
    rule_1_a_dead_envelopes_number_is_taken_over_and_no_other,
    rule_1_a_changed_envelope_is_stale,
    rule_1_dead_takes_a_bound_that_was_seen_to_pass,
    an_envelope_that_ends_makes_room_in_the_same_commit,
);

async fn ready(world: &World) {
    world.write((1..4).map(|number| new(deposit(number, D::Ready))).collect()).await.unwrap();
}

fn sign(envelope: Envelope) -> Write {
    Write::NewEnvelope(Box::new(envelope))
}

async fn an_envelope_comes_back_as_it_was_written(world: World) {
    ready(&world).await;
    let signed = envelope(1, 5, &[2, 1]);
    world.write(vec![sign(signed.clone())]).await.unwrap();
    let contexts = world.store.envelopes(&[(acme(), env(9)), (acme(), env(1))]).await.unwrap();
    assert!(contexts[0].is_none());
    let context = contexts[1].clone().unwrap();
    assert_eq!(context.envelope, signed);
    let paid: Vec<_> = context.transactions.iter().map(|one| one.id.clone()).collect();
    assert_eq!(paid, [tx(2), tx(1)]);
    world.write(vec![envelope_step(1, E::Signed, E::Submitted), envelope_step(1, E::Submitted, E::Succeeded)]).await.unwrap();
    let seen = world.store.envelopes_of(&acme(), &tx(1)).await.unwrap().remove(0);
    let done = Envelope { state: E::Succeeded, sent: 2, ledger: Some(61), updated_at: 9, ..signed };
    assert_eq!(seen, done);
}

async fn rule_1_one_live_envelope_per_source(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    assert_eq!(constraint(world.write(vec![sign(envelope(2, 6, &[2]))]).await), "envelopes_one_live");
}

async fn rule_1_a_payment_has_one_live_envelope(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    // Another source of the same tenant.
    let mut second = windlass_domain::tenant::StellarAccount {
        tenant: acme(),
        network: crate::world::NETWORK.into(),
        account: account('C'),
        role: windlass_domain::tenant::AccountRole::Distribution,
    };
    world.store.add_account(&second, "k").await.unwrap();
    let other = Envelope { source: account('C'), ..envelope(2, 5, &[2, 1]) };
    assert_eq!(constraint(world.write(vec![sign(other)]).await), "payments_one_live");
    second.tenant = crate::world::other();
    let error = world.store.add_account(&second, "k").await.unwrap_err().to_string();
    assert!(error.contains("accounts_one_tenant"), "{error}");
}

async fn rule_1_a_settled_payment_is_settled_for_good(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    world.write(vec![envelope_step(1, E::Signed, E::Succeeded)]).await.unwrap();
    assert_eq!(constraint(world.write(vec![sign(envelope(2, 6, &[2, 1]))]).await), "payments_one_live");
    world.write(vec![sign(envelope(2, 6, &[2]))]).await.unwrap();
}

async fn rule_1_a_failed_envelopes_payment_may_go_again_under_another_number(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    world.write(vec![envelope_step(1, E::Signed, E::Failed)]).await.unwrap();
    assert_eq!(constraint(world.write(vec![sign(envelope(2, 5, &[1]))]).await), "sequences_one_owner");
    world.write(vec![sign(envelope(2, 6, &[1]))]).await.unwrap();
    let ids: Vec<_> = world.store.envelopes_of(&acme(), &tx(1)).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, [env(1), env(2)], "oldest first");
}

async fn rule_1_a_dead_envelopes_number_is_taken_over_and_no_other(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    world.write(vec![envelope_step(1, E::Signed, E::Dead)]).await.unwrap();
    world.write(vec![sign(envelope(2, 5, &[1]))]).await.unwrap();
    world.write(vec![envelope_step(2, E::Signed, E::Succeeded)]).await.unwrap();
    assert_eq!(constraint(world.write(vec![sign(envelope(3, 5, &[2]))]).await), "sequences_one_owner");
}

async fn rule_1_a_changed_envelope_is_stale(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    world.write(vec![envelope_step(1, E::Signed, E::Submitted)]).await.unwrap();
    let answer = world.write(vec![envelope_step(1, E::Signed, E::Dead)]).await;
    assert!(matches!(answer, Err(CommitError::Stale(_))), "{answer:?}");
}

async fn rule_1_dead_takes_a_bound_that_was_seen_to_pass(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    let unseen = match envelope_step(1, E::Signed, E::Dead) {
        Write::Envelope { tenant, id, before, after, sent, ledger, result, at, .. } => {
            Write::Envelope { tenant, id, before, after, sent, bound_passed_at: None, ledger, result, at }
        }
        other => other,
    };
    assert_eq!(constraint(world.write(vec![unseen]).await), "envelopes_dead_after_bound");
}

async fn an_envelope_that_ends_makes_room_in_the_same_commit(world: World) {
    ready(&world).await;
    world.write(vec![sign(envelope(1, 5, &[1]))]).await.unwrap();
    world.write(vec![sign(envelope(2, 5, &[1])), envelope_step(1, E::Signed, E::Dead)]).await.unwrap();
}
