//! `GET /v1/tenants/{tenant}/credits?unmatched=true`: credits that polls reported, newest first, and what each pays for
//! (money rule 2: what pays for nothing is a row too).

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use windlass_domain::tenant::BankCredit;

use crate::auth::Member;
use crate::extract::Params;
use crate::incoming::outcome;
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
pub(crate) struct CreditView {
    rail: String,
    external_id: String,
    amount: String,
    reference: String,
    reported_at: String,
    /// The deposit that it pays for.
    transaction: Option<String>,
    /// Why it pays for none.
    unmatched: Option<String>,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { tenant, .. }: Member,
    Params(asked): Params<Asked>,
) -> Result<Json<Listed<CreditView>>, Problem> {
    let rows = state.store.credits(&tenant.id, asked.unmatched).await?;
    Ok(Json(Listed { items: rows.into_iter().map(view).collect(), next: None }))
}

fn view(credit: BankCredit) -> CreditView {
    let (transaction, unmatched) = outcome(credit.matched);
    CreditView {
        rail: credit.rail,
        external_id: credit.external_id,
        amount: credit.amount.to_string(),
        reference: credit.reference,
        reported_at: iso(credit.reported_at),
        transaction,
        unmatched,
    }
}
