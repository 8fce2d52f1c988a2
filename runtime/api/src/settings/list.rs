//! `GET /v1/tenants/{tenant}/settings`: all settings.

use axum::Json;
use axum::extract::State;

use super::SettingView;
use crate::auth::Member;
use crate::page::Listed;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Listed<SettingView>>, Problem> {
    let settings = state.store.settings(&tenant.id).await?;
    let items = settings.into_iter().map(|(name, value)| SettingView { name, value }).collect();
    Ok(Json(Listed { items, next: None }))
}
