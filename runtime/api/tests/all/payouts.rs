//! Payouts that came back: a person pays again, or says that the money arrived after all.

use serde_json::{Value, json};
use windlass_domain::ports::guest::Payout;
use windlass_domain::withdrawal::WithdrawalEvent;

use crate::harness::Api;
use crate::transactions::{advance, received};

const TRANSACTIONS: &str = "/v1/tenants/acme/transactions";

#[tokio::test]
async fn rule_3_a_payout_that_came_back_is_paid_again_by_a_persons_word() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let before = received(&api).await;
    let pay_again = format!("{TRANSACTIONS}/{}/pay-again", before.id);
    let word = json!({ "reason": "the user gave another account" });
    assert_eq!(api.refused("POST", &pay_again, word.clone()).await, (409, "not_returned".into()));
    let paid = advance(&api, &before, &WithdrawalEvent::PaidOut(Payout::Paid { external_id: "tr-1".into() })).await;
    advance(&api, &paid, &WithdrawalEvent::Returned { message: "account closed".into() }).await;

    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", before.id), Value::Null).await;
    assert_eq!(
        (&shown["state"], &shown["status"], &shown["message"]),
        (&json!("payout_returned"), &json!("pending_anchor"), &json!("account closed"))
    );
    assert_eq!(shown["completed_at"], Value::Null);
    assert_eq!(api.refused("POST", &pay_again, json!({ "reason": " " })).await.1, "reason_missing");
    let woken = api.woken();
    let again = api.well("POST", &pay_again, word.clone()).await;
    assert_eq!((&again["state"], &again["external_transaction_id"], &again["message"]), (&json!("received"), &Value::Null, &Value::Null));
    assert!(api.woken() > woken);
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", before.id), Value::Null).await;
    assert_eq!((&shown["jobs"][0]["hook"], &shown["jobs"][0]["state"]), (&json!("process-withdrawal"), &json!("open")));
    assert_eq!(shown["history"].as_array().unwrap().last().unwrap()["event"], "paid_again");
    assert_eq!(api.refused("POST", &pay_again, word).await, (409, "not_returned".into()));
}

#[tokio::test]
async fn rule_3_a_payout_that_came_back_may_have_arrived_after_all() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let before = received(&api).await;
    let under_way = advance(&api, &before, &WithdrawalEvent::PaidOut(Payout::InProgress { external_id: "tr-1".into(), eta: None })).await;
    advance(&api, &under_way, &WithdrawalEvent::Returned { message: "account closed".into() }).await;
    let resolve = format!("{TRANSACTIONS}/{}/resolve", before.id);
    let not_paid = json!({ "outcome": "not-paid", "reason": "r" });
    assert_eq!(api.refused("POST", &resolve, not_paid).await, (409, "not_held".into()), "that is what pay-again is for");
    let paid = json!({ "outcome": "paid", "external_id": "cash-1", "reason": "handed over at the desk" });
    assert_eq!(api.well("POST", &resolve, paid).await["state"], "completed");
}

#[tokio::test]
async fn rule_3_a_rail_that_is_looked_up_needs_the_hook_and_a_time() {
    let api = Api::new().await;
    api.tenant("acme").await;
    let look_up = json!({ "rail": { "effects": "look-up", "not_found_after_ms": 60_000 } });
    let hooks = "process-withdrawal,payout-status";
    for (manifest, hooks, expected) in [
        (look_up.clone(), hooks, (201, None)),
        (look_up, "process-withdrawal", (422, Some("rail.effects"))),
        (json!({ "rail": { "effects": "look-up" } }), hooks, (422, Some("rail.not_found_after_ms"))),
        (json!({ "rail": { "effects": "hold", "not_found_after_ms": 60_000 } }), hooks, (422, Some("rail.not_found_after_ms"))),
    ] {
        let (status, answer) = api.upload("acme", manifest.clone(), hooks).await;
        let place = answer["reasons"][0].as_str().and_then(|reason| reason.split(':').next());
        assert_eq!((status.as_u16(), place), expected, "{manifest} {hooks}");
    }
}
