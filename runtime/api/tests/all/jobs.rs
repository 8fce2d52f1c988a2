//! Jobs: polls made by an activation, runs shown, dead letters opened again.

use serde_json::{Value, json};
use windlass_domain::VersionNumber;
use windlass_domain::commit::Write;
use windlass_domain::job::{Hook, JobState, LogLevel, LogLine, Receipt, RunEnd};
use windlass_domain::withdrawal::WithdrawalEvent;

use crate::harness::Api;
use crate::transactions::{acme, advance, payout_job, received, write};

const JOBS: &str = "/v1/tenants/acme/jobs";

#[tokio::test]
async fn an_activation_makes_one_poll() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    api.well("POST", "/v1/tenants/acme/integrations/1/activate", Value::Null).await;
    let jobs = api.well("GET", &format!("{JOBS}?hook=poll-pending-deposits&state=open"), Value::Null).await;
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(1), "{jobs}");
    assert_eq!(api.well("GET", &format!("{JOBS}?state=dead"), Value::Null).await["items"], json!([]));
    assert_eq!(api.refused("GET", &format!("{JOBS}?state=tired"), Value::Null).await, (400, "invalid_query".into()));
}

#[tokio::test]
async fn an_activation_makes_the_poll_of_the_payouts_too() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    api.upload("acme", json!({}), "poll-pending-deposits,process-withdrawal,poll-pending-payouts").await;
    for _ in 0..2 {
        api.well("POST", "/v1/tenants/acme/integrations/2/activate", Value::Null).await;
        for hook in ["poll-pending-deposits", "poll-pending-payouts"] {
            let jobs = api.well("GET", &format!("{JOBS}?hook={hook}&state=open"), Value::Null).await;
            assert_eq!(jobs["items"].as_array().map(Vec::len), Some(1), "{jobs}");
        }
    }
}

#[tokio::test]
async fn a_dead_payout_is_tried_again_only_while_its_withdrawal_waits() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let transaction = received(&api).await;
    let (tenant, version, at) = (acme(), VersionNumber(1), 1_790_000_100_000);
    let dead = payout_job(&transaction, JobState::Dead, 1);
    let job = dead.id.clone();
    let run = windlass_domain::job::Job { runs: 1, failures: 1, ..dead };
    let line = LogLine { level: LogLevel::Error, at, message: "no bank".into() };
    let receipt = Receipt { fuel_used: 7, fuel_allowed: 9, ..Receipt::default() };
    write(
        &api,
        vec![
            Write::NewJob(Box::new(run)),
            Write::RunStarted { tenant: tenant.clone(), job: job.clone(), ordinal: 1, hook: Hook::ProcessWithdrawal, version, at },
        ],
    )
    .await;
    write(
        &api,
        vec![Write::RunEnded {
            tenant: tenant.clone(),
            job: job.clone(),
            ordinal: 1,
            end: RunEnd::OutOfFuel,
            receipt,
            log: vec![line],
            at,
        }],
    )
    .await;

    let shown = api.well("GET", &format!("{JOBS}/{job}"), Value::Null).await;
    assert_eq!(shown["state"], "dead");
    assert_eq!(shown["runs"][0]["end"], "out-of-fuel");
    assert_eq!(shown["runs"][0]["hook"], "process-withdrawal");
    assert_eq!((&shown["runs"][0]["receipt"]["fuel_used"], &shown["runs"][0]["receipt"]["fuel_allowed"]), (&json!(7), &json!(9)));
    assert_eq!(shown["log"][0]["message"], "no bank");
    let of_transaction = api.well("GET", &format!("{JOBS}?transaction={}", transaction.id), Value::Null).await;
    assert_eq!(of_transaction["items"][0]["id"], json!(job.to_string()));

    let retry = format!("{JOBS}/{job}/retry");
    let opened = api.well("POST", &retry, Value::Null).await;
    assert_eq!((&opened["state"], &opened["failures"]), (&json!("open"), &json!(0)));
    assert_eq!(api.refused("POST", &retry, Value::Null).await, (409, "not_dead".into()));
    assert_eq!(api.refused("POST", &format!("{JOBS}/job_x/retry"), Value::Null).await, (404, "no_such_job".into()));
}

#[tokio::test]
async fn rule_3_a_dead_job_of_a_refused_withdrawal_pays_nothing() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let transaction = received(&api).await;
    let refused = advance(&api, &transaction, &WithdrawalEvent::PayoutRefused { message: "closed account".into() }).await;
    let dead = payout_job(&refused, JobState::Dead, 1);
    let retry = format!("{JOBS}/{}/retry", dead.id);
    write(&api, vec![Write::NewJob(Box::new(dead))]).await;
    assert_eq!(api.refused("POST", &retry, Value::Null).await, (409, "payout_open".into()));
}

#[tokio::test]
async fn a_failing_poll_is_what_the_tenant_sees_first() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let shown = api.well("GET", "/v1/tenants/acme", Value::Null).await;
    assert_eq!(
        (&shown["id"], &shown["polls"][0]["message"], &shown["polls"][0]["failing_since"]),
        (&json!("acme"), &Value::Null, &Value::Null)
    );
    let id = windlass_domain::JobId::new(shown["polls"][0]["job"].as_str().unwrap()).unwrap();
    let (poll, ..) = api.store().show_job(&acme(), &id).await.unwrap().unwrap();
    let run = |ordinal, at| Write::RunStarted { tenant: acme(), job: id.clone(), ordinal, hook: poll.hook, version: poll.version, at };
    let failing = windlass_domain::job::Job { runs: 3, failures: 2, message: Some("misconfigured: no secret".into()), ..poll.clone() };
    let changed = Write::Job { before: JobState::Open, after: Box::new(failing) };
    write(&api, vec![run(1, 1_790_000_000_000), run(2, 1_790_000_060_000), run(3, 1_790_000_120_000), changed]).await;
    let shown = api.well("GET", "/v1/tenants/acme", Value::Null).await;
    assert_eq!(shown["polls"][0]["message"], "misconfigured: no secret");
    assert_eq!(shown["polls"][0]["failures"], 2);
    assert_eq!(shown["polls"][0]["failing_since"], "2026-09-21T14:14:20.000Z", "the second run is the first that failed");
}
