//! Jobs, their runs and what those logged.

use std::collections::HashMap;

use serde_json::{Value, json};
use windlass_domain::job::{Hook, Job, JobState, LogLine, Receipt, Run, RunEnd};
use windlass_domain::ports::store::{Page, StoreError};
use windlass_domain::{JobId, TenantId, TimeMs, TransactionId, VersionNumber};

use super::fault::Fault;
use super::{Connection, Fields, Row, query, read};

pub(super) const INSERT: &str = "
    INSERT INTO jobs (tenant, id, hook, transaction_id, version, state, runs, failures, idle_polls, settled_runs, message, seed,
        created_at, updated_at)
    SELECT {t:tenant}, {t:id}, {t:hook}, {t:transaction_id}, {n:version}, {t:state}, {n:runs}, {n:failures},
        {n:idle_polls}, {n:settled_runs}, {t:message}, {t:seed}, {n:created_at}, {n:updated_at}
    FROM {items}";

/// Only where its state is still the one that was read.
pub(super) const UPDATE: &str = "
    UPDATE jobs SET hook = {t:hook}, transaction_id = {t:transaction_id}, version = {n:version}, state = {t:state},
        runs = {n:runs}, failures = {n:failures}, idle_polls = {n:idle_polls}, settled_runs = {n:settled_runs}, message = {t:message}, seed = {t:seed},
        created_at = {n:created_at}, updated_at = {n:updated_at}
    FROM {items} WHERE tenant = {t:tenant} AND id = {t:id} AND state = {t:from_state}";

/// A run's row, or that of a poll again that found nothing or was overtaken: never one that has effects, nor one that
/// ended otherwise.
pub(super) const START_RUN: &str = "
    INSERT INTO runs (tenant, job_id, ordinal, hook, version, started_at)
    SELECT {t:tenant}, {t:job_id}, {n:ordinal}, {t:hook}, {n:version}, {n:started_at} FROM {items} WHERE true
    ON CONFLICT (tenant, job_id, ordinal) DO UPDATE SET hook = excluded.hook, version = excluded.version, started_at = excluded.started_at,
        ended_at = NULL, end_code = NULL, end_detail = NULL, receipt = NULL
    WHERE NOT EXISTS (SELECT 1 FROM effects WHERE effects.tenant = runs.tenant AND effects.job_id = runs.job_id
            AND effects.run = runs.ordinal)
        AND (runs.end_code IS NULL OR (runs.end_code IN ('returned', 'cancelled') AND EXISTS (
            SELECT 1 FROM jobs WHERE jobs.tenant = runs.tenant AND jobs.id = runs.job_id
                AND jobs.hook IN ('poll-pending-deposits', 'poll-pending-payouts'))))";

/// Only where it has not ended yet.
pub(super) const END_RUN: &str = "
    UPDATE runs SET ended_at = {n:ended_at}, end_code = {t:end_code}, end_detail = {t:end_detail}, receipt = {t:receipt}
    FROM {items} WHERE tenant = {t:tenant} AND job_id = {t:job_id} AND ordinal = {n:ordinal} AND ended_at IS NULL";

pub(super) const DELETE_LOG: &str = "
    DELETE FROM run_logs WHERE (tenant, job_id, run) IN (SELECT {t:tenant}, {t:job_id}, {n:ordinal} FROM {items})";

pub(super) const INSERT_LOG: &str = "
    INSERT INTO run_logs (tenant, job_id, run, line, level, logged_at, message)
    SELECT {t:tenant}, {t:job_id}, {n:run}, {n:line}, {t:level}, {n:logged_at}, {t:message} FROM {items}";

pub(super) fn row(job: &Job) -> Value {
    json!({
        "tenant": job.tenant.as_str(),
        "id": job.id.as_str(),
        "hook": job.hook.as_str(),
        "transaction_id": job.transaction.as_ref().map(TransactionId::as_str),
        "version": job.version.0,
        "state": job.state.as_str(),
        "runs": job.runs,
        "failures": job.failures,
        "idle_polls": job.idle_polls,
        "settled_runs": job.settled_runs,
        "message": job.message,
        "seed": job.seed,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    })
}

pub(super) fn changed_row(before: JobState, after: &Job) -> Value {
    let mut row = row(after);
    row["from_state"] = json!(before.as_str());
    row
}

pub(super) fn start_row(tenant: &TenantId, job: &JobId, ordinal: i64, hook: Hook, version: VersionNumber, at: TimeMs) -> Value {
    json!({"tenant": tenant, "job_id": job, "ordinal": ordinal, "hook": hook.as_str(), "version": version.0, "started_at": at})
}

pub(super) fn end_row(tenant: &TenantId, job: &JobId, ordinal: i64, end: &RunEnd, receipt: &Receipt, at: TimeMs) -> Value {
    json!({
        "tenant": tenant,
        "job_id": job,
        "ordinal": ordinal,
        "ended_at": at,
        "end_code": end.code(),
        "end_detail": json!(end).to_string(),
        "receipt": json!(receipt).to_string(),
    })
}

pub(super) fn log_rows(tenant: &TenantId, job: &JobId, ordinal: i64, log: &[LogLine]) -> Vec<Value> {
    let line = |(number, line): (usize, &LogLine)| {
        json!({
            "tenant": tenant,
            "job_id": job,
            "run": ordinal,
            "line": number,
            "level": line.level,
            "logged_at": line.at,
            // A guest may log what it likes; U+0000 cannot be stored.
            "message": line.message.replace('\0', "\u{fffd}"),
        })
    };
    log.iter().enumerate().map(line).collect()
}

fn from_row(row: &Row) -> Result<Job, StoreError> {
    let fields = Fields::new(row, "jobs", &["tenant", "id"]);
    Ok(Job {
        tenant: fields.parsed("tenant")?,
        id: fields.parsed("id")?,
        hook: fields.named("hook", Hook::from_name)?,
        transaction: fields.parsed_or_none("transaction_id")?,
        version: VersionNumber(fields.int("version")?),
        state: fields.named("state", JobState::from_name)?,
        runs: fields.int("runs")?,
        failures: fields.int("failures")?,
        idle_polls: fields.int("idle_polls")?,
        settled_runs: fields.int("settled_runs")?,
        message: fields.text_or_none("message")?,
        seed: fields.text("seed")?,
        created_at: fields.int("created_at")?,
        updated_at: fields.int("updated_at")?,
    })
}

fn run_from_row(row: &Row) -> Result<Run, StoreError> {
    let fields = Fields::new(row, "runs", &["tenant", "job_id", "ordinal"]);
    let end: Option<RunEnd> = fields.json_or_none("end_detail")?;
    if end.as_ref().map(RunEnd::code) != fields.text_or_none("end_code")?.as_deref() {
        return Err(fields.wrong("end_code", "is not that of end_detail"));
    }
    Ok(Run {
        tenant: fields.parsed("tenant")?,
        job: fields.parsed("job_id")?,
        ordinal: fields.int("ordinal")?,
        hook: fields.named("hook", Hook::from_name)?,
        version: VersionNumber(fields.int("version")?),
        started_at: fields.int("started_at")?,
        ended_at: fields.int_or_none("ended_at")?,
        end,
        receipt: fields.json_or_none("receipt")?,
    })
}

/// Jobs by id.
pub(super) async fn by_ids(connection: &mut Connection, ids: &[(TenantId, JobId)]) -> Result<HashMap<(TenantId, JobId), Job>, StoreError> {
    let items: Vec<Value> = ids.iter().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows = read(connection, "SELECT jobs.* FROM {items} JOIN jobs ON tenant = {t:tenant} AND id = {t:id}", &items).await?;
    rows.iter().map(|row| from_row(row).map(|job| ((job.tenant.clone(), job.id.clone()), job))).collect()
}

/// The newest run of each job.
pub(super) async fn newest_runs(
    connection: &mut Connection,
    ids: &[(TenantId, JobId)],
) -> Result<HashMap<(TenantId, JobId), Run>, StoreError> {
    let items: Vec<Value> = ids.iter().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows = read(
        connection,
        "SELECT runs.* FROM {items} JOIN runs ON tenant = {t:tenant} AND job_id = {t:id}
         WHERE NOT EXISTS (SELECT 1 FROM runs AS newer WHERE newer.tenant = runs.tenant AND newer.job_id = runs.job_id
            AND newer.ordinal > runs.ordinal)",
        &items,
    )
    .await?;
    rows.iter().map(|row| run_from_row(row).map(|run| ((run.tenant.clone(), run.job.clone()), run))).collect()
}

/// Every run of a job, oldest first.
pub(super) async fn runs(connection: &mut Connection, tenant: &TenantId, id: &JobId) -> Result<Vec<Run>, StoreError> {
    let rows = query("SELECT * FROM runs WHERE tenant = $1 AND job_id = $2 ORDER BY ordinal")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    rows.iter().map(run_from_row).collect()
}

/// What a job's runs logged.
pub(super) async fn log(connection: &mut Connection, tenant: &TenantId, id: &JobId) -> Result<Vec<(i64, LogLine)>, StoreError> {
    let rows = query("SELECT * FROM run_logs WHERE tenant = $1 AND job_id = $2 ORDER BY run, line")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    let line = |row| {
        let fields = Fields::new(row, "run_logs", &["tenant", "job_id", "run", "line"]);
        let level = fields.named("level", |name| serde_json::from_value(Value::String(name.to_owned())).ok())?;
        Ok((fields.int("run")?, LogLine { level, at: fields.int("logged_at")?, message: fields.text("message")? }))
    };
    rows.iter().map(line).collect()
}

/// Newest first.
pub(super) async fn list(
    connection: &mut Connection,
    tenant: &TenantId,
    hook: Option<Hook>,
    state: Option<JobState>,
    transaction: Option<&TransactionId>,
    page: &Page,
) -> Result<Vec<Job>, StoreError> {
    let (before_time, before_id) = page.after.as_ref().map_or((i64::MAX, ""), |(time, id)| (*time, id.as_str()));
    let rows = query(
        "SELECT * FROM jobs WHERE tenant = $1 AND (created_at, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR hook = $4)
            AND (CAST($5 AS TEXT) IS NULL OR state = $5) AND (CAST($6 AS TEXT) IS NULL OR transaction_id = $6)
         ORDER BY created_at DESC, id DESC LIMIT $7",
    )
    .bind(tenant.as_str())
    .bind(before_time)
    .bind(before_id)
    .bind(hook.map(Hook::as_str))
    .bind(state.map(JobState::as_str))
    .bind(transaction.map(TransactionId::as_str))
    .bind(i64::from(page.limit))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}
