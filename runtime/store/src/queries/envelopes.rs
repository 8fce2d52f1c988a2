//! Envelopes, what they pay, and the sequence numbers that they own (money rule 1).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use windlass_domain::envelope::{Envelope, EnvelopePayment, EnvelopeState, Purpose};
use windlass_domain::limits::ENVELOPE_PAYMENTS;
use windlass_domain::ports::store::{PlanContext, StoreError};
use windlass_domain::{AccountId, EnvelopeId, TenantId, TransactionId};

use super::fault::Fault;
use super::{Connection, Fields, Row, query, read, tenants, transactions};

pub(super) const INSERT: &str = "
    INSERT INTO envelopes (tenant, id, network, source, sequence, hash, xdr, max_time_s, ledger_noted, state,
        bound_passed_at, sent, ledger, result, created_at, updated_at)
    SELECT {t:tenant}, {t:id}, {t:network}, {t:source}, {n:sequence}, {t:hash}, {t:xdr}, {n:max_time_s},
        {n:ledger_noted}, {t:state}, {n:bound_passed_at}, {n:sent}, {n:ledger}, {t:result}, {n:created_at}, {n:updated_at}
    FROM {items}";

/// The number of a dead envelope is free again; every other one keeps its own.
pub(super) const OWN_SEQUENCE: &str = "
    INSERT INTO sequences (tenant, network, account, sequence, envelope_id)
    SELECT {t:tenant}, {t:network}, {t:source}, {n:sequence}, {t:id} FROM {items} WHERE true
    ON CONFLICT (tenant, network, account, sequence) DO UPDATE SET envelope_id = excluded.envelope_id
    WHERE EXISTS (SELECT 1 FROM envelopes WHERE envelopes.tenant = sequences.tenant
        AND envelopes.id = sequences.envelope_id AND envelopes.state = 'dead')";

/// A payment that no live envelope has, and none has settled, goes to the new envelope.
pub(super) const TAKE_PAYMENT: &str = "
    INSERT INTO payments (tenant, transaction_id, purpose, ordinal, envelope_id, settled)
    SELECT {t:tenant}, {t:transaction_id}, {t:purpose}, {n:ordinal}, {t:envelope_id}, 0 FROM {items} WHERE true
    ON CONFLICT (tenant, transaction_id, purpose, ordinal) DO UPDATE SET envelope_id = excluded.envelope_id
    WHERE payments.envelope_id IS NULL AND payments.settled = 0";

pub(super) const INSERT_PAYMENT: &str = "
    INSERT INTO envelope_payments (tenant, envelope_id, operation_index, transaction_id, purpose, ordinal)
    SELECT {t:tenant}, {t:envelope_id}, {n:operation_index}, {t:transaction_id}, {t:purpose}, {n:ordinal} FROM {items}";

/// Only where its state is still the one that was read; what was noted stays.
pub(super) const UPDATE: &str = "
    UPDATE envelopes SET state = {t:state}, sent = sent + {n:sent}, bound_passed_at = COALESCE(bound_passed_at, {n:bound_passed_at}),
        ledger = COALESCE({n:ledger}, ledger), result = COALESCE({t:result}, result), updated_at = {n:updated_at}
    FROM {items} WHERE tenant = {t:tenant} AND id = {t:id} AND state = {t:from_state}";

/// Dead or failed: its payments may go into another envelope. Succeeded: they are settled for good.
pub(super) const END_PAYMENTS: &str = "
    UPDATE payments SET settled = {n:settled}, envelope_id = CASE WHEN {n:settled} = 1 THEN envelope_id END
    FROM {items} WHERE tenant = {t:tenant} AND envelope_id = {t:id} AND settled = 0";

pub(super) fn row(envelope: &Envelope) -> Value {
    json!({
        "tenant": envelope.tenant.as_str(),
        "id": envelope.id.as_str(),
        "network": envelope.network,
        "source": envelope.source.as_str(),
        "sequence": envelope.sequence,
        "hash": envelope.hash,
        "xdr": envelope.xdr,
        "max_time_s": envelope.max_time_s,
        "ledger_noted": envelope.ledger_noted,
        "state": envelope.state.as_str(),
        "bound_passed_at": envelope.bound_passed_at,
        "sent": envelope.sent,
        "ledger": envelope.ledger,
        "result": envelope.result,
        "created_at": envelope.created_at,
        "updated_at": envelope.updated_at,
    })
}

pub(super) fn payment_rows(envelope: &Envelope) -> impl Iterator<Item = Value> {
    envelope.payments.iter().map(|payment| {
        json!({
            "tenant": envelope.tenant.as_str(),
            "envelope_id": envelope.id.as_str(),
            "operation_index": payment.operation_index,
            "transaction_id": payment.transaction.as_str(),
            "purpose": payment.purpose.as_str(),
            "ordinal": payment.ordinal,
        })
    })
}

fn from_row(row: &Row) -> Result<Envelope, StoreError> {
    let fields = Fields::new(row, "envelopes", &["tenant", "id"]);
    Ok(Envelope {
        tenant: fields.parsed("tenant")?,
        id: fields.parsed("id")?,
        network: fields.text("network")?,
        source: fields.parsed("source")?,
        sequence: fields.int("sequence")?,
        hash: fields.text("hash")?,
        xdr: fields.text("xdr")?,
        max_time_s: fields.int("max_time_s")?,
        ledger_noted: fields.small("ledger_noted")?,
        state: fields.named("state", EnvelopeState::from_name)?,
        bound_passed_at: fields.small_or_none("bound_passed_at")?,
        sent: fields.int("sent")?,
        ledger: fields.small_or_none("ledger")?,
        result: fields.text_or_none("result")?,
        payments: vec![],
        created_at: fields.int("created_at")?,
        updated_at: fields.int("updated_at")?,
    })
}

/// Envelopes by id, with their payments.
pub(super) async fn by_ids(
    connection: &mut Connection,
    ids: &[(TenantId, EnvelopeId)],
) -> Result<HashMap<(TenantId, EnvelopeId), Envelope>, StoreError> {
    let items: Vec<Value> = ids.iter().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows = read(connection, "SELECT envelopes.* FROM {items} JOIN envelopes ON tenant = {t:tenant} AND id = {t:id}", &items).await?;
    let mut found = HashMap::new();
    for row in &rows {
        let envelope = from_row(row)?;
        found.insert((envelope.tenant.clone(), envelope.id.clone()), envelope);
    }
    let items: Vec<Value> = found.keys().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows = read(
        connection,
        "SELECT envelope_payments.* FROM {items} JOIN envelope_payments ON tenant = {t:tenant} AND envelope_id = {t:id}
         ORDER BY operation_index",
        &items,
    )
    .await?;
    for row in &rows {
        let fields = Fields::new(row, "envelope_payments", &["tenant", "envelope_id", "operation_index"]);
        let payment = EnvelopePayment {
            transaction: fields.parsed("transaction_id")?,
            purpose: fields.named("purpose", Purpose::from_name)?,
            ordinal: fields.int("ordinal")?,
            operation_index: fields.small("operation_index")?,
        };
        if let Some(envelope) = found.get_mut(&(fields.parsed("tenant")?, fields.parsed("envelope_id")?)) {
            envelope.payments.push(payment);
        }
    }
    Ok(found)
}

/// Envelopes that pay a transaction, oldest first.
pub(super) async fn of_transaction(
    connection: &mut Connection,
    tenant: &TenantId,
    id: &TransactionId,
) -> Result<Vec<Envelope>, StoreError> {
    let rows = query("SELECT DISTINCT tenant, envelope_id FROM envelope_payments WHERE tenant = $1 AND transaction_id = $2")
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(Fault::from)?;
    let key = |row| Fields::new(row, "envelope_payments", &["tenant", "envelope_id"]).parsed("envelope_id").map(|id| (tenant.clone(), id));
    let ids = rows.iter().map(key).collect::<Result<Vec<_>, StoreError>>()?;
    let mut envelopes: Vec<Envelope> = by_ids(connection, &ids).await?.into_values().collect();
    envelopes.sort_by(|a, b| (a.created_at, a.sequence, &a.id).cmp(&(b.created_at, b.sequence, &b.id)));
    Ok(envelopes)
}

/// What the planners of accounts need, in the order asked.
pub(super) async fn plans(connection: &mut Connection, accounts: &[(TenantId, AccountId)]) -> Result<Vec<Option<PlanContext>>, StoreError> {
    let items: Vec<Value> = accounts.iter().map(|(tenant, account)| json!({"tenant": tenant, "account": account})).collect();
    let mut found = HashMap::new();
    let mut items_found = Vec::new();
    for account in tenants::accounts_by_key(connection, &items).await? {
        let key = (account.tenant.clone(), account.account.clone());
        items_found.push(json!({"tenant": key.0, "account": key.1, "network": account.network}));
        found.insert(key, PlanContext { account, live: None, newest: None, ready: vec![], alone: vec![], created: vec![], rules: vec![] });
    }
    let items = items_found;
    for row in &read(connection, LIVE, &items).await? {
        let fields = Fields::new(row, "envelopes", &["tenant", "id"]);
        if let Some(plan) = found.get_mut(&(fields.parsed("tenant")?, fields.parsed("source")?)) {
            plan.live = Some(fields.parsed("id")?);
        }
    }
    for row in &read(connection, NEWEST_SEQUENCE, &items).await? {
        let fields = Fields::new(row, "sequences", &["tenant", "account", "sequence"]);
        if let Some(plan) = found.get_mut(&(fields.parsed("tenant")?, fields.parsed("account")?)) {
            plan.newest = Some((fields.int("sequence")?, fields.named("state", EnvelopeState::from_name)?));
        }
    }
    let mut ready = Vec::new();
    for row in &read(connection, READY, &items).await? {
        let transaction = transactions::from_row(row)?;
        ready.push(json!({"tenant": transaction.tenant, "id": transaction.id}));
        if let Some(plan) = found.get_mut(&(transaction.tenant.clone(), transaction.anchor_account.clone())) {
            plan.ready.push(transaction);
        }
    }
    for row in &read(connection, ALONE, &ready).await? {
        let fields = Fields::new(row, "transactions", &["tenant", "id"]);
        if let Some(plan) = found.get_mut(&(fields.parsed("tenant")?, fields.parsed("anchor_account")?)) {
            plan.alone.push(fields.parsed("id")?);
        }
    }
    for row in &read(connection, CREATED, &ready).await? {
        let fields = Fields::new(row, "payments", &["tenant", "id"]);
        if let Some(plan) = found.get_mut(&(fields.parsed("tenant")?, fields.parsed("anchor_account")?)) {
            plan.created.push(fields.parsed("id")?);
        }
    }
    let tenants: HashSet<TenantId> = found.keys().map(|(tenant, _)| tenant.clone()).collect();
    let rules = tenants::assets_of(connection, &Vec::from_iter(tenants)).await?;
    for plan in found.values_mut() {
        plan.ready.truncate(ENVELOPE_PAYMENTS);
        plan.rules = rules.get(&plan.account.tenant).cloned().unwrap_or_default();
    }
    Ok(accounts.iter().map(|key| found.get(key).cloned()).collect())
}

const LIVE: &str = "
    SELECT envelopes.tenant, envelopes.source, envelopes.id FROM {items}
    JOIN envelopes ON tenant = {t:tenant} AND network = {t:network} AND source = {t:account} AND state IN ('signed', 'submitted')";

const NEWEST_SEQUENCE: &str = "
    SELECT sequences.tenant, sequences.account, sequences.sequence, envelopes.state FROM {items}
    JOIN sequences ON sequences.tenant = {t:tenant} AND sequences.network = {t:network} AND sequences.account = {t:account}
        AND sequences.sequence = (SELECT MAX(newest.sequence) FROM sequences AS newest
            WHERE newest.tenant = {t:tenant} AND newest.network = {t:network} AND newest.account = {t:account})
    JOIN envelopes ON envelopes.tenant = sequences.tenant AND envelopes.id = sequences.envelope_id";

/// 100: as many as an envelope takes.
const READY: &str = "
    SELECT * FROM (
        SELECT transactions.*, ROW_NUMBER() OVER (PARTITION BY tenant, anchor_account ORDER BY created_at, id) AS place
        FROM {items} JOIN transactions ON tenant = {t:tenant} AND kind = 'deposit' AND state = 'ready' AND anchor_account = {t:account}
    ) AS ready WHERE place <= 100 ORDER BY created_at, id";

const CREATED: &str = "
    SELECT transactions.tenant, transactions.id, transactions.anchor_account FROM {items}
    JOIN transactions ON transactions.tenant = {t:tenant} AND transactions.id = {t:id}
    JOIN payments ON payments.tenant = {t:tenant} AND payments.transaction_id = {t:id}
        AND payments.purpose = 'create-account' AND payments.settled = 1
    ORDER BY transactions.created_at, transactions.id";

const ALONE: &str = "
    SELECT transactions.tenant, transactions.id, transactions.anchor_account FROM {items}
    JOIN transactions ON tenant = {t:tenant} AND id = {t:id}
    WHERE 'failed' = (
        SELECT envelopes.state FROM envelope_payments
        JOIN envelopes ON envelopes.tenant = envelope_payments.tenant AND envelopes.id = envelope_payments.envelope_id
        WHERE envelope_payments.tenant = transactions.tenant AND envelope_payments.transaction_id = transactions.id
        ORDER BY envelopes.created_at DESC, envelopes.sequence DESC LIMIT 1)
    ORDER BY transactions.created_at, transactions.id";
