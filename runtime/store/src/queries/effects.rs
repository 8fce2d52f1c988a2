//! Effects: intents and answers (money rule 3).

use std::collections::HashMap;

use serde_json::{Value, json};
use windlass_domain::commit::{Fence, Lease, Next};
use windlass_domain::effect::{EffectAnswer, EffectRecord};
use windlass_domain::ports::store::StoreError;
use windlass_domain::{JobId, TenantId};

use super::fault::Fault;
use super::{Connection, Fields, Row, encode, query, read, work};

/// Checks the lease and writes the intent, in the caller's database transaction.
pub(super) async fn intend(connection: &mut Connection, lease: &Lease, effect: &EffectRecord) -> Result<(), Fault> {
    let fence = Fence { lease: lease.clone(), next: Next::Keep, observation: false };
    work::fence(connection, &[work::fence_row(&fence)], &[]).await?;
    let (answer, status, detail) = columns(effect.answer.as_ref());
    let item = json!({
        "tenant": effect.tenant,
        "job_id": effect.job,
        "run": effect.run,
        "name": effect.name,
        "idempotency_key": effect.key,
        "request_digest": effect.request_digest,
        "intended_at": effect.intended_at,
        "answer": answer,
        "http_status": status,
        "detail": detail,
    });
    query(
        "INSERT INTO effects (tenant, job_id, run, name, idempotency_key, request_digest, intended_at, answer, http_status, detail)
         SELECT {t:tenant}, {t:job_id}, {n:run}, {t:name}, {t:idempotency_key}, {t:request_digest}, {n:intended_at},
            {t:answer}, {n:http_status}, {t:detail} FROM {items}",
    )
    .bind(encode(&[item])?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes the answer once. The same again changes nothing; another one is refused.
pub(super) async fn answered(
    connection: &mut Connection,
    tenant: &TenantId,
    job: &JobId,
    run: i64,
    name: &str,
    given: &EffectAnswer,
) -> Result<(), Fault> {
    let (answer, status, detail) = columns(Some(given));
    let item =
        json!({"tenant": tenant, "job_id": job, "run": run, "name": name, "answer": answer, "http_status": status, "detail": detail});
    let changed = query(
        "UPDATE effects SET answer = {t:answer}, http_status = {n:http_status}, detail = {t:detail} FROM {items}
         WHERE effects.tenant = {t:tenant} AND effects.job_id = {t:job_id} AND effects.run = {n:run}
            AND effects.name = {t:name} AND effects.answer IS NULL",
    )
    .bind(encode(&[item])?)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if changed == 1 {
        return Ok(());
    }
    let row = query("SELECT * FROM effects WHERE tenant = $1 AND job_id = $2 AND run = $3 AND name = $4")
        .bind(tenant.as_str())
        .bind(job.as_str())
        .bind(run)
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let stored = row.as_ref().map(from_row).transpose().map_err(|error| Fault::conflict("effects_answer", error.to_string()))?;
    match stored {
        Some(effect) if effect.answer.as_ref() == Some(given) => Ok(()),
        Some(_) => Err(Fault::conflict("effects_answer", format!("effect {name} of run {run} of {job} has another answer already"))),
        None => Err(Fault::stale(format!("effect {name} of run {run} of {job}"))),
    }
}

/// The three columns of an answer.
fn columns(answer: Option<&EffectAnswer>) -> (Option<&'static str>, Option<u16>, Option<&str>) {
    match answer {
        None => (None, None, None),
        Some(EffectAnswer::Complete { status, sealed_response }) => (Some("complete"), Some(*status), Some(sealed_response)),
        Some(EffectAnswer::NotSent(why)) => (Some("not-sent"), None, Some(why)),
        Some(EffectAnswer::NoAnswer(why)) => (Some("no-answer"), None, Some(why)),
    }
}

fn from_row(row: &Row) -> Result<EffectRecord, StoreError> {
    let fields = Fields::new(row, "effects", &["tenant", "job_id", "run", "name"]);
    let answer = match (fields.text_or_none("answer")?.as_deref(), fields.small_or_none("http_status")?, fields.text_or_none("detail")?) {
        (None, None, None) => None,
        (Some("complete"), Some(status), Some(sealed_response)) => Some(EffectAnswer::Complete { status, sealed_response }),
        (Some("not-sent"), None, Some(why)) => Some(EffectAnswer::NotSent(why)),
        (Some("no-answer"), None, Some(why)) => Some(EffectAnswer::NoAnswer(why)),
        (answer, ..) => return Err(fields.wrong("answer", &format!("{answer:?} does not fit http_status and detail"))),
    };
    Ok(EffectRecord {
        tenant: fields.parsed("tenant")?,
        job: fields.parsed("job_id")?,
        run: fields.int("run")?,
        name: fields.text("name")?,
        key: fields.text("idempotency_key")?,
        request_digest: fields.text("request_digest")?,
        intended_at: fields.int("intended_at")?,
        answer,
    })
}

/// The effects of jobs' runs after an ordinal, by run and time.
pub(super) async fn of_jobs(
    connection: &mut Connection,
    jobs: &[(TenantId, JobId, i64)],
) -> Result<HashMap<(TenantId, JobId), Vec<EffectRecord>>, StoreError> {
    let items: Vec<Value> = jobs.iter().map(|(tenant, job, after)| json!({"tenant": tenant, "job_id": job, "after": after})).collect();
    let rows = read(
        connection,
        "SELECT effects.* FROM {items} JOIN effects ON tenant = {t:tenant} AND job_id = {t:job_id} AND run > {n:after}
         ORDER BY run, intended_at, name",
        &items,
    )
    .await?;
    let mut found: HashMap<(TenantId, JobId), Vec<EffectRecord>> = HashMap::new();
    for row in &rows {
        let effect = from_row(row)?;
        found.entry((effect.tenant.clone(), effect.job.clone())).or_default().push(effect);
    }
    Ok(found)
}
