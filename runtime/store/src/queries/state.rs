//! The integration's key-value store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use windlass_domain::TenantId;
use windlass_domain::ports::store::StoreError;

use super::fault::Fault;
use super::{Connection, Fields, encode, query};

pub(super) const PUT: &str = "
    INSERT INTO state (tenant, name, content) SELECT {t:tenant}, {t:name}, {t:content} FROM {items} WHERE true
    ON CONFLICT (tenant, name) DO UPDATE SET content = excluded.content";

pub(super) const DELETE: &str = "
    DELETE FROM state WHERE (tenant, name) IN (SELECT {t:tenant}, {t:name} FROM {items})";

/// Commits that read or write a tenant's keys go one after the other: what was read is still so when they commit.
const LOCK_TENANTS: &str = "SELECT id FROM tenants WHERE id IN (SELECT {t:tenant} FROM {items}) ORDER BY id {lock}";

const UNCHANGED: &str = "
    SELECT COUNT(*) AS kept FROM {items} WHERE CASE WHEN {t:content} IS NULL
        THEN NOT EXISTS (SELECT 1 FROM state WHERE state.tenant = {t:tenant} AND state.name = {t:name})
        ELSE EXISTS (SELECT 1 FROM state WHERE state.tenant = {t:tenant} AND state.name = {t:name} AND state.content = {t:content})
        END";

/// Locks the tenants of all the keys, and checks that those which were read have not changed.
pub(super) async fn check(connection: &mut Connection, written: &[Value], unchanged: &[Value]) -> Result<(), Fault> {
    let both: Vec<Value> = written.iter().chain(unchanged).cloned().collect();
    if both.is_empty() {
        return Ok(());
    }
    query(LOCK_TENANTS).bind(encode(&both)?).fetch_all(&mut *connection).await?;
    let row = query(UNCHANGED).bind(encode(unchanged)?).fetch_one(connection).await?;
    let kept = Fields::new(&row, "state", &[]).int("kept").unwrap_or(-1);
    if usize::try_from(kept) == Ok(unchanged.len()) { Ok(()) } else { Err(Fault::stale("a key of state that the run has read")) }
}

pub(super) fn row(tenant: &TenantId, name: &str, value: Option<&[u8]>) -> Value {
    json!({"tenant": tenant, "name": name, "content": value.map(|bytes| STANDARD.encode(bytes))})
}

pub(super) async fn get(connection: &mut Connection, tenant: &TenantId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if name.contains('\0') {
        return Ok(None);
    }
    let row = query("SELECT * FROM state WHERE tenant = $1 AND name = $2")
        .bind(tenant.as_str())
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(Fault::from)?;
    let Some(row) = row else { return Ok(None) };
    let fields = Fields::new(&row, "state", &["tenant", "name"]);
    STANDARD.decode(fields.text("content")?).map(Some).map_err(|error| fields.wrong("content", &error.to_string()))
}

/// In byte order.
pub(super) async fn keys(
    connection: &mut Connection,
    tenant: &TenantId,
    prefix: &str,
    after: Option<&str>,
    max: u32,
) -> Result<Vec<String>, StoreError> {
    if prefix.contains('\0') {
        return Ok(vec![]);
    }
    let rows = query(
        "SELECT name FROM state WHERE tenant = $1 AND name >= $2 AND substr(name, 1, length($2)) = $2
            AND (CAST($3 AS TEXT) IS NULL OR name > $3)
         ORDER BY name LIMIT $4",
    )
    .bind(tenant.as_str())
    .bind(prefix)
    .bind(after.map(|after| after.replace('\0', "")))
    .bind(i64::from(max))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(|row| Fields::new(row, "state", &["name"]).text("name")).collect()
}

pub(super) async fn count(connection: &mut Connection, tenant: &TenantId) -> Result<u64, StoreError> {
    let row = query("SELECT COUNT(*) AS keys FROM state WHERE tenant = $1")
        .bind(tenant.as_str())
        .fetch_one(connection)
        .await
        .map_err(Fault::from)?;
    Fields::new(&row, "state", &[]).small("keys")
}
