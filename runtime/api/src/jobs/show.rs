//! `GET /v1/tenants/{tenant}/jobs/{id}`: one job with its runs and receipts, its effects and its log. Bodies of answers
//! are not shown: they may hold payers' data.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use windlass_domain::JobId;
use windlass_domain::effect::{EffectAnswer, EffectRecord};
use windlass_domain::job::{Job, LogLevel, LogLine, Receipt, Run};
use windlass_domain::tenant::Tenant;

use super::JobView;
use crate::auth::Member;
use crate::time::iso;
use crate::{ApiState, Problem};

#[derive(Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    job: JobView,
    runs: Vec<RunView>,
    effects: Vec<EffectView>,
    log: Vec<LogView>,
}

#[derive(Serialize)]
struct RunView {
    ordinal: i64,
    /// The job's, or `payout-status`.
    hook: &'static str,
    version: i64,
    started_at: String,
    ended_at: Option<String>,
    /// How it ended; none while it runs, or when it was cut off.
    end: Option<&'static str>,
    message: Option<String>,
    receipt: Option<Receipt>,
}

#[derive(Serialize)]
struct EffectView {
    run: i64,
    name: String,
    key: String,
    intended_at: String,
    /// `answered`, `not-sent`, `no-answer`, or `open`.
    outcome: &'static str,
    status: Option<u16>,
    detail: Option<String>,
}

#[derive(Serialize)]
struct LogView {
    run: i64,
    level: LogLevel,
    at: String,
    message: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Answer>, Problem> {
    let (job, runs, effects) = find(&state, &tenant, &id).await?;
    let log = state.store.job_log(&tenant.id, &job.id).await?;
    Ok(Json(Answer {
        job: job.into(),
        runs: runs.into_iter().map(run_view).collect(),
        effects: effects.into_iter().map(effect_view).collect(),
        log: log.into_iter().map(log_view).collect(),
    }))
}

/// The tenant's own job of that id, or 404 `no_such_job`.
pub(super) async fn find(state: &ApiState, tenant: &Tenant, id: &str) -> Result<(Job, Vec<Run>, Vec<EffectRecord>), Problem> {
    let missing = || Problem::not_found("no_such_job", format!("tenant {} has no job {id:?}", tenant.id));
    let wanted = JobId::new(id).map_err(|_| missing())?;
    state.store.show_job(&tenant.id, &wanted).await?.ok_or_else(missing)
}

fn run_view(run: Run) -> RunView {
    RunView {
        ordinal: run.ordinal,
        hook: run.hook.as_str(),
        version: run.version.0,
        started_at: iso(run.started_at),
        ended_at: run.ended_at.map(iso),
        end: run.end.as_ref().map(|end| end.code()),
        message: run.end.as_ref().map(|end| end.message()),
        receipt: run.receipt,
    }
}

fn effect_view(effect: EffectRecord) -> EffectView {
    let (outcome, status, detail) = match effect.answer {
        None => ("open", None, None),
        Some(EffectAnswer::Complete { status, .. }) => ("answered", Some(status), None),
        Some(EffectAnswer::NotSent(reason)) => ("not-sent", None, Some(reason)),
        Some(EffectAnswer::NoAnswer(reason)) => ("no-answer", None, Some(reason)),
    };
    EffectView { run: effect.run, name: effect.name, key: effect.key, intended_at: iso(effect.intended_at), outcome, status, detail }
}

fn log_view((run, line): (i64, LogLine)) -> LogView {
    LogView { run, level: line.level, at: iso(line.at), message: line.message }
}
