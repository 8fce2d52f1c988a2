//! `DELETE /v1/tenants/{tenant}/settings/{name}`: removes a setting. 204, also when it was not there.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::auth::Member;
use crate::extract::name;
use crate::{ApiState, Problem};

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    Path((_, setting)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    name(&setting, "setting")?;
    state.store.put_setting(&tenant.id, &setting, None).await?;
    state.audit(Some(&tenant.id), &actor, "setting.remove", &setting).await;
    Ok(StatusCode::NO_CONTENT)
}
