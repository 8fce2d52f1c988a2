//! Guarded updates, history, and the invariants in SQL.

use windlass_domain::asset::Memo;
use windlass_domain::commit::{CommitError, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::money::Amount;
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::withdrawal::WithdrawalState as W;

use crate::both;
use crate::world::{World, account, acme, constraint, deposit, new, other, step, tx, withdrawal};

both!(
    a_transaction_comes_back_as_it_was_written,
    every_state_can_be_stored,
    rule_4_a_stale_change_is_refused_whole,
    rule_4_history_is_append_only,
    rule_4_audit_is_append_only,
    rule_5_invariants_stand_in_sql,
    rule_5_a_row_that_makes_no_sense_is_named,
    rule_9_another_tenants_row_is_not_there,
    texts_come_back_as_they_went_in,
);

async fn a_transaction_comes_back_as_it_was_written(world: World) {
    let full = Transaction {
        memo: Some(Memo::Hash([7; 32])),
        amount_expected: Some(Amount::from_units(i64::MAX)),
        external_id: Some("e".into()),
        message: Some("m".into()),
        fields: vec![("b".into(), "1".into()), ("a".into(), "2".into())],
        status_eta: Some(8),
        received_at: Some(9),
        ..deposit(1, D::Completed)
    };
    world.write(vec![new(full.clone()), new(withdrawal(2, W::AwaitingPayment))]).await.unwrap();
    assert_eq!(world.transaction(1).await, full);
    assert_eq!(world.transaction(2).await, withdrawal(2, W::AwaitingPayment));
    let (shown, history) = world.store.show_transaction(&acme(), &tx(1)).await.unwrap().unwrap();
    assert_eq!((shown, history.len()), (full, 1));
    let missing = world.store.transactions(&[(acme(), tx(3)), (acme(), tx(2))]).await.unwrap();
    assert!(missing[0].is_none() && missing[1].is_some(), "in the order asked");
}

async fn every_state_can_be_stored(world: World) {
    let mut writes = Vec::new();
    for (number, state) in (0..).zip(D::ALL) {
        writes.push(new(deposit(number, *state)));
    }
    for (number, state) in (100..).zip(W::ALL) {
        let done = *state == W::Completed;
        let external_id = done.then(|| "payout".to_owned());
        writes.push(new(Transaction { external_id, completed_at: done.then_some(1), ..withdrawal(number, *state) }));
    }
    world.write(writes).await.unwrap();
}

async fn rule_4_a_stale_change_is_refused_whole(world: World) {
    let before = deposit(1, D::Ready);
    world.write(vec![new(before.clone())]).await.unwrap();
    let (after, write) = step(&before, State::Deposit(D::Signed));
    world.write(vec![write.clone()]).await.unwrap();
    let also = Write::State { tenant: acme(), key: "k".into(), value: Some(vec![1]) };
    assert!(matches!(world.write(vec![write, also]).await, Err(CommitError::Stale(_))));
    assert_eq!(world.store.state_get(&acme(), "k").await.unwrap(), None, "nothing of it was written");
    assert_eq!(world.transaction(1).await, after);
    // The right version and another state is stale too.
    let wrong = Transaction { version: after.version, ..deposit(1, D::Ready) };
    assert!(matches!(world.write(vec![step(&wrong, State::Deposit(D::Signed)).1]).await, Err(CommitError::Stale(_))));
}

async fn rule_4_history_is_append_only(world: World) {
    let before = deposit(1, D::Ready);
    world.write(vec![new(before.clone()), step(&before, State::Deposit(D::Signed)).1]).await.unwrap();
    for sql in ["UPDATE history SET event = 'x'", "DELETE FROM history"] {
        let refused = world.raw.execute(sql).await.unwrap_err();
        assert!(refused.contains("history_append_only"), "{refused}");
    }
    let (_, history) = world.store.show_transaction(&acme(), &tx(1)).await.unwrap().unwrap();
    assert_eq!(history.iter().map(|line| line.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(history[1].from, Some(State::Deposit(D::Ready)));
}

async fn rule_4_audit_is_append_only(world: World) {
    let audit = |tenant| Write::Audit { tenant, actor: "ada".into(), action: "retry".into(), subject: "job".into(), reason: None, at: 1 };
    world.write(vec![audit(None), audit(Some(acme())), audit(Some(acme()))]).await.unwrap();
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM audit").await, 3);
    for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
        assert!(world.raw.execute(sql).await.unwrap_err().contains("audit_append_only"));
    }
}

async fn rule_5_invariants_stand_in_sql(world: World) {
    world.write(vec![new(deposit(1, D::Ready)), new(withdrawal(2, W::AwaitingPayment))]).await.unwrap();
    let units = |units| Some(Amount::from_units(units));
    let ready = || deposit(3, D::Ready);
    for (transaction, name) in [
        (Transaction { amount_out: units(98), ..ready() }, "transactions_money"),
        (Transaction { amount_out: None, ..ready() }, "transactions_deposit_ready_has_money"),
        (Transaction { refunded: Amount::from_units(1), amount_out: units(99), ..ready() }, "transactions_money"),
        (Transaction { fee: units(-1), amount_out: units(101), ..ready() }, "transactions_amounts_not_negative"),
        (Transaction { stellar_transaction_id: None, ..deposit(3, D::Completed) }, "transactions_deposit_completed"),
        (Transaction { external_id: None, completed_at: Some(1), ..withdrawal(3, W::Completed) }, "transactions_withdrawal_completed"),
        (Transaction { memo: None, ..withdrawal(3, W::Received) }, "transactions_withdrawal_has_memo"),
        (Transaction { reference: "REF1".into(), ..ready() }, "transactions_reference"),
        (Transaction { memo: Some(Memo::Id(2)), ..withdrawal(3, W::AwaitingPayment) }, "transactions_withdrawal_memo"),
        (Transaction { id: tx(1), ..ready() }, "transactions_pkey"),
        (Transaction { tenant: windlass_domain::TenantId::new("nobody").unwrap(), ..ready() }, "foreign_key"),
    ] {
        assert_eq!(constraint(world.write(vec![new(transaction)]).await), name);
    }
    let sql = "UPDATE transactions SET state = 'refused' WHERE kind = 'deposit'";
    assert!(world.raw.execute(sql).await.unwrap_err().contains("transactions_state"));
    assert!(world.store.memo_is_free(&acme(), &account('A'), &Memo::Id(3)).await.unwrap());
    assert!(!world.store.memo_is_free(&acme(), &account('A'), &Memo::Id(2)).await.unwrap());
    assert!(world.store.memo_is_free(&acme(), &account('A'), &Memo::Text("2".into())).await.unwrap());
}

async fn rule_5_a_row_that_makes_no_sense_is_named(world: World) {
    world.write(vec![new(deposit(1, D::Ready))]).await.unwrap();
    world.raw.execute("UPDATE transactions SET asset = 'gold'").await.unwrap();
    let error = world.store.transactions(&[(acme(), tx(1))]).await.unwrap_err().to_string();
    assert!(error.contains(&format!("transactions (acme, {}), column asset", tx(1))), "{error}");
}

async fn rule_9_another_tenants_row_is_not_there(world: World) {
    world.write(vec![new(deposit(1, D::AwaitingFunds))]).await.unwrap();
    assert_eq!(world.store.transactions(&[(other(), tx(1))]).await.unwrap(), [None]);
    assert!(world.store.find_pending_deposits(&other(), &["REF1".into()]).await.unwrap().is_empty());
    let (_, write) = step(&Transaction { tenant: other(), ..deposit(1, D::AwaitingFunds) }, State::Deposit(D::Expired));
    assert!(matches!(world.write(vec![write]).await, Err(CommitError::Stale(_))));
    // The same id and the same reference are another transaction there.
    let theirs = Transaction { tenant: other(), anchor_account: account('B'), ..deposit(1, D::AwaitingFunds) };
    world.write(vec![new(theirs)]).await.unwrap();
}

async fn texts_come_back_as_they_went_in(world: World) {
    let texts =
        ["\"quoted\" 'single'", "back\\slash \\u0000 \\n", "line\nbreak\ttab\u{1}\u{7f}", "\u{1f98a} \u{e9} \u{202e}", "", "1", "null"];
    for (number, text) in (0..).zip(texts) {
        let before = Transaction { message: Some(text.into()), ..deposit(number, D::AwaitingFunds) };
        world.write(vec![new(before.clone())]).await.unwrap();
        assert_eq!(world.transaction(number).await, before);
    }
    let nul = Transaction { message: Some("a\0b".into()), ..deposit(99, D::AwaitingFunds) };
    assert_eq!(constraint(world.write(vec![new(nul)]).await), "text_without_nul");
}
