//! Claims: who gets what, and when.

use std::collections::HashSet;

use windlass_domain::commit::{Next, WorkKind};

use crate::both;
use crate::world::{World, acme, other, tx, under};

both!(
    claims_are_fair_between_tenants,
    rule_7_a_leased_row_is_claimed_again_once_it_expired_with_a_higher_token,
    rule_7_a_token_does_not_come_again_when_a_row_is_made_anew,
    two_claimers_never_get_the_same_row,
    next_due_counts_free_rows_and_leases,
    what_is_due_later_is_not_claimed,
);

async fn claims_are_fair_between_tenants(world: World) {
    for number in 0..6 {
        world.wake(&acme(), number, 0).await;
    }
    world.wake(&other(), 9, 0).await;
    let leases = world.claim_trust(10, 2).await;
    let of = |tenant| leases.iter().filter(|lease| lease.work.tenant.as_ref() == Some(&tenant)).count();
    assert_eq!((of(acme()), of(other())), (2, 1), "at most two of one tenant");
    assert_eq!(leases[0].work.subject, tx(0).to_string(), "oldest first");
    assert_eq!(world.claim_trust(3, 10).await.len(), 3, "no more than asked for");
    assert_eq!(world.claim_trust(10, 10).await.len(), 1, "what is leased is not claimed");
}

async fn rule_7_a_leased_row_is_claimed_again_once_it_expired_with_a_higher_token(world: World) {
    world.wake(&acme(), 1, 0).await;
    let first = world.claim_trust(1, 1).await.remove(0);
    assert!(world.claim_trust(1, 1).await.is_empty());
    world.expire_leases().await;
    let second = world.claim_trust(1, 1).await.remove(0);
    assert_eq!(second.work, first.work);
    assert_eq!(second.token, first.token + 1);
}

async fn rule_7_a_token_does_not_come_again_when_a_row_is_made_anew(world: World) {
    world.wake(&acme(), 1, 0).await;
    let lost = world.claim_trust(1, 1).await.remove(0);
    world.expire_leases().await;
    let holder = world.claim_trust(1, 1).await.remove(0);
    world.commit(under(&holder, Next::Done, vec![])).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    world.wake(&acme(), 1, 0).await;
    let anew = world.claim_trust(1, 1).await.remove(0);
    assert!(anew.token > holder.token && holder.token > lost.token);
}

async fn two_claimers_never_get_the_same_row(world: World) {
    for number in 0..40 {
        world.wake(&acme(), number, 0).await;
    }
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..20 {
                    mine.extend(store.claim(WorkKind::Trust, 3, 100, 60_000).await.unwrap());
                }
                mine
            })
        })
        .collect();
    let mut subjects = Vec::new();
    for task in tasks {
        subjects.extend(task.await.unwrap().into_iter().map(|lease| lease.work.subject));
    }
    assert_eq!(subjects.len(), 40);
    assert_eq!(subjects.iter().collect::<HashSet<_>>().len(), 40);
}

async fn next_due_counts_free_rows_and_leases(world: World) {
    let next = || async { world.store.next_due_ms(WorkKind::Trust).await.unwrap() };
    assert_eq!(next().await, None);
    world.wake(&acme(), 1, 0).await;
    assert_eq!(next().await, Some(0));
    world.claim_trust(1, 1).await;
    assert!(matches!(next().await, Some(50_000..=60_000)), "when the lease ends");
    world.wake(&acme(), 2, 5_000).await;
    assert!(matches!(next().await, Some(1..=5_000)));
}

async fn what_is_due_later_is_not_claimed(world: World) {
    world.wake(&acme(), 1, 60_000).await;
    assert!(world.claim_trust(1, 1).await.is_empty());
    world.wake(&acme(), 1, 90_000).await;
    assert!(matches!(world.store.next_due_ms(WorkKind::Trust).await.unwrap(), Some(1..=60_000)), "a later wake puts nothing off");
    world.wake(&acme(), 1, 0).await;
    assert_eq!(world.claim_trust(1, 1).await.len(), 1, "an earlier one brings it forward");
}
