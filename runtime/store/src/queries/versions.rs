//! Uploaded versions and their components; which one is active.

use std::collections::HashMap;

use serde_json::{Value, json};
use windlass_domain::commit::{WorkKey, WorkKind};
use windlass_domain::job::Job;
use windlass_domain::ports::store::StoreError;
use windlass_domain::rules::AssetRules;
use windlass_domain::tenant::Version;
use windlass_domain::{TenantId, VersionNumber};

use super::fault::Fault;
use super::{Connection, Fields, Row, encode, jobs, query, read, tenants, work, write};

fn from_row(row: &Row) -> Result<Version, StoreError> {
    let fields = Fields::new(row, "versions", &["tenant", "number"]);
    Ok(Version {
        tenant: fields.parsed("tenant")?,
        number: VersionNumber(fields.int("number")?),
        digest: fields.text("digest")?,
        hooks: fields.json("hooks")?,
        manifest: fields.json("manifest")?,
        created_at: fields.int("created_at")?,
    })
}

/// Versions by number.
pub(super) async fn by_numbers(
    connection: &mut Connection,
    numbers: &[(TenantId, VersionNumber)],
) -> Result<HashMap<(TenantId, VersionNumber), Version>, StoreError> {
    let items: Vec<Value> = numbers.iter().map(|(tenant, number)| json!({"tenant": tenant, "number": number})).collect();
    let rows =
        read(connection, "SELECT versions.* FROM {items} JOIN versions ON tenant = {t:tenant} AND number = {n:number}", &items).await?;
    rows.iter().map(|row| from_row(row).map(|one| ((one.tenant.clone(), one.number), one))).collect()
}

/// The active versions of tenants.
pub(super) async fn active(connection: &mut Connection, tenants: &[TenantId]) -> Result<HashMap<TenantId, Version>, StoreError> {
    let items: Vec<Value> = tenants.iter().map(|tenant| json!({"tenant": tenant})).collect();
    let text = "
        SELECT versions.* FROM {items} JOIN tenants ON tenants.id = {t:tenant}
        JOIN versions ON versions.tenant = tenants.id AND versions.number = tenants.active_version";
    read(connection, text, &items).await?.iter().map(|row| from_row(row).map(|one| (one.tenant.clone(), one))).collect()
}

/// Newest first.
pub(super) async fn all(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<Version>, StoreError> {
    let rows = query("SELECT * FROM versions WHERE tenant = $1 ORDER BY number DESC")
        .bind(tenant.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}

/// Numbers of a tenant are given one after the other: its row is locked until the commit.
async fn lock(connection: &mut Connection, tenant: &TenantId) -> Result<(), StoreError> {
    let row = query("SELECT id FROM tenants WHERE id = $1 {lock}").bind(tenant.as_str()).fetch_optional(connection).await;
    row.map_err(Fault::from)?.map(|_| ()).ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))
}

/// In the caller's database transaction.
pub(super) async fn add(connection: &mut Connection, version: &Version, component: &[u8]) -> Result<Version, StoreError> {
    lock(connection, &version.tenant).await?;
    let known = all(connection, &version.tenant).await?;
    if let Some(same) = known.iter().find(|known| known.digest == version.digest && known.manifest == version.manifest) {
        return Ok(same.clone());
    }
    query("INSERT INTO components (tenant, digest, content) VALUES ($1, $2, $3) ON CONFLICT (tenant, digest) DO NOTHING")
        .bind(version.tenant.as_str())
        .bind(version.digest.as_str())
        .bind(component)
        .execute(&mut *connection)
        .await
        .map_err(Fault::from)?;
    let number = known.first().map_or(0, |newest| newest.number.0).checked_add(1);
    let number = VersionNumber(number.ok_or_else(|| StoreError::Inconsistent("versions, column number: no number is left".to_owned()))?);
    let numbered = Version { number, ..version.clone() };
    let item = json!({
        "tenant": numbered.tenant,
        "number": number,
        "digest": numbered.digest,
        "hooks": json!(numbered.hooks).to_string(),
        "manifest": json!(numbered.manifest).to_string(),
        "created_at": numbered.created_at,
    });
    query(
        "INSERT INTO versions (tenant, number, digest, hooks, manifest, created_at)
         SELECT {t:tenant}, {n:number}, {t:digest}, {t:hooks}, {t:manifest}, {n:created_at} FROM {items}",
    )
    .bind(encode(&[item])?)
    .execute(connection)
    .await
    .map_err(Fault::from)?;
    Ok(numbered)
}

/// Is every enabled direction's hook exported?
fn exported<'a>(assets: impl Iterator<Item = &'a AssetRules>, version: Option<&Version>) -> Result<(), StoreError> {
    let hooks = version.map_or(&[][..], |version| version.hooks.as_slice());
    let missing: Vec<String> = assets.flat_map(|rules| rules.missing_hooks(hooks)).collect();
    if missing.is_empty() { Ok(()) } else { Err(StoreError::HookMissing(missing)) }
}

/// In the caller's database transaction: an asset's rules. The tenant's row is locked as it is by [`activate`], so that
/// neither overlooks what the other does.
pub(super) async fn put_asset(connection: &mut Connection, tenant: &TenantId, rules: &AssetRules) -> Result<(), StoreError> {
    lock(connection, tenant).await?;
    let version = active(connection, std::slice::from_ref(tenant)).await?.remove(tenant);
    exported(std::iter::once(rules), version.as_ref())?;
    let text = "
        INSERT INTO assets (tenant, asset, rules) SELECT {t:tenant}, {t:asset}, {t:rules} FROM {items} WHERE true
        ON CONFLICT (tenant, asset) DO UPDATE SET rules = excluded.rules";
    tenants::put(connection, text, json!({"tenant": tenant, "asset": rules.asset, "rules": json!(rules).to_string()})).await
}

/// In the caller's database transaction: the active version, and the polls that are not there yet; all due now.
pub(super) async fn activate(
    connection: &mut Connection,
    tenant: &TenantId,
    number: VersionNumber,
    polls: &[Job],
) -> Result<(), StoreError> {
    lock(connection, tenant).await?;
    let key = (tenant.clone(), number);
    let Some(version) = by_numbers(connection, std::slice::from_ref(&key)).await?.remove(&key) else {
        return Err(StoreError::NotFound(format!("version {number} of tenant {tenant}")));
    };
    let assets = tenants::assets_of(connection, std::slice::from_ref(tenant)).await?.remove(tenant).unwrap_or_default();
    exported(assets.iter(), Some(&version))?;
    query("UPDATE tenants SET active_version = $2 WHERE id = $1")
        .bind(tenant.as_str())
        .bind(number.0)
        .execute(&mut *connection)
        .await
        .map_err(Fault::from)?;
    for poll in polls {
        // One that is there already is woken: it may have been put off by the version before.
        let open = query("SELECT id FROM jobs WHERE tenant = $1 AND hook = $2 AND state = 'open' AND transaction_id IS NULL")
            .bind(tenant.as_str())
            .bind(poll.hook.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(Fault::from)?;
        let subject = match open {
            Some(row) => Fields::new(&row, "jobs", &[]).text("id")?,
            None => {
                write(connection, jobs::INSERT, &[jobs::row(poll)]).await?;
                poll.id.to_string()
            }
        };
        let key = WorkKey { tenant: Some(tenant.clone()), kind: WorkKind::Job, subject };
        write(connection, work::WAKE, &[work::wake_row(&key, 0)]).await?;
    }
    Ok(())
}

/// A component's bytes.
pub(super) async fn component(connection: &mut Connection, tenant: &TenantId, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
    use sqlx::Row as _;
    let row = query("SELECT content FROM components WHERE tenant = $1 AND digest = $2")
        .bind(tenant.as_str())
        .bind(digest)
        .fetch_optional(connection)
        .await
        .map_err(Fault::from)?;
    let Some(row) = row else { return Ok(None) };
    row.try_get("content").map(Some).map_err(|error| Fields::new(&row, "components", &[]).wrong("content", &error.to_string()))
}
