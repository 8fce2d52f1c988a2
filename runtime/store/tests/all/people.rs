//! What people do with strays, what waits for whom, and the hook that an enabled direction needs.

use windlass_domain::commit::{CommitError, WorkKind, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::job::{Hook, JobState};
use windlass_domain::ports::store::{Page, StoreError};
use windlass_domain::rules::{AssetRules, DirectionRules};
use windlass_domain::tenant::{Matched, Version};
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::waits::{Waits, waits_for};
use windlass_domain::withdrawal::WithdrawalState as W;
use windlass_domain::{Amount, TransactionId, VersionNumber};

use crate::both;
use crate::world::{World, acme, constraint, credit, deposit, envelope, job, new, other, step, tx, version, withdrawal};

both!(
    rule_2_an_unmatched_credit_is_assigned_once,
    rule_2_a_late_deposit_is_found_by_its_reference,
    rule_6_what_cannot_leave_is_booked,
    a_deadline_is_a_row_of_the_queue,
    what_waits_for_whom,
    what_an_envelope_carries_waits_for_the_ledger,
    an_enabled_direction_keeps_its_hook,
    neither_asset_nor_version_overlooks_the_other,
);

fn assign(id: &str, number: u16) -> Write {
    Write::CreditAssigned { tenant: acme(), rail: "bank".into(), external_id: id.into(), transaction: tx(number) }
}

async fn rule_2_an_unmatched_credit_is_assigned_once(world: World) {
    let stray = credit("c1", 100, Matched::Unmatched("why".into()));
    let writes = vec![new(deposit(1, D::Completed)), new(deposit(2, D::AwaitingFunds)), new(deposit(3, D::AwaitingFunds))];
    world.write(writes).await.unwrap();
    world.write(vec![Write::Credit(stray), Write::Credit(credit("c2", 5, Matched::Transaction(tx(1))))]).await.unwrap();
    for (id, number, wrong) in [("c3", 2, "no such credit"), ("c2", 2, "pays for another already")] {
        assert!(matches!(world.write(vec![assign(id, number)]).await, Err(CommitError::Stale(_))), "{wrong}");
    }
    world.write(vec![assign("c1", 2)]).await.unwrap();
    let known = world.store.known_credits(&acme(), "bank", &["c1".into()]).await.unwrap();
    assert_eq!(known[0].matched, Matched::Transaction(tx(2)));
    assert!(world.store.credits(&acme(), true).await.unwrap().is_empty());
    assert!(matches!(world.write(vec![assign("c1", 3)]).await, Err(CommitError::Stale(_))), "a second time");
    world.write(vec![Write::Credit(credit("c4", 7, Matched::Unmatched("why".into())))]).await.unwrap();
    assert_eq!(constraint(world.write(vec![assign("c4", 2)]).await), "bank_credits_fund_once");
    let reported_again = world.write(vec![Write::Credit(credit("c1", 100, Matched::Unmatched("why".into())))]).await;
    reported_again.unwrap();
    assert_eq!(world.store.known_credits(&acme(), "bank", &["c1".into()]).await.unwrap()[0].matched, Matched::Transaction(tx(2)));
}

async fn rule_2_a_late_deposit_is_found_by_its_reference(world: World) {
    let writes =
        [D::AwaitingFunds, D::Expired, D::Failed, D::Completed].into_iter().zip(1..).map(|(state, number)| new(deposit(number, state)));
    world.write(writes.collect()).await.unwrap();
    let references: Vec<String> = (1..5).map(|number| format!("REF{number}")).collect();
    let ids = |found: Vec<Transaction>| found.into_iter().map(|one| one.id).collect::<Vec<TransactionId>>();
    assert_eq!(ids(world.store.find_pending_deposits(&acme(), &references).await.unwrap()), [tx(1), tx(2)]);
    assert_eq!(ids(world.store.pending_deposits(&acme(), 9_999, None, 9).await.unwrap()), [tx(1)], "the set itself holds what waits");
}

async fn rule_6_what_cannot_leave_is_booked(world: World) {
    let amount = |units| Some(Amount::from_units(units));
    let booked = Transaction { amount_in: amount(100), fee: amount(7), amount_out: amount(93), ..deposit(1, D::Ready) };
    world.write(vec![new(booked.clone())]).await.unwrap();
    assert_eq!(world.transaction(1).await, booked);
    let lost = Transaction { amount_out: amount(92), ..deposit(2, D::Ready) };
    assert_eq!(constraint(world.write(vec![new(lost)]).await), "transactions_money");
}

async fn a_deadline_is_a_row_of_the_queue(world: World) {
    let waits = |number, expires_at| Transaction { expires_at, ..deposit(number, D::AwaitingFunds) };
    let mut writes = Vec::new();
    for transaction in [waits(1, Some(500)), waits(2, Some(10_000_000)), waits(3, None)] {
        writes.extend(Write::expire_work(&transaction, 1_000));
        writes.push(new(transaction));
    }
    world.write(writes).await.unwrap();
    let due = world.store.claim(WorkKind::Expire, 10, 10, 60_000).await.unwrap();
    let subjects: Vec<&str> = due.iter().map(|lease| lease.work.subject.as_str()).collect();
    assert_eq!(subjects, [tx(1).as_str()], "due at once when it has passed, later when it has not, never without a deadline");
    assert_eq!(world.transaction(1).await.expires_at, Some(500));
}

async fn what_waits_for_whom(world: World) {
    let ready = deposit(3, D::Ready);
    world.write(vec![new(deposit(1, D::AwaitingFunds)), new(deposit(2, D::Completed)), new(ready.clone())]).await.unwrap();
    let (signed, signing) = step(&ready, State::Deposit(D::Signed));
    world.write(vec![signing, Write::NewEnvelope(Box::new(envelope(1, 5, &[3])))]).await.unwrap();
    world.write(vec![new(deposit(4, D::PendingTrust)), Write::trust_work(&acme(), &tx(4), 0)]).await.unwrap();
    world.write(vec![new(withdrawal(5, W::Received)), new(withdrawal(6, W::Received)), new(withdrawal(7, W::OnHold))]).await.unwrap();
    world
        .write(vec![Write::NewJob(Box::new(windlass_domain::job::Job {
            state: JobState::Dead,
            ..job(5, Hook::ProcessWithdrawal, Some(5))
        }))])
        .await
        .unwrap();
    let open = job(6, Hook::ProcessWithdrawal, Some(6));
    world.write(vec![Write::job_work(&open, 0), Write::NewJob(Box::new(open))]).await.unwrap();
    let all = Page { after: None, limit: 100 };
    let seen =
        |rows: Vec<windlass_domain::ports::store::Waiting>| rows.into_iter().map(|row| (row.transaction.id, row.waits)).collect::<Vec<_>>();
    let expected = |envelope| {
        vec![
            (tx(1), Waits::User),
            (tx(3), envelope),
            (tx(4), Waits::Trustline),
            (tx(5), Waits::Operator),
            (tx(6), Waits::Host),
            (tx(7), Waits::Operator),
        ]
    };
    assert_eq!(
        seen(world.store.waiting(&acme(), &all).await.unwrap()),
        expected(Waits::Nobody),
        "an envelope that no row of the queue drives"
    );
    let key =
        windlass_domain::commit::WorkKey { tenant: Some(acme()), kind: WorkKind::Envelope, subject: envelope(1, 5, &[3]).id.to_string() };
    world.write(vec![Write::Work { key, after_ms: 5 }]).await.unwrap();
    assert_eq!(seen(world.store.waiting(&acme(), &all).await.unwrap()), expected(Waits::Ledger));
    assert!(world.store.waiting(&other(), &all).await.unwrap().is_empty());
    let first = world.store.waiting(&acme(), &Page { after: None, limit: 2 }).await.unwrap();
    let last = first.last().map(|row| (row.transaction.updated_at, row.transaction.id.to_string()));
    assert_eq!(seen(world.store.waiting(&acme(), &Page { after: last, limit: 100 }).await.unwrap()).len(), 4);
    assert_eq!(world.transaction(3).await, signed);
}

async fn what_an_envelope_carries_waits_for_the_ledger(world: World) {
    let states: Vec<D> = D::ALL.iter().copied().filter(|&state| waits_for(State::Deposit(state)) == Waits::Ledger).collect();
    let numbers: Vec<u16> = (1..).take(states.len()).collect();
    world.write(numbers.iter().zip(&states).map(|(&number, &state)| new(deposit(number, state))).collect()).await.unwrap();
    let carries = envelope(1, 5, &numbers);
    let key = windlass_domain::commit::WorkKey { tenant: Some(acme()), kind: WorkKind::Envelope, subject: carries.id.to_string() };
    world.write(vec![Write::NewEnvelope(Box::new(carries)), Write::Work { key, after_ms: 0 }]).await.unwrap();
    let rows = world.store.waiting(&acme(), &Page { after: None, limit: 100 }).await.unwrap();
    assert_eq!(rows.len(), states.len());
    for row in rows {
        assert!(row.waits == Waits::Ledger && row.due_at.is_some(), "{row:?}");
    }
}

async fn an_enabled_direction_keeps_its_hook(world: World) {
    let enabled = || DirectionRules { enabled: true, ..DirectionRules::default() };
    let rules = |deposit, withdrawal| AssetRules { deposit, withdrawal, ..serde_json::from_str(r#"{"asset":"native"}"#).unwrap() };
    let missing = |result: Result<(), StoreError>| match result {
        Err(StoreError::HookMissing(missing)) => missing.len(),
        other => panic!("a missing hook was expected: {other:?}"),
    };
    let store = &world.store;
    assert_eq!(missing(store.put_asset(&acme(), &rules(enabled(), enabled())).await), 2, "no version is active");
    store.put_asset(&acme(), &rules(DirectionRules::default(), DirectionRules::default())).await.unwrap();
    let both = Version { digest: "d2".into(), hooks: vec![Hook::PollPendingDeposits, Hook::ProcessWithdrawal], ..version() };
    store.add_version(&both, b"both").await.unwrap();
    store.activate(&acme(), VersionNumber(1), &[]).await.unwrap();
    assert_eq!(missing(store.put_asset(&acme(), &rules(enabled(), enabled())).await), 1, "the active version has one of the two");
    store.activate(&acme(), VersionNumber(2), &[]).await.unwrap();
    store.put_asset(&acme(), &rules(enabled(), enabled())).await.unwrap();
    assert_eq!(missing(store.activate(&acme(), VersionNumber(1), &[]).await), 1);
    assert_eq!(store.tenant(&acme()).await.unwrap().unwrap().active_version, Some(VersionNumber(2)), "nothing was changed");
    let nobody = windlass_domain::TenantId::new("nobody").unwrap();
    assert!(matches!(store.put_asset(&nobody, &rules(enabled(), enabled())).await, Err(StoreError::NotFound(_))));
}

async fn neither_asset_nor_version_overlooks_the_other(world: World) {
    let rules = |enabled| {
        let deposit = DirectionRules { enabled, ..DirectionRules::default() };
        AssetRules { deposit, ..serde_json::from_str(r#"{"asset":"native"}"#).unwrap() }
    };
    let store = &world.store;
    let without = Version { digest: "d2".into(), hooks: vec![Hook::ProcessWithdrawal], ..version() };
    store.add_version(&without, b"without").await.unwrap();
    for _ in 0..10 {
        store.put_asset(&acme(), &rules(false)).await.unwrap();
        store.activate(&acme(), VersionNumber(1), &[]).await.unwrap();
        let (enabled, tenant) = (rules(true), acme());
        let (put, activated) = tokio::join!(store.put_asset(&tenant, &enabled), store.activate(&tenant, VersionNumber(2), &[]));
        assert!(put.is_ok() != activated.is_ok(), "exactly one of the two comes first: {put:?} {activated:?}");
    }
}
