//! `POST /v1/tenants/{tenant}/tokens` (operator): one more token of a tenant's.
//!
//! Takes `name`, which the history shows as the actor. Answers 201 with `token`: the only time that it is shown.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use windlass_domain::ports::store::Scope;

use crate::auth::{OperatorOf, fresh_token, token_hash};
use crate::extract::{JsonBody, name};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    name: String,
    token: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    name(&asked.name, "name")?;
    let token = fresh_token(state.random.as_ref());
    let name = format!("{}/{}", tenant.id, asked.name);
    state.store.add_token(&token_hash(&token), &name, &Scope::Tenant(tenant.id.clone()), state.clock.now()).await?;
    state.audit(Some(&tenant.id), &actor, "token.add", &name).await;
    Ok((StatusCode::CREATED, Json(Answer { name, token })))
}
