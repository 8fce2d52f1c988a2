//! `GET /v1/tenants/{tenant}/jobs?hook=&state=&transaction=&limit=&cursor=`: jobs, newest first, in pages.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use windlass_domain::TransactionId;
use windlass_domain::job::{Hook, JobState};

use super::JobView;
use crate::auth::Member;
use crate::extract::Params;
use crate::page::{Listed, listed, page};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    hook: Option<Hook>,
    state: Option<JobState>,
    transaction: Option<TransactionId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Params(asked): Params<Asked>,
) -> Result<Json<Listed<JobView>>, Problem> {
    let page = page(asked.limit, asked.cursor.as_deref())?;
    let rows = state.store.list_jobs(&tenant.id, asked.hook, asked.state, asked.transaction.as_ref(), &page).await?;
    Ok(Json(listed(rows, &page, |row| (row.created_at, row.id.to_string()), JobView::from)))
}
