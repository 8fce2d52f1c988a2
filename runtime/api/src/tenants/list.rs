//! `GET /v1/tenants` (operator): all tenants, by id.

use axum::Json;
use axum::extract::State;

use super::TenantView;
use crate::auth::Operator;
use crate::page::Listed;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, _: Operator) -> Result<Json<Listed<TenantView>>, Problem> {
    let items = state.store.tenants().await?.into_iter().map(TenantView::from).collect();
    Ok(Json(Listed { items, next: None }))
}
