//! The queue: claims, fences, wake-ups. Time is the database's (money rule 7).

use serde_json::{Value, json};
use windlass_domain::TenantId;
use windlass_domain::commit::{CommitError, Fence, Lease, Next, WorkKey, WorkKind};
use windlass_domain::ports::store::StoreError;

use super::fault::Fault;
use super::{Connection, Fields, query, write, write_exactly};

/// Nothing is put off for longer than ten years: keeps sums of times in range.
const LONGEST_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// Due, free or expired; at most `$2` of one tenant, those that it holds already counted, oldest first, `$3` in all.
const CLAIM: &str = "
    WITH held AS (
        SELECT tenant, COUNT(*) AS live FROM work WHERE kind = $1 AND lease_until > {now} GROUP BY tenant
    ), due AS (
        SELECT tenant, subject, due_at, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY due_at, subject) AS place
        FROM work WHERE kind = $1 AND due_at <= {now} AND (lease_until IS NULL OR lease_until <= {now})
    ), chosen AS (
        SELECT work.tenant, work.subject FROM due
        JOIN work ON work.tenant = due.tenant AND work.kind = $1 AND work.subject = due.subject
        LEFT JOIN held ON held.tenant = due.tenant
        WHERE due.place + COALESCE(held.live, 0) <= $2 AND work.due_at <= {now} AND (work.lease_until IS NULL OR work.lease_until <= {now})
        ORDER BY work.due_at, work.tenant, work.subject LIMIT $3 {lock_work}
    )
    UPDATE work SET lease_token = lease_token + 1, leased_at = {now}, lease_until = {now} + $4,
        woken = CASE WHEN woken > {now} THEN woken END
    FROM chosen WHERE work.tenant = chosen.tenant AND work.kind = $1 AND work.subject = chosen.subject
    RETURNING work.tenant, work.subject, work.due_at, work.lease_token";

/// One statement touches every row of a fence, so that each is locked and none can be woken unseen before the commit:
/// kept rows stay as they are, rows that are due again are released, and so are done ones that were woken meanwhile.
const FENCE: &str = "
    UPDATE work SET
        due_at = CASE
            WHEN {t:next} = 'keep' OR ({t:next} = 'done' AND woken IS NULL) THEN due_at
            WHEN {t:next} = 'done' OR woken < {now} + {n:after_ms} THEN woken
            ELSE {now} + {n:after_ms} END,
        leased_at = CASE WHEN {t:next} = 'keep' OR ({t:next} = 'done' AND woken IS NULL) THEN leased_at END,
        lease_until = CASE WHEN {t:next} = 'keep' OR ({t:next} = 'done' AND woken IS NULL) THEN lease_until END,
        woken = CASE WHEN {t:next} = 'keep' THEN woken END
    FROM {items}
    WHERE tenant = {t:tenant} AND kind = {t:kind} AND subject = {t:subject} AND lease_token = {n:token}
        AND lease_until IS NOT NULL";

/// Done, and not released by [`FENCE`]: not woken.
const DELETE_DONE: &str = "
    DELETE FROM work WHERE lease_until IS NOT NULL AND (tenant, kind, subject, lease_token) IN (
        SELECT {t:tenant}, {t:kind}, {t:subject}, {n:token} FROM {items})";

/// A token never comes again, even when a row is made anew: it begins at the clock's microseconds.
pub(super) const WAKE: &str = "
    INSERT INTO work (tenant, kind, subject, due_at, lease_token)
    SELECT {t:tenant}, {t:kind}, {t:subject}, {now} + {n:after_ms}, {now} * 1000 FROM {items} WHERE true
    ON CONFLICT (tenant, kind, subject) DO UPDATE SET
        due_at = CASE WHEN work.lease_until IS NULL AND excluded.due_at < work.due_at THEN excluded.due_at ELSE work.due_at END,
        woken = CASE WHEN work.lease_until IS NULL THEN NULL
            WHEN work.woken < excluded.due_at THEN work.woken ELSE excluded.due_at END";

pub(super) async fn claim(
    connection: &mut Connection,
    kind: WorkKind,
    limit: u32,
    per_tenant: u32,
    lease_ms: u64,
) -> Result<Vec<Lease>, StoreError> {
    let rows = query(CLAIM)
        .bind(kind.as_str())
        .bind(i64::from(per_tenant))
        .bind(i64::from(limit))
        .bind(clamp(lease_ms))
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let fields = Fields::new(row, "work", &["tenant", "subject"]);
        let tenant = match fields.text("tenant")?.as_str() {
            "" => None,
            _ => Some(fields.parsed::<TenantId>("tenant")?),
        };
        let work = WorkKey { tenant, kind, subject: fields.text("subject")? };
        claimed.push((fields.int("due_at")?, Lease { work, token: fields.int("lease_token")? }));
    }
    claimed.sort_by(|(a_due, a), (b_due, b)| (a_due, &a.work).cmp(&(b_due, &b.work)));
    Ok(claimed.into_iter().map(|(_, lease)| lease).collect())
}

pub(super) async fn next_due_ms(connection: &mut Connection, kind: WorkKind) -> Result<Option<u64>, StoreError> {
    let row = query(
        "SELECT CAST(MIN(at) - {now} AS BIGINT) AS ms FROM (
            SELECT MIN(due_at) AS at FROM work WHERE kind = $1 AND lease_until IS NULL
            UNION ALL
            SELECT MIN(lease_until) AS at FROM work WHERE kind = $1 AND lease_until IS NOT NULL) AS times",
    )
    .bind(kind.as_str())
    .fetch_one(connection)
    .await
    .map_err(Fault::from)?;
    let ms = Fields::new(&row, "work", &[]).int_or_none("ms")?;
    Ok(ms.map(|ms| u64::try_from(ms).unwrap_or(0)))
}

/// Checks and moves the leased rows: every deciding one must still be leased under its token.
pub(super) async fn fence(connection: &mut Connection, deciding: &[Value], observing: &[Value]) -> Result<(), Fault> {
    write_exactly(connection, FENCE, deciding, || Fault::Commit(CommitError::LeaseLost)).await?;
    write(connection, FENCE, observing).await?;
    for fences in [deciding, observing] {
        let done: Vec<Value> = fences.iter().filter(|fence| fence["next"] == "done").cloned().collect();
        write(connection, DELETE_DONE, &done).await?;
    }
    Ok(())
}

pub(super) fn fence_row(fence: &Fence) -> Value {
    let (next, after_ms) = match fence.next {
        Next::Done => ("done", 0),
        Next::After(ms) => ("after", ms),
        Next::Keep => ("keep", 0),
    };
    let mut row = wake_row(&fence.lease.work, after_ms);
    row["next"] = json!(next);
    row["token"] = json!(fence.lease.token);
    row
}

pub(super) fn wake_row(key: &WorkKey, after_ms: u64) -> Value {
    json!({
        "tenant": key.tenant.as_ref().map_or("", TenantId::as_str),
        "kind": key.kind.as_str(),
        "subject": key.subject,
        "after_ms": clamp(after_ms),
    })
}

fn clamp(ms: u64) -> i64 {
    i64::try_from(ms.min(LONGEST_MS)).unwrap_or(i64::MAX)
}
