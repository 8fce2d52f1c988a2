//! `POST /v1/tenants/{tenant}/transactions/{id}/retry` (operator): a person has mended what stood in a deposit's way, and
//! says that it is planned again.
//!
//! Takes `reason`. A deposit in `ledger_refused` (the history says what to mend), or in `pending_trust` (when the tenant's
//! rules changed: accounts are made now, say): else 409 `not_refused`. It is `ready` then; should nothing have changed, it
//! comes back to where it was. Its payment stays one row, with one live envelope at a time (money rule 1).

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent};
use windlass_domain::transaction::Transaction;

use super::TransactionView;
use super::show::find;
use crate::auth::OperatorOf;
use crate::extract::{JsonBody, reason};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    reason: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    Path((_, id)): Path<(String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<TransactionView>, Problem> {
    let (before, _) = find(&state, &tenant, &id).await?;
    reason(&asked.reason)?;
    let now = state.clock.now();
    let event = DepositEvent::Retry;
    let after = deposit::step(&before, &event, now).map_err(|_| not_refused(&before))?;
    let changed = Write::changed(&before, &after, event.name(), &actor, Some(asked.reason.clone()));
    let writes = vec![
        Write::plan_work(&tenant.id, &after.anchor_account),
        changed,
        state.audit_row(Some(&tenant.id), &actor, "transaction.retry", before.id.as_str(), Some(asked.reason)),
    ];
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(TransactionView::new(after, now)))
}

fn not_refused(before: &Transaction) -> Problem {
    let (kind, state) = (before.kind().as_str(), before.state.as_str());
    Problem::conflict(
        "not_refused",
        format!("{} is a {kind} in {state}: only a deposit in ledger_refused or pending_trust is tried again", before.id),
    )
}
