//! `POST /v1/tenants/{tenant}/credits/{rail}/{external_id}/assign` (operator): a person's word that a credit which pays for
//! nothing is the money of a deposit.
//!
//! Takes `transaction` and `reason`. In one commit the credit is matched and the deposit takes the money in, assessed by
//! the asset's rules as always. Refused, in this order: 422 `reason_missing`; 404 `no_such_credit`, `no_such_transaction`;
//! 409 `credit_matched` (it pays for another already), `not_a_deposit`, `not_waiting` (the deposit has its money, or is
//! at its end: one that expired or failed may still be given it), `unknown_asset`, `fee_out_of_range`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::TransactionId;
use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::rules::assess;
use windlass_domain::tenant::{BankCredit, Matched, Tenant};
use windlass_domain::transaction::{State as TransactionState, Transaction};

use crate::auth::OperatorOf;
use crate::extract::{JsonBody, reason};
use crate::transactions::TransactionView;
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    transaction: String,
    reason: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    Path((_, rail, external_id)): Path<(String, String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<TransactionView>, Problem> {
    reason(&asked.reason)?;
    let credit = credit(&state, &tenant, &rail, &external_id).await?;
    let before = transaction(&state, &tenant, &asked.transaction).await?;
    let Matched::Unmatched(why) = &credit.matched else {
        return Err(Problem::conflict(
            "credit_matched",
            format!("credit {external_id:?} has paid for a transaction already: the list of credits says for which"),
        ));
    };
    let event = event(&state, &credit, &before).await?;
    let now = state.clock.now();
    let after = deposit::step(&before, &event, now).map_err(|_| not_waiting(&before))?;
    let changed = Write::changed(&before, &after, event.name(), &actor, Some(format!("{external_id} ({why}), assigned: {}", asked.reason)));
    let mut writes = vec![
        Write::CreditAssigned { tenant: tenant.id.clone(), rail, external_id: external_id.clone(), transaction: before.id.clone() },
        state.audit_row(Some(&tenant.id), &actor, "credit.assign", &format!("{external_id} to {}", before.id), Some(asked.reason)),
    ];
    if after.state == TransactionState::Deposit(DepositState::Ready) {
        writes.push(Write::plan_work(&tenant.id, &after.anchor_account));
    }
    writes.push(changed);
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(TransactionView::new(after, now)))
}

async fn credit(state: &ApiState, tenant: &Tenant, rail: &str, external_id: &str) -> Result<BankCredit, Problem> {
    let found = state.store.known_credits(&tenant.id, rail, std::slice::from_ref(&external_id.to_owned())).await?;
    let missing = || {
        Problem::not_found(
            "no_such_credit",
            format!("tenant {} has no credit {external_id:?} of rail {rail:?}: see its list of credits", tenant.id),
        )
    };
    found.into_iter().next().ok_or_else(missing)
}

async fn transaction(state: &ApiState, tenant: &Tenant, id: &str) -> Result<Transaction, Problem> {
    let missing = || Problem::not_found("no_such_transaction", format!("tenant {} has no transaction {id:?}", tenant.id));
    let wanted = TransactionId::new(id).map_err(|_| missing())?;
    let found = state.store.transactions(&[(tenant.id.clone(), wanted)]).await?;
    found.into_iter().flatten().next().ok_or_else(missing)
}

/// The credit as the deposit's money, assessed by the asset's rules.
async fn event(state: &ApiState, credit: &BankCredit, before: &Transaction) -> Result<DepositEvent, Problem> {
    match before.state {
        TransactionState::Withdrawal(_) => {
            return Err(Problem::conflict("not_a_deposit", format!("{} is a withdrawal: its money comes from the ledger", before.id)));
        }
        TransactionState::Deposit(
            DepositState::AwaitingFunds | DepositState::SeenPending | DepositState::Expired | DepositState::Failed,
        ) => {}
        TransactionState::Deposit(_) => return Err(not_waiting(before)),
    }
    let rules = state.store.asset(&before.tenant, &before.asset).await?;
    let rules = rules.ok_or_else(|| {
        Problem::conflict("unknown_asset", format!("the tenant has no rules for {} any more: add them with PUT assets", before.asset))
    })?;
    let assessment = assess(credit.amount, before.amount_expected, rules.deposit.tolerance_ppm, &rules.deposit, rules.decimals)
        .map_err(|error| Problem::conflict("fee_out_of_range", format!("{}: the fee cannot be computed: {error}", before.id)))?;
    Ok(DepositEvent::FundsReceived { amount_in: credit.amount, assessment, external_id: credit.external_id.clone() })
}

fn not_waiting(before: &Transaction) -> Problem {
    let state = before.state.as_str();
    Problem::conflict(
        "not_waiting",
        format!("{} is {state}: only a deposit that waits for money, has expired or has failed can be given a credit", before.id),
    )
}
