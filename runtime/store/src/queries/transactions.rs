//! SEP-24 transactions and their history.

use std::collections::HashMap;

use serde_json::{Value, json};
use windlass_domain::ports::store::{Page, StoreError};
use windlass_domain::transaction::{History, State, Transaction};
use windlass_domain::{AccountId, Kind, Memo, TenantId, TimeMs, TransactionId};

use super::fault::Fault;
use super::{Connection, Fields, Row, query, read};

pub(super) const INSERT: &str = "
    INSERT INTO transactions (tenant, id, kind, state, version, asset, reference, memo, account, anchor_account,
        amount_expected, amount_in, fee, amount_out, refunded, payouts_returned, external_id, stellar_transaction_id, message, fields,
        status_eta, expires_at, created_at, updated_at, received_at, completed_at)
    SELECT {t:tenant}, {t:id}, {t:kind}, {t:state}, {n:version}, {t:asset}, {t:reference}, {t:memo}, {t:account},
        {t:anchor_account}, {n:amount_expected}, {n:amount_in}, {n:fee}, {n:amount_out}, {n:refunded}, {n:payouts_returned}, {t:external_id},
        {t:stellar_transaction_id}, {t:message}, {t:fields}, {n:status_eta}, {n:expires_at}, {n:created_at},
        {n:updated_at}, {n:received_at}, {n:completed_at}
    FROM {items}";

/// Only where kind, state and version are still those that were read (money rule 4).
pub(super) const UPDATE: &str = "
    UPDATE transactions SET state = {t:state}, version = {n:version}, asset = {t:asset}, reference = {t:reference},
        memo = {t:memo}, account = {t:account}, anchor_account = {t:anchor_account},
        amount_expected = {n:amount_expected}, amount_in = {n:amount_in}, fee = {n:fee}, amount_out = {n:amount_out},
        refunded = {n:refunded}, payouts_returned = {n:payouts_returned}, external_id = {t:external_id}, stellar_transaction_id = {t:stellar_transaction_id},
        message = {t:message}, fields = {t:fields}, status_eta = {n:status_eta}, expires_at = {n:expires_at}, created_at = {n:created_at},
        updated_at = {n:updated_at}, received_at = {n:received_at}, completed_at = {n:completed_at}
    FROM {items}
    WHERE tenant = {t:tenant} AND id = {t:id} AND kind = {t:kind} AND state = {t:from_state} AND version = {n:from_version}";

pub(super) const INSERT_HISTORY: &str = "
    INSERT INTO history (tenant, transaction_id, version, from_state, to_state, event, actor, detail, noted_at)
    SELECT {t:tenant}, {t:transaction_id}, {n:version}, {t:from_state}, {t:to_state}, {t:event}, {t:actor}, {t:detail},
        {n:noted_at}
    FROM {items}";

/// A new row.
pub(super) fn row(transaction: &Transaction) -> Value {
    let units = |amount: Option<windlass_domain::Amount>| amount.map(windlass_domain::Amount::units);
    json!({
        "tenant": transaction.tenant.as_str(),
        "id": transaction.id.as_str(),
        "kind": transaction.kind().as_str(),
        "state": transaction.state.as_str(),
        "version": transaction.version,
        "asset": transaction.asset.to_string(),
        "reference": transaction.reference,
        "memo": transaction.memo.as_ref().map(ToString::to_string),
        "account": transaction.account,
        "anchor_account": transaction.anchor_account.as_str(),
        "amount_expected": units(transaction.amount_expected),
        "amount_in": units(transaction.amount_in),
        "fee": units(transaction.fee),
        "amount_out": units(transaction.amount_out),
        "refunded": transaction.refunded.units(),
        "payouts_returned": transaction.payouts_returned,
        "external_id": transaction.external_id,
        "stellar_transaction_id": transaction.stellar_transaction_id,
        "message": transaction.message,
        "fields": json!(transaction.fields).to_string(),
        "status_eta": transaction.status_eta,
        "expires_at": transaction.expires_at,
        "created_at": transaction.created_at,
        "updated_at": transaction.updated_at,
        "received_at": transaction.received_at,
        "completed_at": transaction.completed_at,
    })
}

/// A changed row, with what must still be there.
pub(super) fn changed_row(before: (State, i64), after: &Transaction) -> Value {
    let mut row = row(after);
    row["from_state"] = json!(before.0.as_str());
    row["from_version"] = json!(before.1);
    row
}

pub(super) fn history_row(transaction: &Transaction, history: &History) -> Value {
    json!({
        "tenant": transaction.tenant.as_str(),
        "transaction_id": transaction.id.as_str(),
        "version": history.version,
        "from_state": history.from.map(State::as_str),
        "to_state": history.to.as_str(),
        "event": history.event,
        "actor": history.actor,
        "detail": history.detail,
        "noted_at": history.at,
    })
}

pub(super) fn from_row(row: &Row) -> Result<Transaction, StoreError> {
    let fields = Fields::new(row, "transactions", &["tenant", "id"]);
    let kind = fields.text("kind")?;
    Ok(Transaction {
        tenant: fields.parsed("tenant")?,
        id: fields.parsed("id")?,
        state: fields.named("state", |state| State::from_names(&kind, state))?,
        version: fields.int("version")?,
        asset: fields.parsed("asset")?,
        reference: fields.text("reference")?,
        memo: fields.parsed_or_none("memo")?,
        account: fields.text_or_none("account")?,
        anchor_account: fields.parsed("anchor_account")?,
        amount_expected: fields.amount_or_none("amount_expected")?,
        amount_in: fields.amount_or_none("amount_in")?,
        fee: fields.amount_or_none("fee")?,
        amount_out: fields.amount_or_none("amount_out")?,
        refunded: fields.amount("refunded")?,
        payouts_returned: fields.int("payouts_returned")?,
        external_id: fields.text_or_none("external_id")?,
        stellar_transaction_id: fields.text_or_none("stellar_transaction_id")?,
        message: fields.text_or_none("message")?,
        fields: fields.json("fields")?,
        status_eta: fields.int_or_none("status_eta")?,
        expires_at: fields.int_or_none("expires_at")?,
        created_at: fields.int("created_at")?,
        updated_at: fields.int("updated_at")?,
        received_at: fields.int_or_none("received_at")?,
        completed_at: fields.int_or_none("completed_at")?,
    })
}

fn history_from_row(row: &Row, kind: Kind) -> Result<History, StoreError> {
    let fields = Fields::new(row, "history", &["tenant", "transaction_id", "version"]);
    let state = |column: &str, name: &str| {
        State::from_names(kind.as_str(), name).ok_or_else(|| fields.wrong(column, &format!("{name:?} is not known")))
    };
    Ok(History {
        version: fields.int("version")?,
        from: fields.text_or_none("from_state")?.map(|name| state("from_state", &name)).transpose()?,
        to: state("to_state", &fields.text("to_state")?)?,
        event: fields.text("event")?,
        actor: fields.text("actor")?,
        detail: fields.text_or_none("detail")?,
        at: fields.int("noted_at")?,
    })
}

/// Transactions by id.
pub(super) async fn by_ids(
    connection: &mut Connection,
    ids: &[(TenantId, TransactionId)],
) -> Result<HashMap<(TenantId, TransactionId), Transaction>, StoreError> {
    let items: Vec<Value> = ids.iter().map(|(tenant, id)| json!({"tenant": tenant, "id": id})).collect();
    let rows =
        read(connection, "SELECT transactions.* FROM {items} JOIN transactions ON tenant = {t:tenant} AND id = {t:id}", &items).await?;
    let all = rows.iter().map(|row| from_row(row).map(|one| ((one.tenant.clone(), one.id.clone()), one)));
    all.collect()
}

/// Transactions of one kind in one of two states (the same twice for one), after a place, oldest first.
pub(super) async fn waiting(
    connection: &mut Connection,
    tenant: &TenantId,
    states: [State; 2],
    made_until: TimeMs,
    after: Option<&(TimeMs, String)>,
    max: u32,
) -> Result<Vec<Transaction>, StoreError> {
    let (after_time, after_id) = after.map_or((i64::MIN, ""), |(time, id)| (*time, id.as_str()));
    let rows = query(
        "SELECT * FROM transactions WHERE tenant = $1 AND kind = $2 AND state IN ($3, $4) AND created_at <= $5
            AND (created_at, id) > ($6, $7)
         ORDER BY created_at, id LIMIT $8",
    )
    .bind(tenant.as_str())
    .bind(states[0].kind().as_str())
    .bind(states[0].as_str())
    .bind(states[1].as_str())
    .bind(made_until)
    .bind(after_time)
    .bind(after_id)
    .bind(i64::from(max))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}

/// Expired ones too: what is said of them may revive them.
pub(super) const FIND_BY_REFERENCE: &str = "
    SELECT transactions.* FROM {items}
    JOIN transactions ON tenant = {t:tenant} AND reference = {t:text} AND kind = {t:kind}
        AND state IN ({t:state_a}, {t:state_b}, 'expired')
    ORDER BY created_at, id";

/// Completed ones too: the rail may give a payout back days after.
pub(super) const FIND_BY_EXTERNAL_ID: &str = "
    SELECT transactions.* FROM {items}
    JOIN transactions ON tenant = {t:tenant} AND external_id = {t:text} AND kind = {t:kind}
        AND state IN ({t:state_a}, {t:state_b}, 'completed')
    ORDER BY created_at, id";

/// As [`waiting`], by reference or external id.
pub(super) async fn find_waiting(
    connection: &mut Connection,
    text: &'static str,
    tenant: &TenantId,
    states: [State; 2],
    wanted: &[String],
) -> Result<Vec<Transaction>, StoreError> {
    let mut wanted: Vec<&String> = wanted.iter().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let item = |wanted| {
        json!({"tenant": tenant, "text": wanted, "kind": states[0].kind().as_str(),
            "state_a": states[0].as_str(), "state_b": states[1].as_str()})
    };
    let items: Vec<Value> = wanted.into_iter().map(item).collect();
    read(connection, text, &items).await?.iter().map(from_row).collect()
}

/// Newest first.
pub(super) async fn list(
    connection: &mut Connection,
    tenant: &TenantId,
    kind: Option<Kind>,
    page: &Page,
) -> Result<Vec<Transaction>, StoreError> {
    let (before_time, before_id) = page.after.as_ref().map_or((i64::MAX, ""), |(time, id)| (*time, id.as_str()));
    let rows = query(
        "SELECT * FROM transactions WHERE tenant = $1 AND (created_at, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR kind = $4)
         ORDER BY created_at DESC, id DESC LIMIT $5",
    )
    .bind(tenant.as_str())
    .bind(before_time)
    .bind(before_id)
    .bind(kind.map(Kind::as_str))
    .bind(i64::from(page.limit))
    .fetch_all(connection)
    .await
    .map_err(Fault::from)?;
    rows.iter().map(from_row).collect()
}

/// A transaction's history, oldest first.
pub(super) async fn history(connection: &mut Connection, transaction: &Transaction) -> Result<Vec<History>, StoreError> {
    let rows = query("SELECT * FROM history WHERE tenant = $1 AND transaction_id = $2 ORDER BY version")
        .bind(transaction.tenant.as_str())
        .bind(transaction.id.as_str())
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    rows.iter().map(|row| history_from_row(row, transaction.kind())).collect()
}

/// Has no withdrawal of any state this memo on the account?
pub(super) async fn memo_is_free(
    connection: &mut Connection,
    tenant: &TenantId,
    account: &AccountId,
    memo: &Memo,
) -> Result<bool, StoreError> {
    let item = json!({"tenant": tenant, "account": account, "memo": memo.to_string()});
    let text = "
        SELECT transactions.id FROM {items}
        JOIN transactions ON tenant = {t:tenant} AND anchor_account = {t:account} AND memo = {t:memo} AND kind = 'withdrawal'";
    Ok(read(connection, text, &[item]).await?.is_empty())
}
