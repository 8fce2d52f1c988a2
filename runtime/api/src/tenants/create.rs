//! `POST /v1/tenants` (operator): makes a tenant and its first token.
//!
//! Takes `id`, `home_domain`, `network` (may be left out where the host has one network) and `tolerance_percent` (10 if
//! left out). Answers 201 with the tenant and `token`: the only time that the token is shown.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use windlass_domain::ports::store::{Scope, StoreError};
use windlass_domain::rules::DEFAULT_TOLERANCE_PPM;
use windlass_domain::tenant::Tenant;
use windlass_domain::{Amount, TenantId};

use super::TenantView;
use crate::auth::{Operator, fresh_token, token_hash};
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

/// 1 ppm is 0.0001 %: 1,000 units of 10^-7.
pub(super) const UNITS_PER_PPM: i64 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    id: String,
    home_domain: String,
    #[serde(default)]
    network: Option<String>,
    #[serde(default)]
    tolerance_percent: Option<Percent>,
}

/// A number or a decimal text; read as text, never as a float.
#[derive(Deserialize)]
#[serde(untagged)]
enum Percent {
    Number(serde_json::Number),
    Text(String),
}

#[derive(Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    tenant: TenantView,
    token: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    by: Operator,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let id = TenantId::new(asked.id).map_err(|error| Problem::invalid("invalid_tenant_id", error.to_string()))?;
    let tenant = Tenant {
        home_domain: home_domain(asked.home_domain)?,
        network: network(&state, asked.network)?,
        active_version: None,
        tolerance_ppm: tolerance(asked.tolerance_percent)?,
        created_at: state.clock.now(),
        id,
    };
    let key = state.sealer.seal(&tenant.id, "idempotency-key", &state.random.bits_256());
    state.store.create_tenant(&tenant, &key).await.map_err(|error| match error {
        StoreError::Conflict { .. } => {
            Problem::conflict("tenant_exists", format!("there is a tenant {} or one with its home domain: choose others", tenant.id))
        }
        other => other.into(),
    })?;
    let token = fresh_token(state.random.as_ref());
    let name = format!("{}/first", tenant.id);
    state.store.add_token(&token_hash(&token), &name, &Scope::Tenant(tenant.id.clone()), tenant.created_at).await?;
    state.audit(Some(&tenant.id), &by.actor, "tenant.create", tenant.id.as_str()).await;
    Ok((StatusCode::CREATED, Json(Answer { tenant: tenant.into(), token })))
}

fn home_domain(text: String) -> Result<String, Problem> {
    let well = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':');
    if (1..=255).contains(&text.len()) && text.bytes().all(well) {
        return Ok(text);
    }
    Err(Problem::invalid(
        "invalid_home_domain",
        format!("home_domain {text:?} is not a host in lower case, with a port at most: write anchor.example"),
    ))
}

fn network(state: &ApiState, asked: Option<String>) -> Result<String, Problem> {
    match (asked, state.networks.as_slice()) {
        (None, [only]) => Ok(only.clone()),
        (Some(name), networks) if networks.contains(&name) => Ok(name),
        (_, networks) => {
            let detail = format!("network must be the passphrase of a network that this host has a ledger for: {}", networks.join(" | "));
            Err(Problem::invalid("unknown_network", detail))
        }
    }
}

fn tolerance(asked: Option<Percent>) -> Result<u32, Problem> {
    let text = match asked {
        None => return Ok(DEFAULT_TOLERANCE_PPM),
        Some(Percent::Number(number)) => number.to_string(),
        Some(Percent::Text(text)) => text,
    };
    text.parse::<Amount>()
        .ok()
        .map(Amount::units)
        .filter(|units| units % UNITS_PER_PPM == 0)
        .and_then(|units| u32::try_from(units / UNITS_PER_PPM).ok())
        .filter(|ppm| *ppm <= 1_000_000)
        .ok_or_else(|| Problem::invalid("invalid_tolerance", format!("tolerance_percent {text:?} is not 0 to 100 with at most 4 decimals")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_by_table() {
        for (text, ppm) in [
            ("10", Some(100_000)),
            ("0", Some(0)),
            ("2.5", Some(25_000)),
            ("0.0001", Some(1)),
            ("0.00001", None),
            ("101", None),
            ("-1", None),
            ("x", None),
        ] {
            assert_eq!(tolerance(Some(Percent::Text(text.into()))).ok(), ppm, "{text}");
        }
        assert_eq!(tolerance(None), Ok(DEFAULT_TOLERANCE_PPM));
    }

    #[test]
    fn home_domains_by_table() {
        for (text, is_well) in [("anchor.example", true), ("localhost:8080", true), ("https://a", false), ("A.example", false), ("", false)]
        {
            assert_eq!(home_domain(text.into()).is_ok(), is_well, "{text}");
        }
    }
}
