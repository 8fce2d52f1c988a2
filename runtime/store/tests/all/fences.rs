//! Fences: what a commit under a lease may do, and what becomes of the leased row.

use windlass_domain::commit::{CommitError, Next, WorkKind, Write};
use windlass_domain::deposit::DepositState;

use crate::both;
use crate::world::{World, acme, deposit, new, observed, trust_key, under};

both!(
    rule_7_a_decision_without_the_lease_is_refused_whole,
    rule_7_an_observation_without_the_lease_is_written,
    rule_7_a_released_lease_decides_nothing_more,
    done_removes_the_row,
    after_releases_the_row_until_then,
    keep_goes_on,
    woken_while_leased_is_not_lost_by_done,
    woken_while_leased_comes_before_after,
    woken_while_leased_for_later_outlives_the_lease,
    woken_in_its_own_commit,
);

async fn leased(world: &World) -> windlass_domain::commit::Lease {
    world.wake(&acme(), 1, 0).await;
    world.claim_trust(1, 1).await.remove(0)
}

async fn due(world: &World) -> Option<u64> {
    world.store.next_due_ms(WorkKind::Trust).await.unwrap()
}

async fn rule_7_a_decision_without_the_lease_is_refused_whole(world: World) {
    let lost = leased(&world).await;
    world.expire_leases().await;
    let held = world.claim_trust(1, 1).await.remove(0);
    let write = || vec![new(deposit(1, DepositState::Ready))];
    assert_eq!(world.commit(under(&lost, Next::Done, write())).await, Err(CommitError::LeaseLost));
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM transactions").await, 0);
    assert_eq!(world.commit(under(&held, Next::Done, write())).await, Ok(()));
}

async fn rule_7_an_observation_without_the_lease_is_written(world: World) {
    let lost = leased(&world).await;
    world.expire_leases().await;
    let held = world.claim_trust(1, 1).await.remove(0);
    world.commit(observed(&lost, Next::Done, vec![new(deposit(1, DepositState::Ready))])).await.unwrap();
    assert_eq!(world.transaction(1).await, deposit(1, DepositState::Ready));
    assert_eq!(world.commit(under(&held, Next::Done, vec![])).await, Ok(()), "the row is left to its holder");
}

async fn rule_7_a_released_lease_decides_nothing_more(world: World) {
    let lease = leased(&world).await;
    world.commit(under(&lease, Next::After(0), vec![])).await.unwrap();
    assert_eq!(world.commit(under(&lease, Next::Keep, vec![])).await, Err(CommitError::LeaseLost));
}

async fn done_removes_the_row(world: World) {
    let lease = leased(&world).await;
    world.commit(under(&lease, Next::Done, vec![])).await.unwrap();
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM work").await, 0);
}

async fn after_releases_the_row_until_then(world: World) {
    let lease = leased(&world).await;
    world.commit(under(&lease, Next::After(30_000), vec![])).await.unwrap();
    assert!(matches!(due(&world).await, Some(20_000..=30_000)));
    assert!(world.claim_trust(1, 1).await.is_empty());
}

async fn keep_goes_on(world: World) {
    let lease = leased(&world).await;
    for _ in 0..2 {
        world.commit(under(&lease, Next::Keep, vec![])).await.unwrap();
    }
    world.wake(&acme(), 1, 0).await;
    world.commit(under(&lease, Next::Keep, vec![])).await.unwrap();
    world.commit(under(&lease, Next::Done, vec![])).await.unwrap();
    assert_eq!(world.claim_trust(1, 1).await.len(), 1, "keeping a lease keeps what woke it meanwhile");
}

async fn woken_while_leased_is_not_lost_by_done(world: World) {
    let lease = leased(&world).await;
    world.wake(&acme(), 1, 0).await;
    assert!(world.claim_trust(1, 1).await.is_empty(), "it keeps its lease");
    world.commit(under(&lease, Next::Done, vec![])).await.unwrap();
    assert_eq!(world.claim_trust(1, 1).await.len(), 1);
}

async fn woken_while_leased_comes_before_after(world: World) {
    let lease = leased(&world).await;
    world.wake(&acme(), 1, 0).await;
    world.commit(under(&lease, Next::After(60_000), vec![])).await.unwrap();
    let lease = world.claim_trust(1, 1).await.remove(0);
    world.wake(&acme(), 1, 90_000).await;
    world.commit(under(&lease, Next::After(10_000), vec![])).await.unwrap();
    assert!(matches!(due(&world).await, Some(1..=10_000)), "and not after it");
}

async fn woken_while_leased_for_later_outlives_the_lease(world: World) {
    leased(&world).await;
    world.wake(&acme(), 1, 40_000).await;
    world.expire_leases().await;
    let lease = world.claim_trust(1, 1).await.remove(0);
    world.commit(under(&lease, Next::Done, vec![])).await.unwrap();
    assert!(matches!(due(&world).await, Some(1..=40_000)));
}

async fn woken_in_its_own_commit(world: World) {
    let lease = leased(&world).await;
    let wake = Write::Work { key: trust_key(1), after_ms: 0 };
    world.commit(under(&lease, Next::Done, vec![wake.clone()])).await.unwrap();
    let lease = world.claim_trust(1, 1).await.remove(0);
    world.commit(under(&lease, Next::After(60_000), vec![wake])).await.unwrap();
    assert_eq!(world.claim_trust(1, 1).await.len(), 1);
}
