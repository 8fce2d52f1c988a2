//! `GET /v1/tenants/{tenant}/integrations`: the versions, newest first.

use axum::Json;
use axum::extract::State;

use super::VersionView;
use crate::auth::Member;
use crate::page::Listed;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Listed<VersionView>>, Problem> {
    let versions = state.store.versions(&tenant.id).await?;
    let items = versions.into_iter().map(|version| VersionView::new(version, tenant.active_version)).collect();
    Ok(Json(Listed { items, next: None }))
}
