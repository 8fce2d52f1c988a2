//! `GET /v1/tenants/{tenant}/transactions/{id}`: one transaction with its history, envelopes and jobs.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use windlass_domain::TransactionId;
use windlass_domain::envelope::Envelope;
use windlass_domain::ports::store::Page;
use windlass_domain::tenant::Tenant;
use windlass_domain::transaction::{History, Transaction};

use super::TransactionView;
use crate::auth::Member;
use crate::jobs::JobView;
use crate::time::iso;
use crate::{ApiState, Problem};

/// Jobs of one transaction that are shown: there are a handful.
const JOBS: u32 = 100;

#[derive(Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    transaction: TransactionView,
    history: Vec<HistoryView>,
    envelopes: Vec<EnvelopeView>,
    jobs: Vec<JobView>,
}

#[derive(Serialize)]
struct HistoryView {
    version: i64,
    from: Option<&'static str>,
    to: &'static str,
    event: String,
    actor: String,
    detail: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct EnvelopeView {
    id: String,
    hash: String,
    state: &'static str,
    source: String,
    sequence: i64,
    sent: i64,
    ledger: Option<u32>,
    result: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Answer>, Problem> {
    let (transaction, history) = find(&state, &tenant, &id).await?;
    let envelopes = state.store.envelopes_of(&tenant.id, &transaction.id).await?;
    let page = Page { after: None, limit: JOBS };
    let jobs = state.store.list_jobs(&tenant.id, None, None, Some(&transaction.id), &page).await?;
    Ok(Json(Answer {
        transaction: TransactionView::new(transaction, state.clock.now()),
        history: history.into_iter().map(history_view).collect(),
        envelopes: envelopes.into_iter().map(envelope_view).collect(),
        jobs: jobs.into_iter().map(JobView::from).collect(),
    }))
}

/// The tenant's own transaction of that id, or 404 `no_such_transaction`.
pub(super) async fn find(state: &ApiState, tenant: &Tenant, id: &str) -> Result<(Transaction, Vec<History>), Problem> {
    let missing = || Problem::not_found("no_such_transaction", format!("tenant {} has no transaction {id:?}", tenant.id));
    let wanted = TransactionId::new(id).map_err(|_| missing())?;
    state.store.show_transaction(&tenant.id, &wanted).await?.ok_or_else(missing)
}

fn history_view(line: History) -> HistoryView {
    HistoryView {
        version: line.version,
        from: line.from.map(|state| state.as_str()),
        to: line.to.as_str(),
        event: line.event,
        actor: line.actor,
        detail: line.detail,
        at: iso(line.at),
    }
}

fn envelope_view(envelope: Envelope) -> EnvelopeView {
    EnvelopeView {
        id: envelope.id.to_string(),
        hash: envelope.hash,
        state: envelope.state.as_str(),
        source: envelope.source.to_string(),
        sequence: envelope.sequence,
        sent: envelope.sent,
        ledger: envelope.ledger,
        result: envelope.result,
    }
}
