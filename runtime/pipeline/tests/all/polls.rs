//! Polls: what the guest reports is its word, and is checked update by update (money rule 2).

use windlass_domain::asset::Memo;
use windlass_domain::commit::Write;
use windlass_domain::deposit::DepositState;
use windlass_domain::job::{Hook, JobState};
use windlass_domain::manifest::UnknownEffects;
use windlass_domain::ports::clock::Clock as _;
use windlass_domain::ports::guest::{DepositPoll, DepositUpdate, HookOutput, Payout, PayoutPoll, PayoutProgress, UnmatchedCredit};
use windlass_domain::tenant::Matched;
use windlass_domain::transaction::{State, Transaction};

use crate::guests::{returned, trap};
use crate::world::{World, amount};

crate::both!(
    rule_2_bad_updates_are_refused_by_name_and_the_others_go_on,
    rule_2_a_credit_pays_once,
    rule_2_unmatched_credits_become_rows,
    rule_2_idle_polls_leave_one_run,
    rule_2_the_next_poll_is_made_with_the_outcome,
    rule_2_more_polls_again_at_once,
    rule_2_a_poll_is_never_given_up,
    rule_2_a_new_version_takes_the_polls_over,
    rule_2_a_version_without_polls_ends_them,
    rule_2_late_money_revives_by_the_rule,
    rule_3_a_poll_says_what_became_of_a_payout,
    rule_6_what_arrives_is_assessed,
    rule_6_more_decimals_than_the_bank_s_money_has_are_no_deposit,
);

fn received(id: &str, units: &str, credit: &str) -> DepositUpdate {
    DepositUpdate::Received { id: id.into(), amount: amount(units), external_id: credit.into() }
}

/// The next polls report this.
fn report(world: &World, updates: Vec<DepositUpdate>, unmatched: Vec<UnmatchedCredit>, more: bool) {
    world.guests.on(Hook::PollPendingDeposits, move |_| {
        let poll = DepositPoll { updates: updates.clone(), unmatched: unmatched.clone(), more };
        async move { returned(HookOutput::DepositPoll(poll)) }
    });
}

async fn poll(world: &World) {
    world.hasten().await;
    assert_eq!(world.pipeline().step_jobs().await.unwrap(), 1);
}

async fn credits(world: &World) -> Vec<(String, bool)> {
    let credits = world.store.credits(&world.tenant, false).await.unwrap();
    let mut rows: Vec<_> =
        credits.into_iter().map(|credit| (credit.external_id, matches!(credit.matched, Matched::Transaction(_)))).collect();
    rows.sort();
    rows
}

/// The log of the newest poll that is done.
async fn log(world: &World) -> Vec<String> {
    let done = world.jobs(Hook::PollPendingDeposits).await.into_iter().find(|job| job.state == JobState::Done).unwrap();
    let lines = world.store.job_log(&world.tenant, &done.id).await.unwrap();
    lines.into_iter().map(|(_, line)| line.message).collect()
}

async fn rule_2_bad_updates_are_refused_by_name_and_the_others_go_on(world: World) {
    let other = World::on(world.db.clone(), 1, UnknownEffects::Hold).await;
    let theirs = other.add(other.a_deposit()).await;
    world.raw.execute(&format!("DELETE FROM work WHERE tenant = '{}'", other.tenant)).await.unwrap();
    let [good, zero, negative, unstorable] = [(); 4].map(|()| world.a_deposit());
    for deposit in [&good, &zero, &negative, &unstorable] {
        world.add(deposit.clone()).await;
    }
    let withdrawal = world.add(world.a_withdrawal(7)).await;
    let completed = world.add(Transaction { memo: Some(Memo::Id(3)), ..world.a_ready_deposit() }).await;
    let updates = vec![
        received("tx_none", "100", "c1"),
        received("not\0 an id", "100", "c2"),
        received(theirs.id.as_str(), "100", "c3"),
        received(withdrawal.id.as_str(), "100", "c4"),
        received(completed.id.as_str(), "100", "c5"),
        received(zero.id.as_str(), "0", "c6"),
        received(negative.id.as_str(), "-1", "c7"),
        received(unstorable.id.as_str(), "100", "c\08"),
        DepositUpdate::SeenPending { id: theirs.id.to_string(), eta: None },
        DepositUpdate::Failed { id: withdrawal.id.to_string(), message: "gone".into() },
        received(good.id.as_str(), "100", "c9"),
    ];
    let bad = updates.len() - 1;
    report(&world, updates, vec![], false);
    poll(&world).await;
    assert_eq!(world.state(&good).await, "ready");
    for untouched in [&zero, &negative, &unstorable, &withdrawal, &completed] {
        assert_eq!(world.transaction(untouched).await, *untouched);
    }
    assert_eq!(other.transaction(&theirs).await, theirs);
    let log = log(&world).await;
    assert_eq!(log.len(), bad, "{log:#?}");
    assert!(log.iter().all(|line| line.contains("is refused")), "{log:#?}");
    assert!(log[2].contains(theirs.id.as_str()) && log[2].contains("no transaction with this id"), "as if it did not exist: {}", log[2]);
    let kept = ["c1", "c2", "c3", "c4", "c5"].map(|id| (id.to_owned(), false));
    // The one whose id cannot be stored is there under a digest.
    let digest = (windlass_domain::ids::digest_id(&["c\08", "100"]), false);
    let rows = [kept.as_slice(), &[("c9".to_owned(), true), digest]].concat();
    assert_eq!(credits(&world).await, rows, "the money is there, whatever it was for");
}

async fn rule_2_a_credit_pays_once(world: World) {
    let [first, second] = [(); 2].map(|()| world.a_deposit());
    for deposit in [&first, &second] {
        world.add(deposit.clone()).await;
    }
    let (one, two) = (first.id.as_str(), second.id.as_str());
    // In one poll: the credit again for the same deposit, for another one, and another credit for the first deposit.
    report(
        &world,
        vec![received(one, "100", "c1"), received(one, "100", "c1"), received(two, "100", "c1"), received(one, "100", "c2")],
        vec![],
        false,
    );
    poll(&world).await;
    let paid = world.transaction(&first).await;
    assert_eq!((paid.state.as_str(), paid.version, world.state(&second).await), ("ready", 2, "awaiting_funds"));
    let mut rows = vec![("c1".to_owned(), true), ("c2".to_owned(), false)];
    assert_eq!(credits(&world).await, rows);
    assert_eq!(log(&world).await.len(), 2);
    // And in later polls.
    for updates in [
        vec![received(one, "100", "c1")],
        vec![received(two, "100", "c1")],
        vec![received(one, "5", "c1")],
        vec![received(two, "100", "c2")],
    ] {
        // The same id with another amount is kept beside the first, under a digest.
        if matches!(&updates[0], DepositUpdate::Received { amount: five, .. } if *five == amount("5")) {
            rows.push((windlass_domain::ids::digest_id(&["c1", "5"]), false));
        }
        report(&world, updates, vec![], false);
        poll(&world).await;
        assert_eq!((world.transaction(&first).await, world.state(&second).await), (paid.clone(), "awaiting_funds"));
        assert_eq!(credits(&world).await, rows);
    }
}

async fn rule_2_unmatched_credits_become_rows(world: World) {
    let credit =
        |id: &str, units| UnmatchedCredit { external_id: id.into(), amount: amount(units), reference: "what the payer wrote\0".into() };
    report(&world, vec![], vec![credit("c1", "5"), credit("c2", "0"), credit("c3", "7"), credit("c1", "5")], false);
    poll(&world).await;
    assert_eq!(credits(&world).await, [("c1".to_owned(), false), ("c3".to_owned(), false)]);
    assert_eq!(log(&world).await.len(), 1);
    poll(&world).await;
    let jobs = world.jobs(Hook::PollPendingDeposits).await;
    assert_eq!((jobs.len(), jobs[0].idle_polls), (2, 1), "the same credits told again are nothing new");
}

async fn rule_2_idle_polls_leave_one_run(world: World) {
    report(&world, vec![], vec![], false);
    for _ in 0..5 {
        poll(&world).await;
    }
    let (job, runs, _) = world.the_job(Hook::PollPendingDeposits).await;
    assert_eq!((job.state, job.idle_polls, runs.len()), (JobState::Open, 5, 1));
    assert_eq!(world.guests.runs(Hook::PollPendingDeposits).len(), 5);
}

async fn rule_2_the_next_poll_is_made_with_the_outcome(mut world: World) {
    world.settings.poll_interval_ms = 60_000;
    let deposit = world.add(world.a_deposit()).await;
    report(&world, vec![received(deposit.id.as_str(), "100", "c1")], vec![], false);
    poll(&world).await;
    let jobs = world.jobs(Hook::PollPendingDeposits).await;
    let mut states: Vec<(JobState, i64)> = jobs.iter().map(|job| (job.state, job.runs)).collect();
    states.sort_by_key(|(state, _)| state.as_str());
    assert_eq!(states, [(JobState::Done, 1), (JobState::Open, 0)]);
    assert_eq!(world.pipeline().step_jobs().await.unwrap(), 0, "it waits for its time");
}

async fn rule_2_more_polls_again_at_once(mut world: World) {
    world.settings.poll_interval_ms = 60_000;
    let pipeline = world.pipeline();
    for id in ["c1", "c2", "c3"] {
        report(&world, vec![], vec![UnmatchedCredit { external_id: id.into(), amount: amount("5"), reference: "?".into() }], true);
        assert_eq!(pipeline.step_jobs().await.unwrap(), 1);
    }
    // The same credit again: it says that there is more, and has not got on.
    assert_eq!((pipeline.step_jobs().await.unwrap(), pipeline.step_jobs().await.unwrap()), (1, 0));
}

/// A poll always runs the active version; where that one has no poll, it ends.
async fn rule_2_a_version_without_polls_ends_them(world: World) {
    report(&world, vec![], vec![], false);
    poll(&world).await;
    world.activate(&[Hook::AfterDeposit], UnknownEffects::Hold).await;
    poll(&world).await;
    let (job, runs, _) = world.the_job(Hook::PollPendingDeposits).await;
    assert_eq!((job.state, runs.len(), world.guests.runs(Hook::PollPendingDeposits).len()), (JobState::Done, 1, 1));
    assert_eq!(world.pipeline().step_jobs().await.unwrap(), 0);
}

async fn rule_2_a_poll_is_never_given_up(world: World) {
    report(&world, vec![], vec![], false);
    poll(&world).await;
    world.guests.on(Hook::PollPendingDeposits, |_| async { trap() });
    for _ in 0..12 {
        poll(&world).await;
    }
    let (job, runs, _) = world.the_job(Hook::PollPendingDeposits).await;
    assert_eq!((job.state, job.failures, runs.len()), (JobState::Open, 12, 12), "the first failure took the idle run over");
    assert!(job.message.unwrap().contains("trapped"));
    report(&world, vec![], vec![], false);
    poll(&world).await;
    let job = world.the_job(Hook::PollPendingDeposits).await.0;
    assert_eq!((job.failures, job.message), (0, None));
}

async fn rule_2_a_new_version_takes_the_polls_over(world: World) {
    report(&world, vec![], vec![], false);
    poll(&world).await;
    let number = world.activate(&[Hook::PollPendingDeposits, Hook::AfterDeposit], UnknownEffects::Hold).await;
    poll(&world).await;
    let (job, runs, _) = world.the_job(Hook::PollPendingDeposits).await;
    assert_eq!((job.version, runs[0].version), (number, number));
}

async fn rule_6_what_arrives_is_assessed(world: World) {
    let cases = [("1", "too_small", None), ("1000.5", "too_large", None), ("50", "ready", Some("49"))];
    for (arrives, state, out) in cases {
        let deposit = world.add(world.a_deposit()).await;
        report(&world, vec![received(deposit.id.as_str(), arrives, arrives)], vec![], false);
        poll(&world).await;
        let after = world.transaction(&deposit).await;
        assert_eq!((after.state.as_str(), after.amount_in, after.amount_out), (state, Some(amount(arrives)), out.map(amount)));
    }
    assert_eq!(credits(&world).await.iter().filter(|(_, matched)| *matched).count(), 3, "the money is kept in every case");
}

/// The bank's money has no such amounts: what the guest says cannot be what arrived.
async fn rule_6_more_decimals_than_the_bank_s_money_has_are_no_deposit(world: World) {
    let deposit = world.add(world.a_deposit()).await;
    report(&world, vec![received(deposit.id.as_str(), "100.001", "c1")], vec![], false);
    poll(&world).await;
    assert_eq!(world.transaction(&deposit).await, deposit);
    assert_eq!(credits(&world).await, [("c1".to_owned(), false)], "a row all the same");
    assert!(log(&world).await[0].contains("more than the 2 decimals"));
}

async fn rule_3_a_poll_says_what_became_of_a_payout(world: World) {
    world.activate(&[Hook::ProcessWithdrawal, Hook::PollPendingPayouts], UnknownEffects::Hold).await;
    world.raw.execute("DELETE FROM work WHERE kind = 'job'").await.unwrap();
    world.guests.on(Hook::ProcessWithdrawal, |_| async {
        returned(HookOutput::Payout(Payout::InProgress { external_id: "p1".into(), eta: None }))
    });
    let withdrawal = world.a_received_withdrawal().await;
    world.pipeline().step_jobs().await.unwrap();
    assert_eq!(world.state(&withdrawal).await, "payout_in_progress");
    let poll = world.jobs(Hook::PollPendingPayouts).await.remove(0);
    let deposit = world.add(world.a_deposit()).await;
    for (progress, state) in [
        (PayoutProgress::InProgress(Some(5)), "payout_in_progress"),
        (PayoutProgress::Delivered, "completed"),
        (PayoutProgress::Returned("closed".into()), "payout_returned"),
    ] {
        let updates = [&withdrawal, &deposit].map(|one| (one.id.to_string(), progress.clone())).to_vec();
        world.guests.on(Hook::PollPendingPayouts, move |_| {
            let poll = PayoutPoll { updates: updates.clone(), more: false };
            async move { returned(HookOutput::PayoutPoll(poll)) }
        });
        let open = world.jobs(Hook::PollPendingPayouts).await.into_iter().find(|job| job.state == JobState::Open).unwrap();
        world.write(vec![Write::job_work(&open, 0)]).await;
        world.hasten().await;
        world.pipeline().step_jobs().await.unwrap();
        assert_eq!(world.state(&withdrawal).await, state, "{progress:?}");
        let lines = world.store.job_log(&world.tenant, &open.id).await.unwrap();
        assert!(lines.len() == 1 && lines[0].1.message.contains("it is a deposit"), "{lines:?}");
    }
    assert_eq!((world.transaction(&deposit).await, poll.runs), (deposit, 0));
    let states: Vec<JobState> = world.jobs(Hook::PollPendingPayouts).await.into_iter().map(|job| job.state).collect();
    assert_eq!(states.iter().filter(|state| **state == JobState::Done).count(), 3, "{states:?}");
}

async fn rule_2_late_money_revives_by_the_rule(world: World) {
    let now = world.clock.now();
    let expired =
        |expires_at| Transaction { state: State::Deposit(DepositState::Expired), expires_at: Some(expires_at), ..world.a_deposit() };
    let month_ms = 30 * 24 * 60 * 60 * 1_000;
    let [late, too_late] = [expired(now - month_ms / 2), expired(now - month_ms - 1)];
    for deposit in [&late, &too_late] {
        world.add(deposit.clone()).await;
    }
    report(&world, vec![received(late.id.as_str(), "100", "c1"), received(too_late.id.as_str(), "100", "c2")], vec![], false);
    poll(&world).await;
    assert_eq!((world.state(&late).await, world.state(&too_late).await), ("ready", "expired"));
    assert_eq!(credits(&world).await, [("c1".to_owned(), true), ("c2".to_owned(), false)]);
    assert!(log(&world).await[0].contains("longer ago"));
}
