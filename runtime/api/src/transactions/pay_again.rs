//! `POST /v1/tenants/{tenant}/transactions/{id}/pay-again` (operator): a person's word that a payout which came back is
//! made again.
//!
//! Takes `reason`. Only a withdrawal in `payout_returned`: 409 `not_returned`. It is `received` then, with a new payout job,
//! for which the active version must export the hook: 409 `hook_missing`. It is another payout, so it has other keys: a rail
//! that remembers the first one does not answer with it. That the money reached the user after all is said with `resolve`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::commit::Write;
use windlass_domain::transaction::Transaction;
use windlass_domain::withdrawal::{self, WithdrawalEvent};

use super::TransactionView;
use super::release::payout;
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
    let event = WithdrawalEvent::PaidAgain;
    let after = withdrawal::step(&before, &event, now).map_err(|_| not_returned(&before))?;
    let job = payout(&state, &tenant, &after).await?;
    let changed = Write::changed(&before, &after, event.name(), &actor, Some(asked.reason.clone()));
    let writes = vec![
        Write::job_work(&job, 0),
        Write::NewJob(Box::new(job)),
        changed,
        state.audit_row(Some(&tenant.id), &actor, "transaction.pay_again", before.id.as_str(), Some(asked.reason)),
    ];
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(TransactionView::new(after, now)))
}

fn not_returned(before: &Transaction) -> Problem {
    let (kind, state) = (before.kind().as_str(), before.state.as_str());
    Problem::conflict("not_returned", format!("{} is a {kind} in {state}: only a withdrawal in payout_returned is paid again", before.id))
}
