//! Tenants and what they have set up: assets, accounts, secrets, settings, limits, tokens.

use std::collections::HashMap;

use serde_json::{Value, json};
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::store::{Scope, StoreError};
use windlass_domain::rules::AssetRules;
use windlass_domain::tenant::{AccountRole, StellarAccount, Tenant};
use windlass_domain::{TenantId, TimeMs, VersionNumber};

use super::fault::Fault;
use super::{Connection, Fields, Row, encode, query, read};

pub(super) async fn create(connection: &mut Connection, tenant: &Tenant, sealed_idempotency_key: &str) -> Result<(), StoreError> {
    let item = json!({
        "id": tenant.id,
        "home_domain": tenant.home_domain,
        "network": tenant.network,
        "active_version": tenant.active_version,
        "tolerance_ppm": tenant.tolerance_ppm,
        "sealed_idempotency_key": sealed_idempotency_key,
        "created_at": tenant.created_at,
    });
    let insert = "
        INSERT INTO tenants (id, home_domain, network, active_version, tolerance_ppm, sealed_idempotency_key, created_at)
        SELECT {t:id}, {t:home_domain}, {t:network}, {n:active_version}, {n:tolerance_ppm}, {t:sealed_idempotency_key},
            {n:created_at} FROM {items}";
    put(connection, insert, item).await
}

/// Writes one row, given as JSON.
pub(super) async fn put(connection: &mut Connection, text: &'static str, item: Value) -> Result<(), StoreError> {
    query(text).bind(encode(&[item])?).execute(connection).await.map_err(Fault::from)?;
    Ok(())
}

/// As [`put`], where the tenant has to be there.
pub(super) async fn put_existing(
    connection: &mut Connection,
    text: &'static str,
    tenant: &TenantId,
    item: Value,
) -> Result<(), StoreError> {
    let changed = query(text).bind(encode(&[item])?).execute(connection).await.map_err(Fault::from)?.rows_affected();
    if changed == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("tenant {tenant}"))) }
}

fn from_row(row: &Row) -> Result<Tenant, StoreError> {
    let fields = Fields::new(row, "tenants", &["id"]);
    Ok(Tenant {
        id: fields.parsed("id")?,
        home_domain: fields.text("home_domain")?,
        network: fields.text("network")?,
        active_version: fields.int_or_none("active_version")?.map(VersionNumber),
        tolerance_ppm: fields.small("tolerance_ppm")?,
        created_at: fields.int("created_at")?,
    })
}

/// Every tenant, by id.
pub(super) async fn all(connection: &mut Connection) -> Result<Vec<Tenant>, StoreError> {
    let rows = query("SELECT * FROM tenants ORDER BY id").fetch_all(connection).await.map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}

fn ids(tenants: &[TenantId]) -> Vec<Value> {
    tenants.iter().map(|tenant| json!({"tenant": tenant})).collect()
}

pub(super) async fn by_ids(connection: &mut Connection, tenants: &[TenantId]) -> Result<HashMap<TenantId, Tenant>, StoreError> {
    let rows = read(connection, "SELECT tenants.* FROM {items} JOIN tenants ON tenants.id = {t:tenant}", &ids(tenants)).await?;
    rows.iter().map(|row| from_row(row).map(|tenant| (tenant.id.clone(), tenant))).collect()
}

/// Limits of tenants that have their own.
pub(super) async fn limits_of(connection: &mut Connection, tenants: &[TenantId]) -> Result<HashMap<TenantId, RunLimits>, StoreError> {
    let text = "SELECT tenants.id, limits FROM {items} JOIN tenants ON tenants.id = {t:tenant} WHERE limits IS NOT NULL";
    let limits = |row| {
        let fields = Fields::new(row, "tenants", &["id"]);
        Ok((fields.parsed("id")?, fields.json("limits")?))
    };
    read(connection, text, &ids(tenants)).await?.iter().map(limits).collect()
}

/// The assets of tenants, by name.
pub(super) async fn assets_of(connection: &mut Connection, tenants: &[TenantId]) -> Result<HashMap<TenantId, Vec<AssetRules>>, StoreError> {
    let text = "SELECT assets.* FROM {items} JOIN assets ON tenant = {t:tenant} ORDER BY tenant, asset";
    let mut found: HashMap<TenantId, Vec<AssetRules>> = HashMap::new();
    for row in &read(connection, text, &ids(tenants)).await? {
        let fields = Fields::new(row, "assets", &["tenant", "asset"]);
        found.entry(fields.parsed("tenant")?).or_default().push(fields.json("rules")?);
    }
    Ok(found)
}

fn account_from_row(row: &Row) -> Result<StellarAccount, StoreError> {
    let fields = Fields::new(row, "accounts", &["tenant", "network", "account"]);
    let role = |name: &str| (name == AccountRole::Distribution.as_str()).then_some(AccountRole::Distribution);
    Ok(StellarAccount {
        tenant: fields.parsed("tenant")?,
        network: fields.text("network")?,
        account: fields.parsed("account")?,
        role: fields.named("role", role)?,
    })
}

/// Accounts by (tenant, account), on the tenant's network.
pub(super) async fn accounts_by_key(connection: &mut Connection, items: &[Value]) -> Result<Vec<StellarAccount>, StoreError> {
    let text = "
        SELECT accounts.* FROM {items} JOIN tenants ON tenants.id = {t:tenant}
        JOIN accounts ON accounts.tenant = tenants.id AND accounts.network = tenants.network AND accounts.account = {t:account}";
    read(connection, text, items).await?.iter().map(account_from_row).collect()
}

pub(super) async fn accounts(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<StellarAccount>, StoreError> {
    let rows = query("SELECT * FROM accounts WHERE tenant = $1 ORDER BY network, account")
        .bind(tenant.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    rows.iter().map(account_from_row).collect()
}

/// The one text that a query about a tenant and a name finds.
pub(super) async fn text_of(
    connection: &mut Connection,
    text: &'static str,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<String>, StoreError> {
    if name.contains('\0') {
        return Ok(None);
    }
    let row = query(text).bind(tenant.as_str()).bind(name).fetch_optional(connection).await.map_err(Fault::from)?;
    row.as_ref().map(|row| Fields::new(row, "settings, secrets, accounts or tenants", &[]).text("found")).transpose()
}

/// Names of secrets, and when each was written.
pub(super) async fn secrets(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<(String, TimeMs)>, StoreError> {
    let rows = query("SELECT name, written_at FROM secrets WHERE tenant = $1 ORDER BY name")
        .bind(tenant.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    let secret = |row| {
        let fields = Fields::new(row, "secrets", &["name"]);
        Ok((fields.text("name")?, fields.int("written_at")?))
    };
    rows.iter().map(secret).collect()
}

pub(super) async fn settings(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<(String, String)>, StoreError> {
    let rows = query("SELECT name, content FROM settings WHERE tenant = $1 ORDER BY name")
        .bind(tenant.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    let setting = |row| {
        let fields = Fields::new(row, "settings", &["name"]);
        Ok((fields.text("name")?, fields.text("content")?))
    };
    rows.iter().map(setting).collect()
}

/// Whose a token is, by its hash.
pub(super) async fn token(connection: &mut Connection, hash: &str) -> Result<Option<(String, Scope)>, StoreError> {
    let row = query("SELECT name, tenant FROM tokens WHERE hash = $1").bind(hash).fetch_optional(connection).await.map_err(Fault::from)?;
    let Some(row) = row else { return Ok(None) };
    let fields = Fields::new(&row, "tokens", &["name"]);
    let scope = fields.parsed_or_none("tenant")?.map_or(Scope::Operator, Scope::Tenant);
    Ok(Some((fields.text("name")?, scope)))
}
