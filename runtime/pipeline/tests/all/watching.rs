//! The ledger's payments: every one becomes a row, in the commit that moves the cursor (money rule 2).

use windlass_domain::Asset;
use windlass_domain::asset::Memo;
use windlass_domain::job::Hook;
use windlass_domain::manifest::UnknownEffects;
use windlass_domain::ports::clock::Clock as _;
use windlass_domain::tenant::Matched;
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::withdrawal::WithdrawalState;

use crate::faults::{Faults, Plan};
use crate::ledger::PayIn;
use crate::world::{World, amount, usd, user};

crate::both!(
    rule_2_cursor_and_facts_are_one_commit,
    rule_2_the_same_payment_told_twice,
    rule_2_two_payments_with_one_memo_in_one_page,
    rule_2_what_matches_nothing_is_a_row_that_says_why,
    rule_2_what_cannot_be_handled_is_stored_as_failed_and_not_in_the_way,
    rule_2_many_pages,
    rule_2_a_withdrawal_that_a_person_changed_meanwhile,
    rule_2_late_payments_revive_by_the_rule,
    rule_6_what_arrives_is_assessed,
    rule_3_nothing_is_paid_out_without_a_version_that_does_it,
);

/// The watch has begun; then a withdrawal with memo 7 is there.
async fn watched(world: &World) -> Transaction {
    let pipeline = world.pipeline();
    pipeline.prepare().await.unwrap();
    pipeline.step_watch().await.unwrap();
    world.add(world.a_withdrawal(7)).await
}

async fn look(world: &World) {
    world.hasten().await;
    assert_eq!(world.pipeline().step_watch().await.unwrap(), 1);
}

/// Rows of payments: those matched, and why the others are not.
async fn rows(world: &World) -> (usize, Vec<String>) {
    let (mut matched, mut unmatched) = (0, vec![]);
    for (_, became) in world.store.incoming(&world.tenant, false).await.unwrap() {
        match became {
            Matched::Transaction(_) => matched += 1,
            Matched::Unmatched(why) => unmatched.push(why),
        }
    }
    unmatched.sort();
    (matched, unmatched)
}

async fn rule_2_cursor_and_facts_are_one_commit(world: World) {
    let mut moved = 0;
    for at in 0.. {
        let world = World::on(world.db.clone(), 100 + at, UnknownEffects::Hold).await;
        world.raw.execute("DELETE FROM work").await.unwrap();
        let withdrawal = watched(&world).await;
        let before = world.store.cursor(&world.network).await.unwrap();
        world.pay_in("cafe", 7, "100");
        world.hasten().await;
        let faults = Faults::new(Plan { at, dies: true });
        let _cut_off = world.pipeline_with(faults.clone(), world.settings.clone()).step_watch().await;
        let cursor_moved = world.store.cursor(&world.network).await.unwrap() != before;
        let facts = (rows(&world).await.0, world.state(&withdrawal).await, world.jobs(Hook::ProcessWithdrawal).await.len());
        let expected = if cursor_moved { (1, "received", 1) } else { (0, "awaiting_payment", 0) };
        assert_eq!(facts, expected, "{:?}", faults.struck());
        moved += usize::from(cursor_moved);
        if faults.struck().is_none() {
            assert!(at >= 5 && moved == 2, "committed when its answer is lost, and when nothing is cut off: {at} {moved}");
            return;
        }
    }
}

async fn rule_2_the_same_payment_told_twice(world: World) {
    let withdrawal = watched(&world).await;
    world.pay_in("cafe", 7, "100");
    look(&world).await;
    world.ledger.tell_again(1);
    world.pay_in("beef", 8, "100");
    for _ in 0..3 {
        look(&world).await;
    }
    assert_eq!(rows(&world).await, (1, vec!["no withdrawal has the memo id:8".to_owned()]));
    assert_eq!((world.state(&withdrawal).await, world.jobs(Hook::ProcessWithdrawal).await.len()), ("received", 1));
    assert_eq!(world.history(&withdrawal).await.1.len(), 2);
}

async fn rule_2_two_payments_with_one_memo_in_one_page(world: World) {
    let withdrawal = watched(&world).await;
    let payment = world.payment(Some(Memo::Id(7)), "100");
    world.ledger.receive("cafe", &[payment.clone(), payment]);
    look(&world).await;
    let (matched, unmatched) = rows(&world).await;
    assert_eq!((matched, unmatched), (1, vec![format!("withdrawal {} with this memo is received already", withdrawal.id)]));
    assert_eq!((world.state(&withdrawal).await, world.jobs(Hook::ProcessWithdrawal).await.len()), ("received", 1));
    assert_eq!(world.count("failed_events").await, 0);
}

async fn rule_2_what_matches_nothing_is_a_row_that_says_why(world: World) {
    let withdrawal = watched(&world).await;
    let payments = [
        world.payment(None, "100"),
        world.payment(Some(Memo::Id(8)), "100"),
        world.payment(Some(Memo::Text("7".into())), "100"),
        PayIn { asset: usd(), ..world.payment(Some(Memo::Id(7)), "100") },
        PayIn { to: user(4), ..world.payment(Some(Memo::Id(7)), "100") },
    ];
    world.ledger.receive("cafe", &payments);
    look(&world).await;
    let expected = vec![
        "it carries no memo".to_owned(),
        format!("it pays {}, and withdrawal {} is of {}", usd(), withdrawal.id, Asset::Native),
        "no withdrawal has the memo id:8".to_owned(),
        "no withdrawal has the memo text:7".to_owned(),
    ];
    assert_eq!(rows(&world).await, (0, expected));
    assert_eq!(world.state(&withdrawal).await, "awaiting_payment");
    world.pay_in("beef", 7, "100");
    look(&world).await;
    assert_eq!((rows(&world).await.0, world.state(&withdrawal).await), (1, "received"));
}

async fn rule_2_what_cannot_be_handled_is_stored_as_failed_and_not_in_the_way(world: World) {
    let withdrawal = watched(&world).await;
    world.ledger.receive_undecodable("bad0");
    let unstorable = world.payment(Some(Memo::Text("a\0b".into())), "100");
    world.ledger.receive("cafe", &[unstorable, world.payment(Some(Memo::Id(7)), "100")]);
    for _ in 0..2 {
        look(&world).await;
    }
    let failed = format!("failed_events WHERE source = '{}' AND event IN ('bad0', 'cafe:0')", world.network);
    assert_eq!((world.count(&failed).await, world.count("failed_events").await), (2, 2));
    assert_eq!((rows(&world).await.0, world.state(&withdrawal).await), (1, "received"));
    assert_eq!(world.store.cursor(&world.network).await.unwrap().as_deref(), Some("cursor:3"));
}

async fn rule_2_many_pages(world: World) {
    let withdrawal = watched(&world).await;
    let strangers: Vec<PayIn> = (0..450).map(|_| PayIn { to: user(4), ..world.payment(None, "1") }).collect();
    world.ledger.receive("beef", &strangers);
    world.pay_in("cafe", 7, "100");
    // A page that is not the end is followed by the next at once.
    let mut patient = world.settings.clone();
    patient.watch_interval_ms = 60_000;
    world.hasten().await;
    let pipeline = world.pipeline_with(Faults::none(), patient);
    for expected in [1, 1, 1, 0] {
        assert_eq!(pipeline.step_watch().await.unwrap(), expected);
    }
    assert_eq!((rows(&world).await, world.state(&withdrawal).await), ((1, vec![]), "received"));
}

async fn rule_2_a_withdrawal_that_a_person_changed_meanwhile(world: World) {
    let withdrawal = watched(&world).await;
    world.raw.execute("UPDATE transactions SET state = 'on_hold'").await.unwrap();
    world.pay_in("cafe", 7, "100");
    look(&world).await;
    assert_eq!(rows(&world).await, (0, vec![format!("withdrawal {} with this memo is on_hold already", withdrawal.id)]));
    assert_eq!(world.jobs(Hook::ProcessWithdrawal).await.len(), 0);
}

async fn rule_2_late_payments_revive_by_the_rule(world: World) {
    let in_time = watched(&world).await;
    let expired = |memo, late_by| Transaction {
        state: State::Withdrawal(WithdrawalState::Expired),
        expires_at: Some(world.clock.now() - late_by),
        ..world.a_withdrawal(memo)
    };
    let month_ms = 30 * 24 * 60 * 60 * 1_000;
    let late = world.add(expired(8, month_ms / 2)).await;
    let too_late = world.add(expired(9, month_ms)).await;
    for (hash, memo) in [("cafe", 8), ("beef", 9)] {
        world.pay_in(hash, memo, "100");
        look(&world).await;
    }
    assert_eq!(
        (world.state(&late).await, world.state(&too_late).await, world.state(&in_time).await),
        ("received", "expired", "awaiting_payment")
    );
    let (matched, unmatched) = rows(&world).await;
    assert_eq!((matched, unmatched.len(), world.jobs(Hook::ProcessWithdrawal).await.len()), (1, 1, 1));
    assert!(unmatched[0].contains(too_late.id.as_str()) && unmatched[0].contains("longer ago"), "{unmatched:?}");
}

async fn rule_6_what_arrives_is_assessed(world: World) {
    watched(&world).await;
    let cases = [("1", "too_small", None), ("1000.5", "too_large", None), ("50", "on_hold", None), ("105.5", "received", Some("104.5"))];
    for (memo, (arrives, state, out)) in (100..).zip(cases) {
        let withdrawal = world.add(world.a_withdrawal(memo)).await;
        let jobs = world.jobs(Hook::ProcessWithdrawal).await.len();
        world.pay_in(&format!("cafe{memo}"), memo, arrives);
        look(&world).await;
        let after = world.transaction(&withdrawal).await;
        assert_eq!((after.state.as_str(), after.amount_in, after.amount_out), (state, Some(amount(arrives)), out.map(amount)));
        let made = world.jobs(Hook::ProcessWithdrawal).await.len() - jobs;
        assert_eq!(made, usize::from(state == "received"), "{arrives}");
    }
    assert_eq!(rows(&world).await, (4, vec![]));
}

async fn rule_3_nothing_is_paid_out_without_a_version_that_does_it(world: World) {
    let withdrawal = watched(&world).await;
    world.activate(&[Hook::PollPendingDeposits], UnknownEffects::Hold).await;
    world.pay_in("cafe", 7, "100");
    look(&world).await;
    let after = world.transaction(&withdrawal).await;
    assert_eq!((after.state.as_str(), world.jobs(Hook::ProcessWithdrawal).await.len()), ("on_hold", 0));
    assert!(after.message.unwrap().contains("no active version"));
}
