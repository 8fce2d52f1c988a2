//! `GET /v1/tenants/{tenant}/assets`: the tenant's assets.

use axum::Json;
use axum::extract::State;
use windlass_domain::rules::AssetRules;

use crate::auth::Member;
use crate::page::Listed;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Listed<AssetRules>>, Problem> {
    Ok(Json(Listed { items: state.store.assets(&tenant.id).await?, next: None }))
}
