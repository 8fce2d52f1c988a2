//! Transactions: begun, listed, shown, and resolved by a person's word.

use serde_json::{Value, json};
use windlass_domain::commit::{Commit, Write};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::rules::{Assessment, Money};
use windlass_domain::transaction::{History, Transaction};
use windlass_domain::withdrawal::{WithdrawalEvent, step};
use windlass_domain::{JobId, TenantId, TransactionId, VersionNumber};

use crate::harness::{Api, OPERATOR, account};

const TRANSACTIONS: &str = "/v1/tenants/acme/transactions";

pub(crate) fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

pub(crate) async fn write(api: &Api, writes: Vec<Write>) {
    for outcome in api.store().commit(vec![Commit { fence: None, writes }]).await {
        outcome.unwrap();
    }
}

async fn stored(api: &Api, id: &Value) -> Transaction {
    let id = TransactionId::new(id.as_str().unwrap()).unwrap();
    api.store().show_transaction(&acme(), &id).await.unwrap().unwrap().0
}

/// One step of a withdrawal, as a driver would commit it.
pub(crate) async fn advance(api: &Api, before: &Transaction, event: &WithdrawalEvent) -> Transaction {
    let after = step(before, event, 1_790_000_100_000).unwrap();
    let history = History {
        version: after.version,
        from: Some(before.state),
        to: after.state,
        event: event.name().into(),
        actor: "driver".into(),
        detail: None,
        at: after.updated_at,
    };
    write(api, vec![Write::Transaction { before: (before.state, before.version), after: Box::new(after.clone()), history }]).await;
    after
}

/// A withdrawal of 100 that was paid on the ledger.
pub(crate) async fn received(api: &Api) -> Transaction {
    let begun = api.well("POST", TRANSACTIONS, json!({ "kind": "withdrawal", "asset": "native", "amount": "100" })).await;
    let amount = "100".parse().unwrap();
    let event = WithdrawalEvent::PaymentReceived {
        amount_in: amount,
        assessment: Assessment::Accepted(Money { amount_in: amount, fee: "0".parse().unwrap(), amount_out: amount }),
        from: account("payer"),
        hash: "ab".repeat(32),
    };
    let before = stored(api, &begun["id"]).await;
    advance(api, &before, &event).await
}

/// The job that pays a withdrawal out.
pub(crate) fn payout_job(transaction: &Transaction, state: JobState, bits: u8) -> Job {
    Job {
        tenant: acme(),
        id: JobId::from_bits([bits; 16]),
        hook: Hook::ProcessWithdrawal,
        transaction: Some(transaction.id.clone()),
        version: VersionNumber(1),
        state,
        runs: 0,
        failures: 0,
        idle_polls: 0,
        settled_runs: 0,
        message: Some("as it is".into()),
        seed: "00".repeat(32),
        created_at: 1_790_000_100_000,
        updated_at: 1_790_000_100_000,
    }
}

#[tokio::test]
async fn a_deposit_begins_with_instructions() {
    let api = Api::new().await;
    let token = api.ready_tenant("acme", "hold").await;
    let asked = json!({ "kind": "deposit", "asset": "native", "amount": "12.50", "account": account("user"), "memo": "text:hello", "fields": { "name": "Ada" } });
    let (status, begun) = api.call(Some(&token), "POST", TRANSACTIONS, asked).await;
    assert_eq!(status, 201, "{begun}");
    for (field, value) in [
        ("kind", json!("deposit")),
        ("status", json!("pending_user_transfer_start")),
        ("state", json!("awaiting_funds")),
        ("amount_expected", json!("12.5")),
        ("amount_in", Value::Null),
        ("to", json!(account("user"))),
        ("deposit_memo", json!("hello")),
        ("deposit_memo_type", json!("text")),
        ("fields", json!({ "name": "Ada" })),
        ("instructions", json!({ "reference": begun["reference"], "amount": "12.5" })),
        ("amount_out_asset", json!("stellar:native")),
    ] {
        assert_eq!(begun[field], value, "{field}");
    }
    assert_eq!(begun["reference"].as_str().map(str::len), Some(10));
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", begun["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(shown["history"][0]["event"], "created");
    assert_eq!(shown["history"][0]["actor"], "acme/first");
    assert_eq!((&shown["jobs"], &shown["envelopes"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_withdrawal_begins_with_an_account_and_a_memo_of_its_own() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let mut memos = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let begun = api.well("POST", TRANSACTIONS, json!({ "kind": "withdrawal", "asset": "native", "amount": "5" })).await;
        assert_eq!(begun["withdraw_anchor_account"], json!(account("acme")));
        assert_eq!(begun["withdraw_memo_type"], "id");
        let memo: u64 = begun["withdraw_memo"].as_str().unwrap().parse().unwrap();
        assert!(memo > 0 && memo < 1 << 53, "{memo}");
        memos.insert(memo);
    }
    assert_eq!(memos.len(), 5);
}

#[tokio::test]
async fn refusals_come_through() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    for (asked, code) in [
        (json!({ "kind": "deposit", "asset": format!("USD:{}", account("issuer")) }), "unknown_asset"),
        (json!({ "kind": "deposit", "asset": "native", "amount": "0.5", "account": account("user") }), "amount_too_small"),
        (json!({ "kind": "deposit", "asset": "native", "amount": 5, "account": account("user") }), "invalid_body"),
        (json!({ "kind": "deposit", "asset": "native", "account": account("user"), "amout": "5" }), "invalid_body"),
        (json!({ "kind": "sale", "asset": "native" }), "invalid_body"),
    ] {
        assert_eq!(api.refused("POST", TRANSACTIONS, asked.clone()).await, (422, code.to_owned()), "{asked}");
    }
    api.tenant("bare").await;
    api.upload("bare", json!({}), "process-withdrawal").await;
    api.well("POST", "/v1/tenants/bare/integrations/1/activate", Value::Null).await;
    api.well("PUT", "/v1/tenants/bare/assets", json!({ "asset": "native", "withdrawal": { "enabled": true } })).await;
    let asked = json!({ "kind": "withdrawal", "asset": "native" });
    assert_eq!(api.refused("POST", "/v1/tenants/bare/transactions", asked).await, (409, "no_distribution_account".into()));
}

#[tokio::test]
async fn lists_go_by_pages_newest_first() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let mut made = Vec::new();
    for kind in ["deposit", "withdrawal", "deposit", "deposit", "withdrawal"] {
        let mut asked = json!({ "kind": kind, "asset": "native" });
        if kind == "deposit" {
            asked["account"] = json!(account("user"));
        }
        made.insert(0, api.well("POST", TRANSACTIONS, asked).await["id"].clone());
    }
    let (mut seen, mut path) = (Vec::new(), format!("{TRANSACTIONS}?limit=2"));
    loop {
        let page = api.well("GET", &path, Value::Null).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{TRANSACTIONS}?limit=2&cursor={next}");
    }
    assert_eq!(seen, made);
    let deposits = api.well("GET", &format!("{TRANSACTIONS}?kind=deposit"), Value::Null).await;
    assert_eq!(deposits["items"].as_array().map(Vec::len), Some(3));
    for query in ["limit=0", "limit=x", "kind=sale", "colour=red"] {
        assert_eq!(api.refused("GET", &format!("{TRANSACTIONS}?{query}"), Value::Null).await, (400, "invalid_query".into()), "{query}");
    }
    assert_eq!(api.refused("GET", &format!("{TRANSACTIONS}?cursor=x"), Value::Null).await, (400, "invalid_cursor".into()));
}

#[tokio::test]
async fn rule_9_rows_of_another_tenant_are_not_there() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let other = api.ready_tenant("other", "hold").await;
    let begun = api.well("POST", TRANSACTIONS, json!({ "kind": "deposit", "asset": "native", "account": account("user") })).await;
    let id = begun["id"].as_str().unwrap();
    let (status, body) = api.call(Some(&other), "GET", &format!("/v1/tenants/other/transactions/{id}"), Value::Null).await;
    assert_eq!((status.as_u16(), body["code"].as_str()), (404, Some("no_such_transaction")));
    let (_, list) = api.call(Some(&other), "GET", "/v1/tenants/other/transactions", Value::Null).await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn rule_3_a_person_says_what_became_of_a_held_payout() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    for (bits, word, state, job_state) in [
        (1, json!({ "outcome": "paid", "external_id": "bank-7", "reason": "it is on the statement" }), "completed", "done"),
        (2, json!({ "outcome": "not-paid", "reason": "the bank never had it" }), "received", "open"),
    ] {
        let before = received(&api).await;
        let resolve = format!("{TRANSACTIONS}/{}/resolve", before.id);
        assert_eq!(api.refused("POST", &resolve, word.clone()).await, (409, "not_held".into()));
        advance(&api, &before, &WithdrawalEvent::PayoutUnknown { message: "no answer".into() }).await;
        let job = Job { runs: 3, failures: 2, ..payout_job(&before, JobState::Held, bits) };
        write(&api, vec![Write::NewJob(Box::new(job.clone()))]).await;
        let woken = api.woken();
        assert_eq!(api.well("POST", &resolve, word).await["state"], state);
        assert!(api.woken() > woken);
        let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", before.id), Value::Null).await;
        let last = shown["history"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["actor"], last["detail"].is_string()), (&json!("operator"), true));
        assert_eq!(shown["jobs"][0]["state"], job_state);
        let (job, ..) = api.store().show_job(&acme(), &job.id).await.unwrap().unwrap();
        if job_state == "open" {
            assert_eq!((job.failures, job.settled_runs), (0, 3), "what was sent before proves nothing any more");
        } else {
            assert_eq!(shown["external_transaction_id"], "bank-7");
        }
    }
}

#[tokio::test]
async fn rule_3_a_word_is_said_once() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let before = received(&api).await;
    advance(&api, &before, &WithdrawalEvent::PayoutUnknown { message: "no answer".into() }).await;
    let resolve = format!("{TRANSACTIONS}/{}/resolve", before.id);
    let not_paid = json!({ "outcome": "not-paid", "reason": "r" });
    assert_eq!(api.refused("POST", &resolve, not_paid).await, (409, "no_held_job".into()), "nothing would pay it out");
    let paid = json!({ "outcome": "paid", "external_id": "b", "reason": "r" });
    let (first, second) =
        tokio::join!(api.call(Some(OPERATOR), "POST", &resolve, paid.clone()), api.call(Some(OPERATOR), "POST", &resolve, paid.clone()));
    let mut statuses = [first.0.as_u16(), second.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}
