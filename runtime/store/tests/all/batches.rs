//! Batches: together where they can, alone where one of them fails.

use windlass_domain::commit::{Commit, CommitError, Next, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::transaction::{State, Transaction};

use crate::both;
use crate::world::{World, acme, deposit, new, step, trust_key, tx, under, withdrawal};

both!(
    one_that_fails_fails_alone,
    commits_that_follow_each_other_go_in_one_batch,
    five_hundred_at_once,
    a_state_key_that_was_read_must_not_have_changed,
    a_batch_does_not_hide_a_changed_state_key,
);

async fn one_that_fails_fails_alone(world: World) {
    let taken = deposit(1, D::Ready);
    world.write(vec![new(taken.clone())]).await.unwrap();
    let commit = |writes| Commit { fence: None, writes };
    let stale = step(&Transaction { version: 9, ..taken.clone() }, State::Deposit(D::Signed)).1;
    let nul = Write::State { tenant: acme(), key: "\0".into(), value: None };
    world.wake(&acme(), 7, 0).await;
    let lease = world.claim_trust(1, 1).await.remove(0);
    world.expire_leases().await;
    world.claim_trust(1, 1).await;
    let answers = world
        .store
        .commit(vec![
            commit(vec![new(deposit(2, D::Ready))]),
            commit(vec![new(deposit(3, D::Ready)), new(Transaction { reference: "OTHER".into(), ..taken })]),
            commit(vec![new(deposit(4, D::Ready)), stale]),
            commit(vec![new(deposit(5, D::Ready)), nul]),
            under(&lease, Next::Done, vec![new(deposit(6, D::Ready))]),
            commit(vec![new(deposit(8, D::Ready))]),
        ])
        .await;
    assert_eq!((&answers[0], &answers[5]), (&Ok(()), &Ok(())));
    assert!(matches!(&answers[1], Err(CommitError::Conflict { constraint, .. }) if constraint == "transactions_pkey"));
    assert!(matches!(&answers[2], Err(CommitError::Stale(what)) if what.contains(tx(1).as_str())));
    assert!(matches!(&answers[3], Err(CommitError::Conflict { constraint, .. }) if constraint == "text_without_nul"));
    assert_eq!(answers[4], Err(CommitError::LeaseLost));
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM transactions").await, 3, "1, 2 and 8");
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM history").await, 3);
}

async fn commits_that_follow_each_other_go_in_one_batch(world: World) {
    let first = deposit(1, D::Ready);
    let (second, signed) = step(&first, State::Deposit(D::Signed));
    let (third, submitted) = step(&second, State::Deposit(D::Submitted));
    let wake = |after_ms| Write::Work { key: trust_key(1), after_ms };
    let commits = [vec![new(first)], vec![signed, wake(9_000)], vec![submitted, wake(0)]];
    let answers = world.store.commit(commits.into_iter().map(|writes| Commit { fence: None, writes }).collect()).await;
    assert_eq!(answers, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(world.transaction(1).await, third);
    assert_eq!(world.claim_trust(1, 1).await.len(), 1, "the sooner one counts");
}

async fn five_hundred_at_once(world: World) {
    let commits = (0..500).map(|number| {
        let wake = Write::trust_work(&acme(), &tx(number), 0);
        Commit { fence: None, writes: vec![new(deposit(number, D::Ready)), wake] }
    });
    assert!(world.store.commit(commits.collect()).await.iter().all(Result::is_ok));
    let leases = world.claim_trust(500, 500).await;
    assert_eq!(leases.len(), 500);
    let ids: Vec<_> = (0..500).map(|number| (acme(), tx(number))).collect();
    let commits = leases.iter().map(|lease| {
        let number = (0..500).find(|number| tx(*number).as_str() == lease.work.subject).unwrap();
        under(lease, Next::Done, vec![step(&deposit(number, D::Ready), State::Deposit(D::Signed)).1])
    });
    assert!(world.store.commit(commits.collect()).await.iter().all(Result::is_ok));
    let seen = world.store.transactions(&ids).await.unwrap();
    assert!(seen.iter().all(|one| one.as_ref().is_some_and(|one| one.version == 2)));
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM work").await, 0);
}

fn put(key: &str, value: Option<&[u8]>) -> Write {
    Write::State { tenant: acme(), key: key.into(), value: value.map(<[u8]>::to_vec) }
}

fn unchanged(key: &str, value: Option<&[u8]>) -> Write {
    Write::StateUnchanged { tenant: acme(), key: key.into(), value: value.map(<[u8]>::to_vec) }
}

async fn a_state_key_that_was_read_must_not_have_changed(world: World) {
    world.write(vec![unchanged("cursor", None), put("cursor", Some(&[0, 255]))]).await.unwrap();
    assert_eq!(world.store.state_get(&acme(), "cursor").await.unwrap(), Some(vec![0, 255]));
    for wrong in [None, Some(&[0_u8][..])] {
        let answer = world
            .write(vec![unchanged("cursor", wrong), new(withdrawal(1, windlass_domain::withdrawal::WithdrawalState::AwaitingPayment))])
            .await;
        assert!(matches!(answer, Err(CommitError::Stale(_))));
    }
    world.write(vec![unchanged("cursor", Some(&[0, 255])), put("cursor", None)]).await.unwrap();
    assert_eq!(world.store.state_count(&acme()).await.unwrap(), 0);
}

async fn a_batch_does_not_hide_a_changed_state_key(world: World) {
    let commits = [[unchanged("cursor", None), put("cursor", Some(&[1]))], [unchanged("cursor", None), put("cursor", Some(&[2]))]];
    let answers = world.store.commit(commits.into_iter().map(|writes| Commit { fence: None, writes: writes.to_vec() }).collect()).await;
    assert_eq!(answers[0], Ok(()));
    assert!(matches!(answers[1], Err(CommitError::Stale(_))));
    assert_eq!(world.store.state_get(&acme(), "cursor").await.unwrap(), Some(vec![1]));
}
