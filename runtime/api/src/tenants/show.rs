//! `GET /v1/tenants/{tenant}`: one tenant, and how its polls go: those that fail first, with the reason and since when.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use windlass_domain::TimeMs;
use windlass_domain::job::{Hook, Job, JobState, Run};
use windlass_domain::ports::store::Page;

use super::TenantView;
use crate::auth::Member;
use crate::time::iso;
use crate::{ApiState, Problem};

#[derive(Serialize)]
pub(crate) struct Answer {
    polls: Vec<PollView>,
    #[serde(flatten)]
    tenant: TenantView,
}

#[derive(Serialize)]
struct PollView {
    /// Why the newest run failed; none where it went well.
    message: Option<String>,
    /// When the first of the runs began that have failed in a row since.
    failing_since: Option<String>,
    failures: i64,
    hook: &'static str,
    job: String,
    updated_at: String,
}

pub(crate) async fn handle(State(state): State<ApiState>, Member { tenant, .. }: Member) -> Result<Json<Answer>, Problem> {
    let page = Page { after: None, limit: 1 };
    let mut polls = Vec::new();
    for hook in [Hook::PollPendingDeposits, Hook::PollPendingPayouts] {
        let open = state.store.list_jobs(&tenant.id, Some(hook), Some(JobState::Open), None, &page).await?;
        for job in open {
            let runs = match job.failures {
                0 => Vec::new(),
                _ => state.store.show_job(&tenant.id, &job.id).await?.map(|(_, runs, _)| runs).unwrap_or_default(),
            };
            polls.push(view(job, &runs));
        }
    }
    polls.sort_by_key(|poll| poll.failures == 0);
    Ok(Json(Answer { polls, tenant: tenant.into() }))
}

fn view(job: Job, runs: &[Run]) -> PollView {
    PollView {
        failing_since: failing_since(&job, runs).map(iso),
        message: job.message,
        failures: job.failures,
        hook: job.hook.as_str(),
        job: job.id.to_string(),
        updated_at: iso(job.updated_at),
    }
}

/// The last so many runs failed: when the first of them began.
fn failing_since(job: &Job, runs: &[Run]) -> Option<TimeMs> {
    let first = job.runs.saturating_sub(job.failures);
    runs.iter().filter(|run| job.failures > 0 && run.ordinal > first).map(|run| run.started_at).min()
}
