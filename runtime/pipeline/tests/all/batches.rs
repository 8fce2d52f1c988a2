//! Which deposits share an envelope, and what becomes of them when one payment of it fails (money rule 1).

use windlass_domain::AccountId;
use windlass_domain::asset::Memo;
use windlass_domain::commit::Write;
use windlass_domain::ports::ledger::DraftOperation;
use windlass_domain::transaction::{History, Transaction};

use crate::ledger::failed;
use crate::world::{World, amount, anchor, open_line, usd, user};

crate::both!(
    rule_1_a_hundred_deposits_in_one_envelope,
    rule_1_a_deposit_with_a_memo_goes_alone,
    rule_1_one_failing_payment_and_the_others_go_again_alone,
    rule_1_an_account_that_is_gone_when_it_is_paid_is_made,
    rule_1_an_account_is_made_before_it_is_paid_in_another_asset,
    rule_1_what_cannot_be_received_is_set_aside_before_it_is_signed,
    rule_1_an_account_without_money_waits,
);

fn to(world: &World, number: u16) -> Transaction {
    Transaction { account: Some(user(number).to_string()), ..world.a_ready_deposit() }
}

async fn rule_1_a_hundred_deposits_in_one_envelope(world: World) {
    let deposits: Vec<Transaction> = (1..=105).map(|number| to(&world, number)).collect();
    let mut writes = vec![Write::plan_work(&world.tenant, &anchor())];
    for (deposit, number) in deposits.iter().zip(1..) {
        let (to, event, actor) = (deposit.state, "created".to_owned(), "test".to_owned());
        let history = History { version: 1, from: None, to, event, actor, detail: None, at: 1 };
        writes.push(Write::NewTransaction(Box::new(deposit.clone()), history));
        world.ledger.fund(&user(number), amount("0"));
    }
    world.write(writes).await;
    world.rounds(5).await;
    for (deposit, number) in deposits.iter().zip(1..) {
        assert_eq!((world.state(deposit).await, world.ledger.paid_to(&user(number))), ("completed", vec![amount("99")]));
    }
    let sizes: Vec<usize> = hashes(&world).iter().map(|hash| world.ledger.draft(hash).operations.len()).collect();
    assert_eq!(sizes, [100, 5]);
}

/// Each envelope once, in the order they were sent.
fn hashes(world: &World) -> Vec<String> {
    let mut hashes: Vec<String> = vec![];
    for hash in world.ledger.submitted() {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    hashes
}

/// The accounts that each envelope pays or makes.
fn paid_together(world: &World) -> Vec<Vec<AccountId>> {
    let account = |operation| match operation {
        DraftOperation::Payment { destination, .. } => destination.account().clone(),
        DraftOperation::CreateAccount { destination, .. } => destination,
    };
    hashes(world).iter().map(|hash| world.ledger.draft(hash).operations.into_iter().map(account).collect()).collect()
}

async fn rule_1_a_deposit_with_a_memo_goes_alone(world: World) {
    let memo = Some(Memo::Text("for you".into()));
    for deposit in [to(&world, 1), Transaction { memo: memo.clone(), ..to(&world, 2) }, to(&world, 3)] {
        world.add(deposit).await;
    }
    world.rounds(6).await;
    assert_eq!(paid_together(&world), [vec![user(1), user(3)], vec![user(2)]]);
    let memos: Vec<Option<Memo>> = hashes(&world).iter().map(|hash| world.ledger.draft(hash).memo).collect();
    assert_eq!(memos, [None, memo]);
}

async fn rule_1_one_failing_payment_and_the_others_go_again_alone(world: World) {
    let cases = [
        (failed("payment_malformed"), "ledger_refused", "payment_malformed"),
        (failed("payment_of_a_newer_protocol"), "ledger_refused", "payment_of_a_newer_protocol"),
        (failed("payment_line_full"), "pending_trust", "trustline is full"),
    ];
    for (place, (result, state, message)) in (0..).zip(cases) {
        let number = 10 * place;
        let before = hashes(&world).len();
        let deposits = [to(&world, number + 1), to(&world, number + 2), to(&world, number + 3)];
        for deposit in &deposits {
            world.add(deposit.clone()).await;
        }
        world.ledger.refuse(&user(number + 2), Some(result.clone()));
        // One more is ready when the envelope fails: it does not share with those that go alone.
        let pipeline = world.pipeline();
        world.hasten().await;
        pipeline.step_plan().await.unwrap();
        pipeline.step_envelope().await.unwrap();
        world.ledger.close();
        pipeline.step_envelope().await.unwrap();
        let guilty = world.transaction(&deposits[1]).await;
        assert_eq!(guilty.state.as_str(), state, "{result:?}");
        assert!(guilty.message.unwrap().contains(message), "{result:?}");
        for innocent in [&deposits[0], &deposits[2]] {
            assert_eq!(world.state(innocent).await, "ready");
        }
        for _ in 0..2 {
            world.hasten().await;
            pipeline.step_plan().await.unwrap();
            pipeline.step_envelope().await.unwrap();
            world.ledger.close();
            pipeline.step_envelope().await.unwrap();
        }
        let all = [vec![user(number + 1), user(number + 2), user(number + 3)], vec![user(number + 1)], vec![user(number + 3)]];
        assert_eq!(paid_together(&world)[before..], all, "{result:?}");
        assert_eq!(world.ledger.paid_to(&user(number + 1)), [amount("99")]);
        assert_eq!(world.ledger.paid_to(&user(number + 2)), []);
        world.raw.execute("DELETE FROM work WHERE kind = 'trust'").await.unwrap();
    }
}

async fn rule_1_an_account_that_is_gone_when_it_is_paid_is_made(world: World) {
    let deposits = [to(&world, 1), to(&world, 2)];
    for deposit in &deposits {
        world.add(deposit.clone()).await;
    }
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    pipeline.step_envelope().await.unwrap();
    world.ledger.remove(&user(2));
    world.ledger.close();
    pipeline.step_envelope().await.unwrap();
    assert_eq!((world.state(&deposits[0]).await, world.state(&deposits[1]).await), ("ready", "ready"));
    assert!(world.transaction(&deposits[1]).await.message.unwrap().contains("does not exist"));
    world.rounds(6).await;
    assert_eq!((world.state(&deposits[0]).await, world.state(&deposits[1]).await), ("completed", "completed"));
    assert_eq!(paid_together(&world), [vec![user(1), user(2)], vec![user(1)], vec![user(2)]]);
    assert_eq!(
        (world.ledger.paid_to(&user(1)), world.ledger.made(&user(2))),
        (vec![amount("99")], vec![amount("99")]),
        "in XLM: it is paid by being made"
    );
    assert_eq!((world.ledger.made(&user(1)), world.ledger.paid_to(&user(2))), (vec![], vec![]));
}

async fn rule_1_an_account_is_made_before_it_is_paid_in_another_asset(world: World) {
    let deposit = world.add(Transaction { asset: usd(), ..to(&world, 1) }).await;
    let paid = world.add(to(&world, 2)).await;
    world.ledger.remove(&user(1));
    let pipeline = world.pipeline();
    pipeline.step_plan().await.unwrap();
    assert_eq!((world.state(&deposit).await, world.state(&paid).await), ("creation_signed", "ready"));
    world.rounds(6).await;
    assert_eq!((world.state(&deposit).await, world.state(&paid).await), ("pending_trust", "completed"));
    world.ledger.trust(&user(1), &usd(), open_line("0"));
    world.rounds(5).await;
    assert_eq!(world.state(&deposit).await, "completed");
    assert_eq!((world.ledger.made(&user(1)), world.ledger.paid_to(&user(1))), (vec![amount("2")], vec![amount("99")]));
    assert_eq!(paid_together(&world), [vec![user(1)], vec![user(2)], vec![user(1)]]);
    assert_eq!(world.jobs(windlass_domain::job::Hook::AfterDeposit).await.len(), 2, "the making of an account is no end of a deposit");
}

async fn rule_1_what_cannot_be_received_is_set_aside_before_it_is_signed(world: World) {
    let without_line = Transaction { asset: usd(), ..to(&world, 1) };
    let other = to(&world, 2);
    for deposit in [&without_line, &other] {
        world.add(deposit.clone()).await;
    }
    world.rounds(4).await;
    assert_eq!((world.state(&without_line).await, world.state(&other).await), ("pending_trust", "completed"));
    assert!(world.transaction(&without_line).await.message.unwrap().contains("no trustline"));
    assert_eq!(paid_together(&world), [vec![user(2)]], "it was never in an envelope");

    world.ledger.trust(&user(1), &usd(), open_line("0"));
    world.rounds(5).await;
    assert_eq!((world.state(&without_line).await, world.ledger.paid_to(&user(1))), ("completed", vec![amount("99")]));
}

async fn rule_1_an_account_without_money_waits(world: World) {
    world.ledger.trust(&anchor(), &usd(), open_line("98"));
    world.ledger.trust(&user(1), &usd(), open_line("0"));
    let deposit = world.add(Transaction { asset: usd(), ..to(&world, 1) }).await;
    world.rounds(3).await;
    assert_eq!((world.state(&deposit).await, world.count("envelopes").await), ("ready", 0));
    let told = world.history(&deposit).await;
    assert!(told.0.message.unwrap().contains("too little of the asset"));
    assert_eq!(told.1.len(), 2, "told once");
    world.ledger.trust(&anchor(), &usd(), open_line("99"));
    world.rounds(4).await;
    assert_eq!(world.state(&deposit).await, "completed");
}
