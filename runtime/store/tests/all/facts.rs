//! Facts of bank and ledger (money rule 2).

use windlass_domain::Amount;
use windlass_domain::asset::Memo;
use windlass_domain::commit::{CommitError, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::tenant::{IncomingPayment, Matched};
use windlass_domain::withdrawal::WithdrawalState as W;

use crate::both;
use crate::world::{World, account, acme, constraint, credit, deposit, new, other, payment, tx, withdrawal};

both!(
    rule_2_the_same_credit_again_changes_nothing,
    rule_2_a_credit_funds_one_deposit,
    rule_2_the_same_payment_again_changes_nothing,
    rule_2_payments_are_matched_by_account_memo_and_type,
    rule_2_cursor_and_facts_commit_together,
    waiting_transactions_page_oldest_first,
    state_keys_are_in_byte_order,
);

fn unmatched() -> Matched {
    Matched::Unmatched("no such reference".into())
}

async fn rule_2_the_same_credit_again_changes_nothing(world: World) {
    let first = credit("c1", 5, unmatched());
    for _ in 0..2 {
        world.write(vec![Write::Credit(first.clone())]).await.unwrap();
    }
    assert_eq!(constraint(world.write(vec![Write::Credit(credit("c1", 6, unmatched()))]).await), "bank_credits_once");
    assert_eq!(world.store.credits(&acme(), true).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(world.store.known_credits(&acme(), "bank", &["c1".into(), "c2".into(), "c1".into()]).await.unwrap(), [first]);
    assert!(world.store.known_credits(&acme(), "card", &["c1".into()]).await.unwrap().is_empty());
    assert!(world.store.known_credits(&other(), "bank", &["c1".into()]).await.unwrap().is_empty());
}

async fn rule_2_a_credit_funds_one_deposit(world: World) {
    world.write(vec![new(deposit(1, D::Ready)), new(deposit(2, D::Ready))]).await.unwrap();
    let funds = |id, number| Write::Credit(credit(id, 5, Matched::Transaction(tx(number))));
    world.write(vec![funds("c1", 1)]).await.unwrap();
    world.write(vec![funds("c1", 1)]).await.unwrap();
    assert_eq!(constraint(world.write(vec![funds("c1", 2)]).await), "bank_credits_once");
    assert_eq!(constraint(world.write(vec![funds("c2", 1)]).await), "bank_credits_fund_once");
    world.write(vec![Write::Credit(credit("c1", 5, unmatched()))]).await.unwrap();
    assert!(world.store.credits(&acme(), true).await.unwrap().is_empty(), "it stays matched");
    assert_eq!(world.store.credits(&acme(), false).await.unwrap().len(), 1);
}

fn incoming(payment: IncomingPayment, matched: Matched) -> Write {
    Write::Incoming { tenant: acme(), payment: Box::new(payment), matched, at: 1 }
}

async fn rule_2_the_same_payment_again_changes_nothing(world: World) {
    world.write(vec![new(withdrawal(1, W::Received)), new(withdrawal(2, W::Received))]).await.unwrap();
    let paid = Matched::Transaction(tx(1));
    for _ in 0..2 {
        world.write(vec![incoming(payment(0, None), paid.clone())]).await.unwrap();
    }
    assert_eq!(world.store.incoming(&acme(), false).await.unwrap(), [(payment(0, None), paid.clone())]);
    assert_eq!(constraint(world.write(vec![incoming(payment(0, None), Matched::Transaction(tx(2)))]).await), "incoming_once");
    assert_eq!(constraint(world.write(vec![incoming(payment(1, None), paid)]).await), "incoming_pays_once");
    let second = (payment(1, Some(Memo::Text("x".into()))), Matched::Unmatched("second payment".into()));
    world.write(vec![incoming(second.0.clone(), second.1.clone())]).await.unwrap();
    assert_eq!(world.store.incoming(&acme(), true).await.unwrap(), [second]);
}

async fn rule_2_payments_are_matched_by_account_memo_and_type(world: World) {
    world.write(vec![new(withdrawal(7, W::AwaitingPayment))]).await.unwrap();
    world.write(vec![incoming(payment(9, None), unmatched())]).await.unwrap();
    let at = |to, payment: IncomingPayment| IncomingPayment { to: account(to), ..payment };
    let elsewhere = IncomingPayment { network: "Public".into(), ..payment(4, None) };
    let asked = [
        payment(0, Some(Memo::Id(7))),
        payment(1, Some(Memo::Text("7".into()))),
        payment(2, None),
        at('B', payment(3, Some(Memo::Id(7)))),
        elsewhere,
        at('Z', payment(5, None)),
        payment(9, None),
        payment(6, Some(Memo::Text("a\0".into()))),
    ];
    let seen = world.store.match_payments(&asked).await.unwrap();
    let shown: Vec<_> = seen.iter().map(|one| one.as_ref().map(|one| (one.tenant.id.to_string(), one.transaction.is_some()))).collect();
    let acme = |found| Some(("acme".to_owned(), found));
    let expected = [acme(true), acme(false), acme(false), Some(("other".to_owned(), false)), None, None, None, acme(false)];
    assert_eq!(shown, expected);
}

async fn rule_2_cursor_and_facts_commit_together(world: World) {
    let cursor = |text: &str| Write::Cursor { source: "net".into(), cursor: text.into() };
    assert_eq!(world.store.cursor("net").await.unwrap(), None);
    let failed = Write::Failed { source: "net".into(), key: "k".into(), reason: "odd".into(), at: 1 };
    world.write(vec![cursor("1"), failed.clone(), incoming(payment(0, None), unmatched())]).await.unwrap();
    world.write(vec![cursor("2"), failed]).await.unwrap();
    let negative = IncomingPayment { amount: Amount::from_units(-1), ..payment(1, None) };
    let answer = world.write(vec![cursor("3"), incoming(negative, unmatched())]).await;
    assert!(matches!(answer, Err(CommitError::Conflict { .. })));
    assert_eq!(world.store.cursor("net").await.unwrap().as_deref(), Some("2"));
    assert_eq!(world.raw.number("SELECT COUNT(*) FROM failed_events").await, 1);
}

async fn waiting_transactions_page_oldest_first(world: World) {
    let states = [D::AwaitingFunds, D::SeenPending, D::Ready, D::AwaitingFunds];
    world.write((1..).zip(states).map(|(number, state)| new(deposit(number, state))).collect()).await.unwrap();
    let ids = |all: Vec<windlass_domain::transaction::Transaction>| all.into_iter().map(|one| one.id).collect::<Vec<_>>();
    let page = world.store.pending_deposits(&acme(), 9_999, None, 2).await.unwrap();
    assert_eq!(ids(page), [tx(1), tx(2)]);
    let after = (1_002, tx(2).to_string());
    assert_eq!(ids(world.store.pending_deposits(&acme(), 9_999, Some(&after), 2).await.unwrap()), [tx(4)]);
    assert_eq!(ids(world.store.pending_deposits(&acme(), 1_001, None, 2).await.unwrap()), [tx(1)], "made until then");
    let wanted: Vec<String> = ["REF4", "REF3", "REF4", "none"].map(Into::into).to_vec();
    assert_eq!(ids(world.store.find_pending_deposits(&acme(), &wanted).await.unwrap()), [tx(4)]);
    let under_way = windlass_domain::transaction::Transaction { external_id: Some("p1".into()), ..withdrawal(9, W::PayoutInProgress) };
    world.write(vec![new(under_way), new(withdrawal(10, W::Received))]).await.unwrap();
    assert_eq!(ids(world.store.pending_payouts(&acme(), 9_999, None, 9).await.unwrap()), [tx(9)]);
    assert_eq!(ids(world.store.find_pending_payouts(&acme(), &["p1".into()]).await.unwrap()), [tx(9)]);
}

async fn state_keys_are_in_byte_order(world: World) {
    let put = |key: &str| Write::State { tenant: acme(), key: key.into(), value: Some(vec![]) };
    let all = ["B", "_x", "a", "a%b", "a_b", "ab", "\u{e9}"];
    world.write(all.iter().rev().map(|key| put(key)).collect()).await.unwrap();
    assert_eq!(world.store.state_keys(&acme(), "", None, 99).await.unwrap(), all);
    assert_eq!(world.store.state_keys(&acme(), "a", Some("a%b"), 99).await.unwrap(), ["a_b", "ab"]);
    assert_eq!(world.store.state_keys(&acme(), "a_", None, 99).await.unwrap(), ["a_b"]);
    assert_eq!(world.store.state_keys(&acme(), "", None, 2).await.unwrap(), ["B", "_x"]);
    assert_eq!(world.store.state_count(&other()).await.unwrap(), 0);
    assert_eq!(world.store.state_get(&acme(), "a").await.unwrap(), Some(vec![]), "an empty value is one");
}
