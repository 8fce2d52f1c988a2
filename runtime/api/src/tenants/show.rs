//! `GET /v1/tenants/{tenant}`: one tenant.

use axum::Json;

use super::TenantView;
use crate::auth::Member;

pub(crate) async fn handle(Member { tenant, .. }: Member) -> Json<TenantView> {
    Json(tenant.into())
}
