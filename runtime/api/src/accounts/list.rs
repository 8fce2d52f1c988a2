//! `GET /v1/tenants/{tenant}/accounts`: the tenant's Stellar accounts.

use axum::Json;
use axum::extract::State;

use super::AccountView;
use crate::auth::Member;
use crate::page::Listed;
use crate::{ApiState, Problem};

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Listed<AccountView>>, Problem> {
    let items = state.store.accounts(&tenant.id).await?.into_iter().map(AccountView::from).collect();
    Ok(Json(Listed { items, next: None }))
}
