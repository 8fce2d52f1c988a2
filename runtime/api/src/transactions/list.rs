//! `GET /v1/tenants/{tenant}/transactions?kind=&limit=&cursor=`: transactions, newest first, in pages.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use windlass_domain::Kind;

use super::TransactionView;
use crate::auth::Member;
use crate::extract::Params;
use crate::page::{Listed, listed, page};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    kind: Option<Kind>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Params(asked): Params<Asked>,
) -> Result<Json<Listed<TransactionView>>, Problem> {
    let page = page(asked.limit, asked.cursor.as_deref())?;
    let rows = state.store.list_transactions(&tenant.id, asked.kind, &page).await?;
    let now = state.clock.now();
    Ok(Json(listed(rows, &page, |row| (row.created_at, row.id.to_string()), |row| TransactionView::new(row, now))))
}
