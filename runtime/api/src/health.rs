//! `GET /healthz`: is the process up, and does its database answer? For anybody; says nothing else.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::{ApiState, Problem};

/// 200 `{"status": "ok"}`, or 503 `database_unavailable`.
pub(crate) async fn handle(State(state): State<ApiState>) -> Result<Json<Value>, Problem> {
    state.store.cursor("healthz").await?;
    Ok(Json(json!({ "status": "ok" })))
}
