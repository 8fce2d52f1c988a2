//! What the ledger showed (money rule 2): payments to tenants' accounts, cursors, and what could not be handled.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use windlass_domain::ports::store::{MatchContext, StoreError};
use windlass_domain::tenant::{IncomingPayment, Matched};
use windlass_domain::{TenantId, TimeMs, TransactionId};

use super::credits::{matched_columns, matched_from};
use super::fault::Fault;
use super::{Connection, Fields, Row, query, read, tenants, transactions, versions};

pub(super) const INSERT: &str = "
    INSERT INTO incoming (tenant, network, transaction_hash, operation_index, payer, account, asset, amount, memo, ledger,
        closed_at, transaction_id, unmatched, seen_at)
    SELECT {t:tenant}, {t:network}, {t:transaction_hash}, {n:operation_index}, {t:payer}, {t:account}, {t:asset},
        {n:amount}, {t:memo}, {n:ledger}, {n:closed_at}, {t:transaction_id}, {t:unmatched}, {n:seen_at}
    FROM {items} WHERE true
    ON CONFLICT (network, transaction_hash, operation_index) DO NOTHING";

/// After [`INSERT`]: rows that were there and pay for something else than what was to be written.
pub(super) const DIFFERENT: &str = "
    SELECT incoming.transaction_hash AS id FROM {items}
    JOIN incoming ON network = {t:network} AND transaction_hash = {t:transaction_hash} AND operation_index = {n:operation_index}
    WHERE tenant <> {t:tenant} OR amount <> {n:amount} OR asset <> {t:asset}
        OR ({t:transaction_id} IS NOT NULL AND (transaction_id IS NULL OR transaction_id <> {t:transaction_id}))";

pub(super) const INSERT_FAILED: &str = "
    INSERT INTO failed_events (source, event, reason, failed_at)
    SELECT {t:source}, {t:event}, {t:reason}, {n:failed_at} FROM {items} WHERE true
    ON CONFLICT (source, event) DO NOTHING";

pub(super) const SET_CURSOR: &str = "
    INSERT INTO cursors (source, read_to) SELECT {t:source}, {t:read_to} FROM {items} WHERE true
    ON CONFLICT (source) DO UPDATE SET read_to = excluded.read_to";

pub(super) fn row(tenant: &TenantId, payment: &IncomingPayment, matched: &Matched, at: TimeMs) -> Value {
    let (transaction, unmatched) = matched_columns(matched);
    json!({
        "tenant": tenant,
        "network": payment.network,
        "transaction_hash": payment.transaction_hash,
        "operation_index": payment.operation_index,
        "payer": payment.from,
        "account": payment.to.as_str(),
        "asset": payment.asset.to_string(),
        "amount": payment.amount.units(),
        "memo": payment.memo.as_ref().map(ToString::to_string),
        "ledger": payment.ledger,
        "closed_at": payment.closed_at,
        "transaction_id": transaction,
        "unmatched": unmatched,
        "seen_at": at,
    })
}

fn from_row(row: &Row) -> Result<(IncomingPayment, Matched), StoreError> {
    let fields = Fields::new(row, "incoming", &["tenant", "network", "transaction_hash", "operation_index"]);
    let payment = IncomingPayment {
        network: fields.text("network")?,
        transaction_hash: fields.text("transaction_hash")?,
        operation_index: fields.small("operation_index")?,
        from: fields.text("payer")?,
        to: fields.parsed("account")?,
        asset: fields.parsed("asset")?,
        amount: fields.amount("amount")?,
        memo: fields.parsed_or_none("memo")?,
        ledger: fields.small("ledger")?,
        closed_at: fields.int("closed_at")?,
    };
    Ok((payment, matched_from(&fields)?))
}

/// The payments that pay for transactions.
pub(super) async fn by_transactions(
    connection: &mut Connection,
    ids: &[(TenantId, TransactionId)],
) -> Result<HashMap<(TenantId, TransactionId), IncomingPayment>, StoreError> {
    let items: Vec<Value> = ids.iter().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows =
        read(connection, "SELECT incoming.* FROM {items} JOIN incoming ON tenant = {t:tenant} AND transaction_id = {t:id}", &items).await?;
    let mut found = HashMap::new();
    for row in &rows {
        let fields = Fields::new(row, "incoming", &["tenant", "network", "transaction_hash", "operation_index"]);
        found.insert((fields.parsed("tenant")?, fields.parsed("transaction_id")?), from_row(row)?.0);
    }
    Ok(found)
}

/// Newest first.
pub(super) async fn list(
    connection: &mut Connection,
    tenant: &TenantId,
    unmatched_only: bool,
) -> Result<Vec<(IncomingPayment, Matched)>, StoreError> {
    let rows = query(
        "SELECT * FROM incoming WHERE tenant = $1 AND ($2 = 0 OR transaction_id IS NULL)
         ORDER BY closed_at DESC, transaction_hash, operation_index LIMIT 1000",
    )
    .bind(tenant.as_str())
    .bind(i64::from(unmatched_only))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn cursor(connection: &mut Connection, source: &str) -> Result<Option<String>, StoreError> {
    let row = query("SELECT read_to FROM cursors WHERE source = $1").bind(source).fetch_optional(connection).await.map_err(Fault::from)?;
    row.as_ref().map(|row| Fields::new(row, "cursors", &[]).text("read_to")).transpose()
}

/// What each payment may belong to; none for a foreign account, and for what is stored already.
pub(super) async fn match_payments(
    connection: &mut Connection,
    payments: &[IncomingPayment],
) -> Result<Vec<Option<MatchContext>>, StoreError> {
    let item = |(place, payment): (usize, &IncomingPayment)| {
        json!({
            "place": place,
            "network": payment.network,
            "account": payment.to,
            "transaction_hash": payment.transaction_hash,
            "operation_index": payment.operation_index,
            "asset": payment.asset,
            // A memo with U+0000 is no withdrawal's, and must not keep the other payments from being matched.
            "memo": payment.memo.as_ref().map(ToString::to_string).filter(|memo| !memo.contains('\0')),
        })
    };
    let items: Vec<Value> = payments.iter().enumerate().map(item).collect();
    let mut owners: HashMap<usize, TenantId> = HashMap::new();
    for row in &read(connection, OWNERS, &items).await? {
        let fields = Fields::new(row, "accounts", &["tenant"]);
        owners.insert(fields.small("place")?, fields.parsed("tenant")?);
    }
    let mut paid: HashMap<usize, _> = HashMap::new();
    for row in &read(connection, BY_MEMO, &items).await? {
        let place = Fields::new(row, "transactions", &["tenant", "id"]).small("place")?;
        paid.insert(place, transactions::from_row(row)?);
    }
    let tenants: Vec<TenantId> = owners.values().cloned().collect::<HashSet<_>>().into_iter().collect();
    let (known, assets) = (tenants::by_ids(connection, &tenants).await?, tenants::assets_of(connection, &tenants).await?);
    let active = versions::active(connection, &tenants).await?;
    let context = |(place, payment): (usize, &IncomingPayment)| {
        let tenant = known.get(owners.get(&place)?)?.clone();
        let rules = assets.get(&tenant.id).and_then(|all| all.iter().find(|rules| rules.asset == payment.asset)).cloned();
        let active = active.get(&tenant.id).cloned();
        Some(MatchContext { tenant, transaction: paid.remove(&place), rules, active })
    };
    Ok(payments.iter().enumerate().map(context).collect())
}

const OWNERS: &str = "
    SELECT {n:place} AS place, accounts.tenant FROM {items}
    JOIN accounts ON accounts.network = {t:network} AND accounts.account = {t:account}
    WHERE NOT EXISTS (SELECT 1 FROM incoming WHERE incoming.network = {t:network}
        AND incoming.transaction_hash = {t:transaction_hash} AND incoming.operation_index = {n:operation_index})";

const BY_MEMO: &str = "
    SELECT {n:place} AS place, transactions.* FROM {items}
    JOIN accounts ON accounts.network = {t:network} AND accounts.account = {t:account}
    JOIN transactions ON transactions.tenant = accounts.tenant AND transactions.anchor_account = accounts.account
        AND transactions.kind = 'withdrawal' AND transactions.memo = {t:memo}";
