//! `GET /v1/tenants/{tenant}/waiting?limit=&cursor=`: what waits for whom, longest first.
//!
//! `waits_for` is `user`, `bank`, `ledger`, `trustline`, `operator` or `host` (a driver of ours); `nobody` is a defect: what
//! should be driven has no row of the queue. `since` is its last change; `until` the user's deadline, or when the bank says
//! that it is done; `next_look_at` when a driver looks at it next.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use windlass_domain::ports::store::Waiting;
use windlass_domain::status::sep24_status;
use windlass_domain::waits::Waits;

use crate::auth::Member;
use crate::extract::Params;
use crate::page::{Listed, listed, page};
use crate::time::iso;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct WaitingView {
    transaction: String,
    kind: &'static str,
    status: &'static str,
    state: &'static str,
    waits_for: &'static str,
    since: String,
    until: Option<String>,
    next_look_at: Option<String>,
    message: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Params(asked): Params<Asked>,
) -> Result<Json<Listed<WaitingView>>, Problem> {
    let page = page(asked.limit, asked.cursor.as_deref())?;
    let rows = state.store.waiting(&tenant.id, &page).await?;
    let key = |row: &Waiting| (row.transaction.updated_at, row.transaction.id.to_string());
    Ok(Json(listed(rows, &page, key, view)))
}

fn view(row: Waiting) -> WaitingView {
    let Waiting { transaction, waits, due_at } = row;
    let until = match waits {
        Waits::User => transaction.expires_at.filter(|_| crate::transactions::has_deadline(transaction.state)),
        Waits::Bank => transaction.status_eta,
        Waits::Ended | Waits::Host | Waits::Ledger | Waits::Trustline | Waits::Operator | Waits::Nobody => None,
    };
    WaitingView {
        transaction: transaction.id.to_string(),
        kind: transaction.kind().as_str(),
        status: sep24_status(transaction.state),
        state: transaction.state.as_str(),
        waits_for: waits.as_str(),
        since: iso(transaction.updated_at),
        until: until.map(iso),
        next_look_at: due_at.map(iso),
        message: transaction.message,
    }
}
