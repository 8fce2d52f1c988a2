//! Setting a tenant up: from nothing to an active version with an enabled asset.

use serde_json::{Value, json};
use windlass_domain::TenantId;

use crate::harness::{Api, NETWORK, account, seed};

const ACME: &str = "/v1/tenants/acme";

#[tokio::test]
async fn a_tenant_is_made_once() {
    let api = Api::new().await;
    let made = api.well("POST", "/v1/tenants", json!({ "id": "acme", "home_domain": "acme.example", "tolerance_percent": 2.5 })).await;
    assert_eq!((made["network"].as_str(), made["tolerance_percent"].as_str()), (Some(NETWORK), Some("2.5")));
    let token = made["token"].as_str().unwrap();
    let (status, shown) = api.call(Some(token), "GET", ACME, Value::Null).await;
    assert_eq!((status.as_u16(), shown["token"].as_str()), (200, None), "a token is shown once");
    for (body, refusal) in [
        (json!({ "id": "acme", "home_domain": "x.example" }), (409, "tenant_exists")),
        (json!({ "id": "Acme", "home_domain": "x.example" }), (422, "invalid_tenant_id")),
        (json!({ "id": "b", "home_domain": "https://x" }), (422, "invalid_home_domain")),
        (json!({ "id": "b", "home_domain": "x.example", "network": "Other" }), (422, "unknown_network")),
        (json!({ "id": "b", "home_domain": "x.example", "tolerance_percent": "101" }), (422, "invalid_tolerance")),
        (json!({ "id": "b", "home_domain": "x.example", "colour": "red" }), (422, "invalid_body")),
    ] {
        assert_eq!(api.refused("POST", "/v1/tenants", body.clone()).await, (refusal.0, refusal.1.to_owned()), "{body}");
    }
    assert_eq!(api.well("GET", "/v1/tenants", Value::Null).await["items"].as_array().map(Vec::len), Some(1));
    let sealed = api.store().sealed_idempotency_key(&TenantId::new("acme").unwrap()).await.unwrap();
    assert!(sealed.starts_with("acme|idempotency-key|") && sealed.len() == "acme|idempotency-key|".len() + 64, "{sealed}");
}

#[tokio::test]
async fn rule_10_secrets_go_in_and_never_come_out() {
    let api = Api::new().await;
    api.tenant("acme").await;
    let acme = TenantId::new("acme").unwrap();
    api.well("PUT", &format!("{ACME}/secrets/bank-key"), json!({ "value": "hunter2" })).await;
    let listed = api.well("GET", &format!("{ACME}/secrets"), Value::Null).await;
    assert_eq!(listed["items"][0]["name"], "bank-key");
    assert!(!listed.to_string().contains("hunter2"));
    let sealed = api.store().sealed_secret(&acme, "bank-key").await.unwrap();
    assert_eq!(sealed, Some(format!("acme|secret:bank-key|{}", hex::encode("hunter2"))));
    assert_eq!(api.refused("PUT", &format!("{ACME}/secrets/Bank"), json!({ "value": "x" })).await, (422, "invalid_name".into()));
    assert_eq!(api.refused("PUT", &format!("{ACME}/secrets/bank"), json!({ "value": "" })).await, (422, "empty_secret".into()));
}

#[tokio::test]
async fn rule_9_an_account_belongs_to_one_tenant() {
    let api = Api::new().await;
    api.tenant("acme").await;
    api.tenant("other").await;
    let accounts = format!("{ACME}/accounts");
    let body = json!({ "account": account("one"), "secret_seed": seed("one") });
    let added = api.well("POST", &accounts, body.clone()).await;
    assert_eq!(added, json!({ "account": account("one"), "network": NETWORK, "role": "distribution" }));
    assert_eq!(api.refused("POST", "/v1/tenants/other/accounts", body).await, (409, "account_taken".into()));
    let wrong = json!({ "account": account("two"), "secret_seed": seed("one") });
    assert_eq!(api.refused("POST", &accounts, wrong).await, (422, "wrong_account".into()));
    let (status, problem) = api.call(Some(crate::harness::OPERATOR), "POST", &accounts, json!({ "secret_seed": "SECRET" })).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (422, Some("invalid_secret_seed")));
    assert!(!problem.to_string().contains("SECRET"), "{problem}");
}

#[tokio::test]
async fn settings_are_put_listed_and_removed() {
    let api = Api::new().await;
    api.tenant("acme").await;
    api.well("PUT", &format!("{ACME}/settings/bank.url"), json!({ "value": "https://bank.example" })).await;
    let listed = api.well("GET", &format!("{ACME}/settings"), Value::Null).await;
    assert_eq!(listed["items"], json!([{ "name": "bank.url", "value": "https://bank.example" }]));
    api.well("DELETE", &format!("{ACME}/settings/bank.url"), Value::Null).await;
    assert_eq!(api.well("GET", &format!("{ACME}/settings"), Value::Null).await["items"], json!([]));
}

#[tokio::test]
async fn limits_are_lower_never_higher() {
    let api = Api::new().await;
    api.tenant("acme").await;
    assert_eq!(api.well("PUT", &format!("{ACME}/limits"), json!({ "fuel": 5 })).await["fuel"], 5);
    assert_eq!(
        api.refused("PUT", &format!("{ACME}/limits"), json!({ "fuel": 2_000_000_000_u64 })).await,
        (422, "above_operator_limits".into())
    );
    assert_eq!(api.refused("PUT", &format!("{ACME}/limits"), json!({ "fule": 5 })).await, (422, "invalid_body".into()));
}

#[tokio::test]
async fn uploads_are_checked_and_numbered() {
    let api = Api::new().await;
    api.tenant("acme").await;
    let (status, first) = api.upload("acme", json!({}), "poll-pending-deposits").await;
    assert_eq!((status.as_u16(), &first["number"], &first["hooks"]), (201, &json!(1), &json!(["poll-pending-deposits"])));
    let (status, again) = api.upload("acme", json!({}), "poll-pending-deposits").await;
    assert_eq!((status.as_u16(), &again["number"]), (200, &json!(1)), "the same again is the same version");
    assert_eq!(api.upload("acme", json!({}), "after-deposit").await.1["number"], 2);

    let code = |(status, body): (axum::http::StatusCode, Value)| (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned());
    let (status, refused) = api.upload("acme", json!({ "hosts": [{ "url": "ftp://x", "methods": [] }] }), "after-deposit").await;
    assert_eq!(
        (status.as_u16(), refused["code"].as_str(), refused["reasons"].as_array().map(Vec::len)),
        (422, Some("manifest_refused"), Some(2))
    );
    assert_eq!(code(api.upload("acme", json!({ "host": [] }), "after-deposit").await), (422, "invalid_body".into()));
    let (status, refused) = api.upload("acme", json!({}), "nothing").await;
    assert_eq!((status.as_u16(), &refused["reasons"]), (422, &json!(["it exports no hook"])));
    assert_eq!(code(api.form("acme", &[("manifest", "{}")]).await), (400, "invalid_form".into()));
    assert_eq!(code(api.form("acme", &[("component", "x")]).await), (400, "invalid_form".into()));
    assert_eq!(code(api.form("acme", &[("manifest", "{}"), ("manifest", "{}")]).await), (400, "invalid_form".into()));
    assert_eq!(code(api.form("acme", &[("colour", "red")]).await), (400, "invalid_form".into()));
    let large = "x".repeat((20 << 20) + 1);
    assert_eq!(code(api.form("acme", &[("manifest", "{}"), ("component", &large)]).await), (413, "too_large".into()));
    assert_eq!(api.refused("POST", &format!("{ACME}/integrations"), json!({})).await, (400, "invalid_form".into()));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let api = Api::new().await;
    api.tenant("acme").await;
    let large = json!({ "value": "x".repeat(1 << 20) });
    assert_eq!(api.refused("PUT", &format!("{ACME}/settings/a"), large).await, (413, "too_large".into()));
}

#[tokio::test]
async fn a_direction_is_enabled_only_while_its_hook_is_there() {
    let api = Api::new().await;
    api.tenant("acme").await;
    let asset = json!({ "asset": "native", "deposit": { "enabled": true } });
    let assets = format!("{ACME}/assets");
    assert_eq!(api.refused("PUT", &assets, asset.clone()).await, (409, "hook_missing".into()), "nothing is active");
    api.upload("acme", json!({}), "poll-pending-deposits").await;
    api.upload("acme", json!({}), "process-withdrawal").await;
    api.well("POST", &format!("{ACME}/integrations/2/activate"), Value::Null).await;
    assert_eq!(api.refused("PUT", &assets, asset.clone()).await, (409, "hook_missing".into()), "version 2 has another hook");
    api.well("POST", &format!("{ACME}/integrations/1/activate"), Value::Null).await;
    let woken = api.woken();
    api.well("PUT", &assets, asset).await;
    assert!(api.woken() > woken, "the drivers are told");
    assert_eq!(api.refused("POST", &format!("{ACME}/integrations/2/activate"), Value::Null).await, (409, "hook_missing".into()));
    assert_eq!(api.refused("POST", &format!("{ACME}/integrations/9/activate"), Value::Null).await, (404, "no_such_version".into()));
    assert_eq!(api.refused("POST", &format!("{ACME}/integrations/x/activate"), Value::Null).await, (404, "no_such_version".into()));
    let versions = api.well("GET", &format!("{ACME}/integrations"), Value::Null).await;
    let active: Vec<(i64, bool)> =
        versions["items"].as_array().unwrap().iter().map(|v| (v["number"].as_i64().unwrap(), v["active"].as_bool().unwrap())).collect();
    assert_eq!(active, [(2, false), (1, true)]);
    assert_eq!(api.well("GET", &assets, Value::Null).await["items"][0]["asset"], "native");
}
