//! `POST /v1/tenants/{tenant}/transactions/{id}/release` (operator): a person's word that money which a limit held is paid
//! out (money rule 6).
//!
//! Takes `reason`. Only a transaction in `too_small`, `too_large` or `on_hold`: 409 `not_held`. Minimum, maximum and
//! tolerance do not count; the fee is computed anew, and something has to be left of it: 409 `nothing_left`. A deposit is
//! `ready` then; a withdrawal is `received` with its payout job, for which the active version must export the hook: 409
//! `hook_missing`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use windlass_domain::JobId;
use windlass_domain::commit::Write;
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::rules::{Assessment, Money, released};
use windlass_domain::tenant::Tenant;
use windlass_domain::transaction::{State as TransactionState, Transaction};
use windlass_domain::withdrawal::{self, WithdrawalEvent, WithdrawalState};

use super::TransactionView;
use super::show::find;
use crate::auth::OperatorOf;
use crate::extract::{JsonBody, reason};
use crate::{ApiState, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    reason: String,
}

pub(crate) async fn handle(
    State(state): State<ApiState>,
    OperatorOf { actor, tenant }: OperatorOf,
    Path((_, id)): Path<(String, String)>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<TransactionView>, Problem> {
    let (before, _) = find(&state, &tenant, &id).await?;
    reason(&asked.reason)?;
    let money = money(&state, &before).await?;
    let now = state.clock.now();
    let refused = |_| not_held(&before);
    let (after, event) = match before.state {
        TransactionState::Deposit(_) => {
            let event = DepositEvent::Released { money };
            (deposit::step(&before, &event, now).map_err(refused)?, event.name())
        }
        TransactionState::Withdrawal(_) => {
            let event = WithdrawalEvent::Released { money };
            (withdrawal::step(&before, &event, now).map_err(refused)?, event.name())
        }
    };
    let changed = Write::changed(&before, &after, event, &actor, Some(asked.reason.clone()));
    let mut writes = match after.state {
        TransactionState::Deposit(_) => vec![Write::plan_work(&tenant.id, &after.anchor_account)],
        TransactionState::Withdrawal(_) => {
            let job = payout(&state, &tenant, &after).await?;
            vec![Write::job_work(&job, 0), Write::NewJob(Box::new(job))]
        }
    };
    writes.push(changed);
    writes.push(state.audit_row(Some(&tenant.id), &actor, "transaction.release", before.id.as_str(), Some(asked.reason)));
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(TransactionView::new(after, now)))
}

/// Fee and out of what arrived, without the limits.
async fn money(state: &ApiState, before: &Transaction) -> Result<Money, Problem> {
    let (Some(amount_in), true) = (before.amount_in, is_held(before.state)) else { return Err(not_held(before)) };
    let rules = state.store.asset(&before.tenant, &before.asset).await?;
    let rules = rules.ok_or_else(|| {
        Problem::conflict("unknown_asset", format!("the tenant has no rules for {} any more: add them with PUT assets", before.asset))
    })?;
    let direction = match before.state {
        TransactionState::Deposit(_) => &rules.deposit,
        TransactionState::Withdrawal(_) => &rules.withdrawal,
    };
    match released(amount_in, direction, rules.decimals) {
        Ok(Assessment::Accepted(money)) => Ok(money),
        Ok(Assessment::TooSmall(why) | Assessment::TooLarge(why) | Assessment::OnHold(why)) => {
            Err(Problem::conflict("nothing_left", format!("{}: {why}", before.id)))
        }
        Err(error) => Err(Problem::conflict("fee_out_of_range", format!("{}: the fee cannot be computed: {error}", before.id))),
    }
}

/// The machines say the same, and refuse what this lets through.
const fn is_held(state: TransactionState) -> bool {
    use TransactionState::{Deposit, Withdrawal};
    matches!(
        state,
        Deposit(DepositState::TooSmall | DepositState::TooLarge | DepositState::OnHold)
            | Withdrawal(WithdrawalState::TooSmall | WithdrawalState::TooLarge | WithdrawalState::OnHold)
    )
}

fn not_held(before: &Transaction) -> Problem {
    let (kind, state) = (before.kind().as_str(), before.state.as_str());
    Problem::conflict(
        "not_held",
        format!("{} is a {kind} in {state}: only one in too_small, too_large or on_hold can be released", before.id),
    )
}

/// The job that pays a withdrawal out by a person's word.
pub(super) async fn payout(state: &ApiState, tenant: &Tenant, after: &Transaction) -> Result<Job, Problem> {
    let active = match tenant.active_version {
        Some(number) => state.store.version(&tenant.id, number).await?,
        None => None,
    };
    let missing = || {
        Problem::conflict(
            "hook_missing",
            format!("tenant {} has no active version that pays withdrawals out: activate one first", tenant.id),
        )
    };
    let version = active.filter(|version| version.hooks.contains(&Hook::ProcessWithdrawal)).ok_or_else(missing)?;
    Ok(Job {
        tenant: tenant.id.clone(),
        id: JobId::from_bits(state.random.bits()),
        hook: Hook::ProcessWithdrawal,
        transaction: Some(after.id.clone()),
        version: version.number,
        state: JobState::Open,
        runs: 0,
        failures: 0,
        idle_polls: 0,
        settled_runs: 0,
        message: None,
        seed: hex::encode(state.random.bits_256()),
        created_at: after.updated_at,
        updated_at: after.updated_at,
    })
}
