//! `POST /v1/tenants/{tenant}/transactions/{id}/resolve` (operator): a person's word about a payout that waits for one
//! (money rule 3).
//!
//! | `outcome` | of | does |
//! | --- | --- | --- |
//! | `paid`, with `external_id`, the rail's id | a withdrawal in `payout_held`, `payout_in_progress`, `ready_for_pickup`, `payout_returned` (it was paid after all), or in `received` with a dead job | completes it |
//! | `not-paid` | a withdrawal in `payout_held` | opens its job again, which makes the payout with the same key as before |
//!
//! Every outcome takes a `reason`. In another state: 409 `not_held`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::commit::Write;
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::ports::store::Page;
use windlass_domain::transaction::State as TransactionState;
use windlass_domain::withdrawal::{self, WithdrawalEvent, WithdrawalState};
use windlass_domain::{TimeMs, TransactionId};

use super::TransactionView;
use super::show::find;
use crate::auth::OperatorOf;
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    outcome: Outcome,
    #[serde(default)]
    external_id: Option<String>,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Paid,
    NotPaid,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    Path((_, id)): Path<(String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<TransactionView>, Problem> {
    let (before, _) = find(&state, &tenant, &id).await?;
    let event = event(&asked)?;
    let now = state.clock.now();
    let after = withdrawal::step(&before, &event, now).map_err(|_| not_held(&before.id, before.state))?;
    let page = Page { after: None, limit: 1 };
    // A payout that is still being made may not be spoken for: its job is open then, and neither of these.
    let is_received = before.state == TransactionState::Withdrawal(WithdrawalState::Received);
    let stopped = if is_received { JobState::Dead } else { JobState::Held };
    let held = state.store.list_jobs(&tenant.id, Some(Hook::ProcessWithdrawal), Some(stopped), Some(&before.id), &page).await?;
    if is_received && held.is_empty() {
        return Err(not_held(&before.id, before.state));
    }
    let changed = Write::changed(&before, &after, event.name(), &actor, Some(asked.reason.clone()));
    let mut writes = vec![
        changed,
        state.audit_row(Some(&tenant.id), &actor, &format!("transaction.{}", event.name()), before.id.as_str(), Some(asked.reason)),
    ];
    match (held.into_iter().next(), asked.outcome) {
        (Some(job), outcome) => writes.extend(settled(job, outcome, now)),
        (None, Outcome::Paid) => {}
        (None, Outcome::NotPaid) => {
            return Err(Problem::conflict(
                "no_held_job",
                format!("{} has no held job that could pay it out: only paid can be said of it", before.id),
            ));
        }
    }
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(TransactionView::new(after, now)))
}

fn event(asked: &Asked) -> Result<WithdrawalEvent, Problem> {
    if asked.reason.trim().is_empty() {
        return Err(Problem::invalid("reason_missing", "reason is empty: write how you know, for whoever reads the history later"));
    }
    match (asked.outcome, &asked.external_id) {
        (Outcome::Paid, Some(external_id)) if external_id.len() > 128 => {
            Err(Problem::invalid("external_id_too_long", "external_id has at most 128 bytes: the rail's id of the payout"))
        }
        (Outcome::Paid, Some(external_id)) if !external_id.trim().is_empty() => {
            Ok(WithdrawalEvent::ResolvedPaid { external_id: external_id.clone() })
        }
        (Outcome::Paid, _) => Err(Problem::invalid("external_id_missing", "paid needs external_id: the rail's id of the payout")),
        (Outcome::NotPaid, None) => Ok(WithdrawalEvent::ResolvedNotPaid),
        (Outcome::NotPaid, Some(_)) => {
            Err(Problem::invalid("external_id_not_taken", "only paid takes an external_id: otherwise nothing was paid"))
        }
    }
}

/// What becomes of the held job. After "not paid", what its runs sent so far proves nothing any more.
fn settled(job: Job, outcome: Outcome, now: TimeMs) -> Vec<Write> {
    let before = job.state;
    let mut after = Job { message: None, updated_at: now, ..job };
    match outcome {
        Outcome::Paid => {
            after.state = JobState::Done;
            vec![Write::Job { before, after: Box::new(after) }]
        }
        Outcome::NotPaid => {
            after.state = JobState::Open;
            after.failures = 0;
            after.settled_runs = after.runs;
            let work = Write::job_work(&after, 0);
            vec![Write::Job { before, after: Box::new(after) }, work]
        }
    }
}

fn not_held(id: &TransactionId, state: TransactionState) -> Problem {
    Problem::conflict(
        "not_held",
        format!(
            "{id} is a {} in {}: a person's word is taken of a payout that is held, under way, or dead",
            state.kind().as_str(),
            state.as_str()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_3_a_persons_word_is_whole() {
        let asked = |outcome, external_id: Option<&str>, reason: &str| Asked {
            outcome,
            external_id: external_id.map(Into::into),
            reason: reason.into(),
        };
        for (asked, outcome) in [
            (asked(Outcome::Paid, Some("b1"), "statement"), "resolved_paid"),
            (asked(Outcome::Paid, None, "statement"), "external_id_missing"),
            (asked(Outcome::Paid, Some(""), "statement"), "external_id_missing"),
            (asked(Outcome::NotPaid, None, "statement"), "resolved_not_paid"),
            (asked(Outcome::NotPaid, Some("b1"), "statement"), "external_id_not_taken"),
            (asked(Outcome::NotPaid, None, " "), "reason_missing"),
        ] {
            let seen = match event(&asked) {
                Ok(event) => event.name(),
                Err(problem) => problem.code,
            };
            assert_eq!(seen, outcome);
        }
    }
}
