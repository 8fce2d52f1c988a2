//! `GET /v1/tenants/{tenant}/incoming?unmatched=true`: payments to the tenant's accounts, newest first, and what each
//! pays for (money rule 2: what pays for nothing is a row too).

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use windlass_domain::tenant::{IncomingPayment, Matched};

use crate::auth::Member;
use crate::extract::Params;
use crate::page::Listed;
use crate::time::iso;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default)]
    unmatched: bool,
}

#[derive(Serialize)]
pub(crate) struct IncomingView {
    transaction_hash: String,
    operation_index: u32,
    ledger: u32,
    closed_at: String,
    from: String,
    to: String,
    asset: String,
    amount: String,
    memo: Option<String>,
    /// The withdrawal that it pays for.
    transaction: Option<String>,
    /// Why it pays for none.
    unmatched: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Params(asked): Params<Asked>,
) -> Result<Json<Listed<IncomingView>>, Problem> {
    let rows = state.store.incoming(&tenant.id, asked.unmatched).await?;
    Ok(Json(Listed { items: rows.into_iter().map(|(payment, matched)| view(payment, matched)).collect(), next: None }))
}

fn view(payment: IncomingPayment, matched: Matched) -> IncomingView {
    let (transaction, unmatched) = outcome(matched);
    IncomingView {
        transaction_hash: payment.transaction_hash,
        operation_index: payment.operation_index,
        ledger: payment.ledger,
        closed_at: iso(payment.closed_at),
        from: payment.from,
        to: payment.to.to_string(),
        asset: payment.asset.to_string(),
        amount: payment.amount.to_string(),
        memo: payment.memo.map(|memo| memo.to_string()),
        transaction,
        unmatched,
    }
}

/// The transaction that it pays for, or why it pays for none.
pub(crate) fn outcome(matched: Matched) -> (Option<String>, Option<String>) {
    match matched {
        Matched::Transaction(id) => (Some(id.to_string()), None),
        Matched::Unmatched(reason) => (None, Some(reason)),
    }
}
