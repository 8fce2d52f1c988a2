//! `GET /v1/tenants/{tenant}/secrets`: names, and when each was written. Never a value.

use axum::Json;
use axum::extract::State;

use super::SecretView;
use crate::auth::Member;
use crate::page::Listed;
use crate::time::iso;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Listed<SecretView>>, Problem> {
    let secrets = state.store.secrets(&tenant.id).await?;
    let items = secrets.into_iter().map(|(name, at)| SecretView { name, updated_at: iso(at) }).collect();
    Ok(Json(Listed { items, next: None }))
}
