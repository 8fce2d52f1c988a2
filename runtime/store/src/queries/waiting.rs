//! What waits for whom: transactions that have a next step, and the row of the queue that drives it.

use std::sync::LazyLock;

use sqlx::AssertSqlSafe;
use windlass_domain::ports::store::{Page, StoreError, Waiting};
use windlass_domain::waits::{unfinished, waits_now};
use windlass_domain::{Kind, TenantId};

use super::fault::Fault;
use super::{Connection, Db, Fields, transactions};

/// Oldest change first. `due_at` is the row of the queue that the state is driven by: a ready deposit's account has one, or
/// a live envelope whose verdict makes one; what an envelope carries has the envelope's. `stopped`: its payout job waits for a person.
const LIST: &str = "
    SELECT waiting.*,
        CASE
            WHEN kind = 'deposit' AND state = 'ready' THEN COALESCE(
                (SELECT due_at FROM work WHERE work.tenant = waiting.tenant AND work.kind = 'plan' AND work.subject = waiting.anchor_account),
                (SELECT MIN(due_at) FROM envelopes JOIN work ON work.tenant = envelopes.tenant AND work.kind = 'envelope' AND work.subject = envelopes.id
                 WHERE envelopes.tenant = waiting.tenant AND envelopes.source = waiting.anchor_account AND envelopes.state IN ('signed', 'submitted')))
            WHEN kind = 'withdrawal' AND state = 'received' THEN (
                SELECT MIN(due_at) FROM jobs JOIN work ON work.tenant = jobs.tenant AND work.kind = 'job' AND work.subject = jobs.id
                WHERE jobs.tenant = waiting.tenant AND jobs.transaction_id = waiting.id AND jobs.state = 'open')
            ELSE COALESCE(
                (SELECT MIN(due_at) FROM envelope_payments
                 JOIN envelopes ON envelopes.tenant = envelope_payments.tenant AND envelopes.id = envelope_payments.envelope_id
                 JOIN work ON work.tenant = envelopes.tenant AND work.kind = 'envelope' AND work.subject = envelopes.id
                 WHERE envelope_payments.tenant = waiting.tenant AND envelope_payments.transaction_id = waiting.id),
                (SELECT MIN(due_at) FROM work WHERE work.tenant = waiting.tenant AND work.subject = waiting.id
                     AND work.kind IN ('trust', 'expire')))
        END AS due_at,
        (SELECT COUNT(*) FROM jobs WHERE jobs.tenant = waiting.tenant AND jobs.transaction_id = waiting.id
            AND jobs.hook = 'process-withdrawal' AND jobs.state IN ('dead', 'held')) AS stopped
    FROM transactions AS waiting
    WHERE tenant = $1 AND (updated_at, id) > ($2, $3) AND (UNFINISHED)
    ORDER BY updated_at, id LIMIT $4";

/// With the states that have a next step: words of our own, no values.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let of = |kind: Kind| {
        let names: Vec<String> = unfinished().filter(|state| state.kind() == kind).map(|state| format!("'{}'", state.as_str())).collect();
        format!("kind = '{}' AND state IN ({})", kind.as_str(), names.join(", "))
    };
    LIST.replace("UNFINISHED", &format!("{} OR {}", of(Kind::Deposit), of(Kind::Withdrawal)))
});

pub(super) async fn list(connection: &mut Connection, tenant: &TenantId, page: &Page) -> Result<Vec<Waiting>, StoreError> {
    let (after_time, after_id) = page.after.as_ref().map_or((i64::MIN, ""), |(time, id)| (*time, id.as_str()));
    let rows = sqlx::query::<Db>(AssertSqlSafe(TEXT.as_str()))
        .bind(tenant.as_str())
        .bind(after_time)
        .bind(after_id)
        .bind(i64::from(page.limit))
        .fetch_all(connection)
        .await
        .map_err(Fault::from)?;
    let waiting = |row| {
        let fields = Fields::new(row, "transactions", &["tenant", "id"]);
        let transaction = transactions::from_row(row)?;
        let due_at = fields.int_or_none("due_at")?;
        let waits = waits_now(transaction.state, due_at.is_some(), fields.int("stopped")? > 0);
        Ok(Waiting { transaction, waits, due_at })
    };
    rows.iter().map(waiting).collect()
}
