//! `PUT /v1/tenants/{tenant}/secrets/{name}`: writes a secret, which a manifest then names.
//!
//! Takes `value`. Answers with name and time; the value is sealed and shown to nobody.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::ports::secrets::SecretBytes;

use super::SecretView;
use crate::auth::Member;
use crate::extract::{JsonBody, name};
use crate::time::iso;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    value: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    Path((_, secret)): Path<(String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<SecretView>, Problem> {
    name(&secret, "secret")?;
    let value = SecretBytes::new(asked.value.into_bytes());
    if value.expose().is_empty() {
        return Err(Problem::invalid("empty_secret", "value is empty: a signature with an empty key proves nothing"));
    }
    let sealed = state.sealer.seal(&tenant.id, &format!("secret:{secret}"), value.expose());
    let at = state.clock.now();
    state.store.put_secret(&tenant.id, &secret, &sealed, at).await?;
    state.audit(Some(&tenant.id), &actor, "secret.put", &secret).await;
    Ok(Json(SecretView { name: secret, updated_at: iso(at) }))
}
