//! What people do with money that a rule held back, and what waits for whom.

use serde_json::{Value, json};
use windlass_domain::TransactionId;
use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent};
use windlass_domain::rules::Assessment;
use windlass_domain::tenant::{BankCredit, Matched};
use windlass_domain::transaction::{History, Transaction};
use windlass_domain::withdrawal::WithdrawalEvent;

use crate::harness::{Api, account};
use crate::transactions::{acme, advance, received, write};

pub(crate) const TRANSACTIONS: &str = "/v1/tenants/acme/transactions";

pub(crate) async fn stored(api: &Api, id: &Value) -> Transaction {
    let id = TransactionId::new(id.as_str().unwrap()).unwrap();
    api.store().show_transaction(&acme(), &id).await.unwrap().unwrap().0
}

pub(crate) async fn begun(api: &Api, kind: &str) -> Transaction {
    let mut asked = json!({ "kind": kind, "asset": "native", "amount": "100" });
    if kind == "deposit" {
        asked["account"] = json!(account("user"));
    }
    let made = api.well("POST", TRANSACTIONS, asked).await;
    stored(api, &made["id"]).await
}

/// One step of a deposit, as a driver would commit it.
pub(crate) async fn step(api: &Api, before: &Transaction, event: &DepositEvent) -> Transaction {
    let after = deposit::step(before, event, 1_790_000_100_000).unwrap();
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

fn arrived(amount: &str, assessment: Assessment) -> DepositEvent {
    DepositEvent::FundsReceived { amount_in: amount.parse().unwrap(), assessment, external_id: "c1".into() }
}

async fn credit(api: &Api, id: &str, amount: &str, matched: Matched) {
    let credit = BankCredit {
        tenant: acme(),
        rail: "bank".into(),
        external_id: id.into(),
        amount: amount.parse().unwrap(),
        reference: "no reference".into(),
        matched,
        reported_at: 1_790_000_000_000,
    };
    write(api, vec![Write::Credit(credit)]).await;
}

#[tokio::test]
async fn rule_2_an_unmatched_credit_is_assigned_and_every_refusal_has_a_name() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let (waiting, expiring, paid, withdrawal) =
        (begun(&api, "deposit").await, begun(&api, "deposit").await, begun(&api, "deposit").await, begun(&api, "withdrawal").await);
    let expired = step(&api, &expiring, &DepositEvent::DeadlinePassed).await;
    step(&api, &paid, &arrived("100", Assessment::OnHold("m".into()))).await;
    credit(&api, "c1", "100", Matched::Transaction(paid.id.clone())).await;
    for (id, amount) in [("c 2", "99.5"), ("c3", "0.5"), ("c4", "20")] {
        credit(&api, id, amount, Matched::Unmatched("no pending deposit has its reference".into())).await;
    }
    let assign = |id: &str| format!("/v1/tenants/acme/credits/bank/{}/assign", id.replace(' ', "%20"));
    let word = |transaction: &TransactionId| json!({ "transaction": transaction, "reason": "the payer called" });
    let nobody = TransactionId::from_bits([9; 16]);
    for (id, body, status, code) in [
        ("c9", json!({ "transaction": waiting.id, "reason": " " }), 422, "reason_missing"),
        ("c9", word(&nobody), 404, "no_such_credit"),
        ("c3", word(&nobody), 404, "no_such_transaction"),
        ("c1", word(&withdrawal.id), 409, "credit_matched"),
        ("c3", word(&withdrawal.id), 409, "not_a_deposit"),
        ("c3", word(&paid.id), 409, "not_waiting"),
        ("c3", json!({ "transaction": waiting.id }), 422, "invalid_body"),
    ] {
        assert_eq!(api.refused("POST", &assign(id), body).await, (status, code.to_owned()), "{id}");
    }
    assert_eq!(
        api.well("GET", "/v1/tenants/acme/credits?unmatched=true", Value::Null).await["items"].as_array().map(Vec::len),
        Some(3),
        "nothing was changed"
    );
    let woken = api.woken();
    let funded = api.well("POST", &assign("c 2"), word(&waiting.id)).await;
    assert_eq!(
        (&funded["state"], &funded["amount_in"], &funded["external_transaction_id"]),
        (&json!("ready"), &json!("99.5"), &json!("c 2"))
    );
    assert!(api.woken() > woken);
    let small = api.well("POST", &assign("c3"), word(&expired.id)).await;
    assert_eq!((&small["state"], &small["amount_in"]), (&json!("too_small"), &json!("0.5")), "assessed as always");
    assert_eq!(api.refused("POST", &assign("c3"), word(&expired.id)).await, (409, "credit_matched".into()));
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", waiting.id), Value::Null).await;
    let line = &shown["history"][1];
    assert_eq!((&line["event"], &line["actor"]), (&json!("funds_received"), &json!("operator")));
    assert!(line["detail"].as_str().unwrap().contains("the payer called"), "{line}");
    let failing = begun(&api, "deposit").await;
    let failed = step(&api, &failing, &DepositEvent::FundsFailed { message: "bounced".into() }).await;
    assert_eq!(api.well("POST", &assign("c4"), word(&failed.id)).await["state"], "ready");
}

#[tokio::test]
async fn rule_6_held_money_is_released_by_a_persons_word() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let release = |id: &TransactionId| format!("{TRANSACTIONS}/{id}/release");
    let word = json!({ "reason": "the user asked" });
    let waiting = begun(&api, "deposit").await;
    assert_eq!(api.refused("POST", &release(&waiting.id), word.clone()).await, (409, "not_held".into()));
    let large = step(&api, &waiting, &arrived("5000", Assessment::TooLarge("m".into()))).await;
    assert_eq!(api.refused("POST", &release(&large.id), json!({ "reason": "" })).await, (422, "reason_missing".into()));
    let ready = api.well("POST", &release(&large.id), word.clone()).await;
    assert_eq!((&ready["state"], &ready["amount_out"], &ready["message"]), (&json!("ready"), &json!("5000"), &Value::Null));
    assert_eq!(api.refused("POST", &release(&large.id), word.clone()).await, (409, "not_held".into()), "once");
    let dust = begun(&api, "deposit").await;
    let dust = step(&api, &dust, &arrived("0.001", Assessment::TooSmall("m".into()))).await;
    assert_eq!(api.refused("POST", &release(&dust.id), word.clone()).await, (409, "nothing_left".into()));

    let withdrawal = begun(&api, "withdrawal").await;
    let payment = WithdrawalEvent::PaymentReceived {
        amount_in: "70.0000009".parse().unwrap(),
        assessment: Assessment::OnHold("m".into()),
        from: account("payer"),
        hash: "ab".repeat(32),
    };
    let held = advance(&api, &withdrawal, &payment).await;
    let out = api.well("POST", &release(&held.id), word.clone()).await;
    assert_eq!(
        (&out["state"], &out["amount_out"], &out["amount_fee"]),
        (&json!("received"), &json!("70"), &json!("0.0000009")),
        "what cannot leave is booked"
    );
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", held.id), Value::Null).await;
    assert_eq!((&shown["jobs"][0]["hook"], &shown["jobs"][0]["state"]), (&json!("process-withdrawal"), &json!("open")));
}

#[tokio::test]
async fn what_waits_says_for_whom_and_until_when() {
    let api = Api::new().await;
    let token = api.ready_tenant("acme", "hold").await;
    let (deposit, _) = (begun(&api, "deposit").await, begun(&api, "withdrawal").await);
    let orphan = received(&api).await;
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", deposit.id), Value::Null).await;
    assert!(shown["user_action_required_by"].is_string(), "{shown}");
    let (status, listed) = api.call(Some(&token), "GET", "/v1/tenants/acme/waiting?limit=2", Value::Null).await;
    assert_eq!(status, 200, "{listed}");
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(item["waits_for"], "user");
        assert!(item["until"].is_string() && item["since"].is_string() && item["next_look_at"].is_string(), "{item}");
    }
    assert_eq!(items[0]["until"], shown["user_action_required_by"]);
    let rest = api.well("GET", &format!("/v1/tenants/acme/waiting?cursor={}", listed["next"].as_str().unwrap()), Value::Null).await;
    assert_eq!(
        (&rest["items"][0]["transaction"], &rest["items"][0]["waits_for"]),
        (&json!(orphan.id), &json!("nobody")),
        "no job pays it out: a defect is seen"
    );
    let expired = step(&api, &deposit, &DepositEvent::DeadlinePassed).await;
    assert_eq!(api.well("GET", &format!("{TRANSACTIONS}/{}", expired.id), Value::Null).await["user_action_required_by"], Value::Null);
    assert_eq!(api.well("GET", "/v1/tenants/acme/waiting", Value::Null).await["items"].as_array().map(Vec::len), Some(2));
}
