//! What the bank reported (money rule 2).

use serde_json::{Value, json};
use windlass_domain::TenantId;
use windlass_domain::ports::store::StoreError;
use windlass_domain::tenant::{BankCredit, Matched};

use super::fault::Fault;
use super::{Connection, Fields, Row, query, read};

pub(super) const INSERT: &str = "
    INSERT INTO bank_credits (tenant, rail, external_id, amount, reference, transaction_id, unmatched, reported_at)
    SELECT {t:tenant}, {t:rail}, {t:external_id}, {n:amount}, {t:reference}, {t:transaction_id}, {t:unmatched}, {n:reported_at}
    FROM {items} WHERE true
    ON CONFLICT (tenant, rail, external_id) DO NOTHING";

/// After [`INSERT`]: rows that say something else than what was to be written. One that matched a transaction may not be
/// written again for another; one reported again as unmatched stays what it is.
pub(super) const DIFFERENT: &str = "
    SELECT bank_credits.external_id AS id FROM {items}
    JOIN bank_credits ON tenant = {t:tenant} AND rail = {t:rail} AND external_id = {t:external_id}
    WHERE amount <> {n:amount} OR reference <> {t:reference}
        OR ({t:transaction_id} IS NOT NULL AND (transaction_id IS NULL OR transaction_id <> {t:transaction_id}))";

/// Only a credit that pays for nothing.
pub(super) const ASSIGN: &str = "
    UPDATE bank_credits SET transaction_id = {t:transaction_id}, unmatched = NULL FROM {items}
    WHERE tenant = {t:tenant} AND rail = {t:rail} AND external_id = {t:external_id} AND transaction_id IS NULL";

pub(super) fn row(credit: &BankCredit) -> Value {
    let (transaction, unmatched) = matched_columns(&credit.matched);
    json!({
        "tenant": credit.tenant.as_str(),
        "rail": credit.rail,
        "external_id": credit.external_id,
        "amount": credit.amount.units(),
        "reference": credit.reference,
        "transaction_id": transaction,
        "unmatched": unmatched,
        "reported_at": credit.reported_at,
    })
}

/// Transaction, or why there is none.
pub(super) fn matched_columns(matched: &Matched) -> (Option<&str>, Option<&str>) {
    match matched {
        Matched::Transaction(id) => (Some(id.as_str()), None),
        Matched::Unmatched(why) => (None, Some(why)),
    }
}

pub(super) fn matched_from(fields: &Fields<'_>) -> Result<Matched, StoreError> {
    match (fields.parsed_or_none("transaction_id")?, fields.text_or_none("unmatched")?) {
        (Some(id), None) => Ok(Matched::Transaction(id)),
        (None, Some(why)) => Ok(Matched::Unmatched(why)),
        _ => Err(fields.wrong("transaction_id", "exactly one of transaction_id and unmatched is to be there")),
    }
}

fn from_row(row: &Row) -> Result<BankCredit, StoreError> {
    let fields = Fields::new(row, "bank_credits", &["tenant", "rail", "external_id"]);
    Ok(BankCredit {
        tenant: fields.parsed("tenant")?,
        rail: fields.text("rail")?,
        external_id: fields.text("external_id")?,
        amount: fields.amount("amount")?,
        reference: fields.text("reference")?,
        matched: matched_from(&fields)?,
        reported_at: fields.int("reported_at")?,
    })
}

/// Those of a rail that are stored already.
pub(super) async fn known(
    connection: &mut Connection,
    tenant: &TenantId,
    rail: &str,
    external_ids: &[String],
) -> Result<Vec<BankCredit>, StoreError> {
    let mut ids: Vec<&String> = external_ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let items: Vec<Value> = ids.into_iter().map(|id| json!({"tenant": tenant, "rail": rail, "external_id": id})).collect();
    let rows = read(
        connection,
        "SELECT bank_credits.* FROM {items} JOIN bank_credits ON tenant = {t:tenant} AND rail = {t:rail} AND external_id = {t:external_id}",
        &items,
    )
    .await?;
    rows.iter().map(from_row).collect()
}

/// Newest first.
pub(super) async fn list(connection: &mut Connection, tenant: &TenantId, unmatched_only: bool) -> Result<Vec<BankCredit>, StoreError> {
    let rows = query(
        "SELECT * FROM bank_credits WHERE tenant = $1 AND ($2 = 0 OR transaction_id IS NULL)
         ORDER BY reported_at DESC, rail, external_id LIMIT 1000",
    )
    .bind(tenant.as_str())
    .bind(i64::from(unmatched_only))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}
