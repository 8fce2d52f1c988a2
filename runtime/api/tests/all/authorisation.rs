//! Who may do what: every operation, with every kind of caller.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_api::paths;

use crate::harness::{Api, OPERATOR};

/// Who an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Anybody,
    Operator,
    Member,
}

use For::{Anybody, Member, Operator};

const TABLE: &[(&str, &str, For)] = &[
    ("GET", "/healthz", Anybody),
    ("POST", "/v1/tenants", Operator),
    ("GET", "/v1/tenants", Operator),
    ("GET", "/v1/tenants/{tenant}", Member),
    ("POST", "/v1/tenants/{tenant}/tokens", Operator),
    ("PUT", "/v1/tenants/{tenant}/limits", Operator),
    ("PUT", "/v1/tenants/{tenant}/assets", Member),
    ("GET", "/v1/tenants/{tenant}/assets", Member),
    ("POST", "/v1/tenants/{tenant}/accounts", Member),
    ("GET", "/v1/tenants/{tenant}/accounts", Member),
    ("GET", "/v1/tenants/{tenant}/secrets", Member),
    ("PUT", "/v1/tenants/{tenant}/secrets/{name}", Member),
    ("GET", "/v1/tenants/{tenant}/settings", Member),
    ("PUT", "/v1/tenants/{tenant}/settings/{name}", Member),
    ("DELETE", "/v1/tenants/{tenant}/settings/{name}", Member),
    ("POST", "/v1/tenants/{tenant}/integrations", Member),
    ("GET", "/v1/tenants/{tenant}/integrations", Member),
    ("POST", "/v1/tenants/{tenant}/integrations/{number}/activate", Member),
    ("POST", "/v1/tenants/{tenant}/transactions", Member),
    ("GET", "/v1/tenants/{tenant}/transactions", Member),
    ("GET", "/v1/tenants/{tenant}/transactions/{id}", Member),
    ("POST", "/v1/tenants/{tenant}/transactions/{id}/resolve", Operator),
    ("POST", "/v1/tenants/{tenant}/transactions/{id}/pay-again", Operator),
    ("GET", "/v1/tenants/{tenant}/jobs", Member),
    ("GET", "/v1/tenants/{tenant}/jobs/{id}", Member),
    ("POST", "/v1/tenants/{tenant}/jobs/{id}/retry", Member),
    ("GET", "/v1/tenants/{tenant}/incoming", Member),
    ("GET", "/v1/tenants/{tenant}/incoming?unmatched=true", Member),
    ("GET", "/v1/tenants/{tenant}/credits", Member),
    ("POST", "/v1/tenants/{tenant}/credits/{rail}/{external_id}/assign", Operator),
    ("GET", "/v1/tenants/{tenant}/waiting", Member),
    ("POST", "/v1/tenants/{tenant}/transactions/{id}/release", Operator),
    ("POST", "/v1/tenants/{tenant}/transactions/{id}/retry", Operator),
    ("GET", "/v1/tenants/{tenant}/credits?unmatched=true", Member),
];

#[test]
fn the_table_has_every_path() {
    let without_query = |path: &'static str| path.split('?').next().unwrap_or(path);
    let tabled: BTreeSet<&str> = TABLE.iter().map(|(_, path, _)| without_query(path)).collect();
    assert_eq!(tabled, paths().into_iter().collect());
}

#[tokio::test]
async fn rule_9_every_operation_with_every_caller() {
    let api = Api::new().await;
    let (own, other) = (api.tenant("acme").await, api.tenant("other").await);
    for (method, path, who) in TABLE.iter().copied() {
        let path = path
            .replace("{tenant}", "acme")
            .replace("{name}", "n")
            .replace("{number}", "1")
            .replace("{id}", "x")
            .replace("{rail}", "r")
            .replace("{external_id}", "e");
        for (caller, token, codes) in [
            ("none", None, ["", "no_token", "no_token"]),
            ("empty", Some(""), ["", "no_token", "no_token"]),
            ("unknown", Some("nonsense"), ["", "unknown_token", "unknown_token"]),
            ("other tenant", Some(other.as_str()), ["", "operator_only", "wrong_tenant"]),
            ("tenant", Some(own.as_str()), ["", "operator_only", ""]),
            ("operator", Some(OPERATOR), ["", "", ""]),
        ] {
            let (status, body) = api.call(token, method, &path, Value::Null).await;
            let expected = codes[who as usize];
            let status_expected = match expected {
                "no_token" | "unknown_token" => 401,
                "operator_only" | "wrong_tenant" => 403,
                _ => 0,
            };
            if expected.is_empty() {
                assert!(status != 401 && status != 403, "{method} {path} as {caller}: {status} {body}");
            } else {
                assert_eq!((status.as_u16(), body["code"].as_str()), (status_expected, Some(expected)), "{method} {path} as {caller}");
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_told_to_the_operator_only() {
    let api = Api::new().await;
    let token = api.tenant("acme").await;
    assert_eq!(api.refused("GET", "/v1/tenants/nobody", Value::Null).await, (404, "no_such_tenant".into()));
    let (status, body) = api.call(Some(&token), "GET", "/v1/tenants/nobody", Value::Null).await;
    assert_eq!((status.as_u16(), body["code"].as_str()), (403, Some("wrong_tenant")));
}

#[tokio::test]
async fn only_hashes_of_tokens_are_stored() {
    let api = Api::new().await;
    let token = api.tenant("acme").await;
    assert_eq!(api.store().token(&token).await, Ok(None));
    assert!(api.store().token(&windlass_api::auth::token_hash(&token)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let api = Api::new().await;
    assert_eq!(api.refused("GET", "/v2", Value::Null).await, (404, "no_such_route".into()));
    assert_eq!(api.refused("DELETE", "/v1/tenants", Value::Null).await, (405, "no_such_method".into()));
}
