//! `PUT /v1/tenants/{tenant}/settings/{name}`: adds or replaces a setting.
//!
//! Takes `value`. It is not secret: what is, goes to `secrets`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::SettingView;
use crate::auth::Member;
use crate::extract::{JsonBody, name};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    value: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    Path((_, setting)): Path<(String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<SettingView>, Problem> {
    name(&setting, "setting")?;
    state.store.put_setting(&tenant.id, &setting, Some(&asked.value)).await?;
    state.audit(Some(&tenant.id), &actor, "setting.put", &setting).await;
    Ok(Json(SettingView { name: setting, value: asked.value }))
}
