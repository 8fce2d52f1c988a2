//! What the operator does with a deposit that the ledger refused.

use serde_json::{Value, json};
use windlass_domain::TransactionId;
use windlass_domain::deposit::DepositEvent;
use windlass_domain::rules::{Assessment, Money};

use crate::harness::Api;
use crate::people::{TRANSACTIONS, begun, step};

#[tokio::test]
async fn a_refused_deposit_is_planned_again_by_a_persons_word() {
    let api = Api::new().await;
    api.ready_tenant("acme", "hold").await;
    let retry = |id: &TransactionId| format!("{TRANSACTIONS}/{id}/retry");
    let word = json!({ "reason": "the distribution account has XLM again" });
    let waiting = begun(&api, "deposit").await;
    assert_eq!(api.refused("POST", &retry(&waiting.id), word.clone()).await, (409, "not_refused".into()));
    let amount = "100".parse().unwrap();
    let money = Money { amount_in: amount, fee: "0".parse().unwrap(), amount_out: amount };
    let funds = DepositEvent::FundsReceived { amount_in: amount, assessment: Assessment::Accepted(money), external_id: "c1".into() };
    let mut deposit = step(&api, &waiting, &funds).await;
    for why in [
        vec![DepositEvent::CreationSigned, DepositEvent::EnvelopeSent, DepositEvent::LedgerRefusedIt { message: "m".into() }],
        vec![DepositEvent::CannotReceive { message: "m".into() }],
    ] {
        for event in why {
            deposit = step(&api, &deposit, &event).await;
        }
        assert_eq!(api.refused("POST", &retry(&deposit.id), json!({ "reason": "" })).await, (422, "reason_missing".into()));
        let ready = api.well("POST", &retry(&deposit.id), word.clone()).await;
        assert_eq!((&ready["state"], &ready["message"]), (&json!("ready"), &Value::Null));
        assert_eq!(api.refused("POST", &retry(&deposit.id), word.clone()).await, (409, "not_refused".into()), "once");
        deposit = crate::people::stored(&api, &ready["id"]).await;
    }
    let shown = api.well("GET", &format!("{TRANSACTIONS}/{}", deposit.id), Value::Null).await;
    let last = shown["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["event"], &last["actor"], &last["detail"]), (&json!("retry"), &json!("operator"), &word["reason"]));
}
