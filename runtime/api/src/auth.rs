//! Who asks, and what they may: bearer tokens, kept as SHA-256 only.
//!
//! | caller | operator's operations | a tenant's operations |
//! | --- | --- | --- |
//! | no token, or one that is not known | 401 `no_token`, `unknown_token` | 401 |
//! | the operator's token | yes | yes |
//! | the tenant's token | 403 `operator_only` | yes |
//! | another tenant's token | 403 `operator_only` | 403 `wrong_tenant`, whether that tenant exists or not |

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use sha2::{Digest, Sha256};
use windlass_domain::TenantId;
use windlass_domain::ports::clock::Random;
use windlass_domain::ports::store::Scope;
use windlass_domain::tenant::Tenant;

use crate::{ApiState, Problem};

/// SHA-256 of a token, in lower-case hex: what is stored of it.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// A fresh token: 256 random bits behind a prefix that scanners for leaked secrets can look for.
pub fn fresh_token(random: &dyn Random) -> String {
    format!("windlass_{}", hex::encode(random.bits_256()))
}

/// Somebody with the operator's token.
pub(crate) struct Operator {
    /// The token's name.
    pub(crate) actor: String,
}

/// The operator, about one tenant that exists.
pub(crate) struct OperatorOf {
    /// The token's name.
    pub(crate) actor: String,
    /// The tenant of the path.
    pub(crate) tenant: Tenant,
}

/// The tenant of the path, who exists, by its own token or by the operator's.
pub(crate) struct Member {
    /// The token's name.
    pub(crate) actor: String,
    /// The tenant of the path.
    pub(crate) tenant: Tenant,
}

/// The token's name and scope. The hash is looked up, so that the time it takes says nothing about any stored token.
async fn caller(parts: &Parts, state: &ApiState) -> Result<(String, Scope), Problem> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty());
    let Some((_, token)) = token else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "no_token", "send the header Authorization: Bearer <token>"));
    };
    let hash = token_hash(token.trim());
    if hash == state.operator_token_hash {
        return Ok(("operator".to_owned(), Scope::Operator));
    }
    state.store.token(&hash).await?.ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "unknown_token", "the token is not known here: ask the operator for a new one")
    })
}

fn operator_only(actor: String, scope: &Scope) -> Result<String, Problem> {
    match scope {
        Scope::Operator => Ok(actor),
        Scope::Tenant(_) => Err(Problem::new(StatusCode::FORBIDDEN, "operator_only", "this takes the operator's token")),
    }
}

async fn tenant_of_path(parts: &mut Parts, state: &ApiState, scope: &Scope) -> Result<Tenant, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| no_such_tenant(""))?;
    let text = params.iter().find(|(name, _)| *name == "tenant").map_or_else(String::new, |(_, value)| value.to_owned());
    if let Scope::Tenant(own) = scope
        && own.as_str() != text
    {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong_tenant",
            format!("the token is of tenant {own}: use it under /v1/tenants/{own}"),
        ));
    }
    let id = TenantId::new(text.as_str()).map_err(|_| no_such_tenant(&text))?;
    state.store.tenant(&id).await?.ok_or_else(|| no_such_tenant(&text))
}

fn no_such_tenant(text: &str) -> Problem {
    Problem::not_found("no_such_tenant", format!("there is no tenant {text:?}: make it with POST /v1/tenants"))
}

impl FromRequestParts<ApiState> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let (actor, scope) = caller(parts, state).await?;
        Ok(Self { actor: operator_only(actor, &scope)? })
    }
}

impl FromRequestParts<ApiState> for OperatorOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let (actor, scope) = caller(parts, state).await?;
        let actor = operator_only(actor, &scope)?;
        Ok(Self { actor, tenant: tenant_of_path(parts, state, &scope).await? })
    }
}

impl FromRequestParts<ApiState> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let (actor, scope) = caller(parts, state).await?;
        Ok(Self { actor, tenant: tenant_of_path(parts, state, &scope).await? })
    }
}
