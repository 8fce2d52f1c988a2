//! `POST /v1/tenants/{tenant}/jobs/{id}/retry`: opens a dead letter again.
//!
//! With the active version if it exports the hook and nothing that the job sent so far can have been carried out; else with
//! the version that the job is pinned to (a version that is at fault can so be replaced).
//!
//! A payout only where a new run is safe (money rule 3): its journal says that nothing was paid, or the rail carries out
//! one request per key, and the withdrawal still waits for it. Else 409 `payout_open`: see `resolve`.

use axum::Json;
use axum::extract::{Path, State};
use windlass_domain::VersionNumber;
use windlass_domain::commit::Write;
use windlass_domain::effect::{EffectRecord, Evidence, Judgement, evidence, judge};
use windlass_domain::job::{Hook, Job, JobState, Run};
use windlass_domain::manifest::UnknownEffects;
use windlass_domain::tenant::Tenant;
use windlass_domain::transaction::State as TransactionState;
use windlass_domain::withdrawal::WithdrawalState;

use super::JobView;
use super::show::find;
use crate::auth::Member;
use crate::{ApiState, Problem};

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<JobView>, Problem> {
    let (job, runs, effects) = find(&state, &tenant, &id).await?;
    if job.state != JobState::Dead {
        let detail = format!("{} is {}: only a dead job can be retried", job.id, job.state.as_str());
        return Err(Problem::conflict("not_dead", detail));
    }
    if job.hook == Hook::ProcessWithdrawal {
        may_pay_out_again(&state, &job, &runs, effects.clone()).await?;
    }
    let version = version(&state, &tenant, &job, &effects_of(&job, effects)).await?;
    let after = Job { state: JobState::Open, version, failures: 0, message: None, updated_at: state.clock.now(), ..job };
    let writes = vec![
        state.audit_row(Some(&tenant.id), &actor, "job.retry", after.id.as_str(), None),
        Write::job_work(&after, 0),
        Write::Job { before: JobState::Dead, after: Box::new(after.clone()) },
    ];
    state.commit(writes).await?;
    (state.wake)();
    Ok(Json(after.into()))
}

/// The version that the next run takes.
async fn version(state: &ApiState, tenant: &Tenant, job: &Job, journal: &[EffectRecord]) -> Result<VersionNumber, Problem> {
    match tenant.active_version {
        Some(active) if evidence(journal) <= Evidence::SaidNo => {
            let version = state.store.version(&tenant.id, active).await?;
            Ok(version.filter(|version| version.hooks.contains(&job.hook)).map_or(job.version, |version| version.number))
        }
        _ => Ok(job.version),
    }
}

/// The effects that people have not settled.
fn effects_of(job: &Job, effects: Vec<EffectRecord>) -> Vec<EffectRecord> {
    effects.into_iter().filter(|effect| effect.run > job.settled_runs).collect()
}

async fn may_pay_out_again(state: &ApiState, job: &Job, runs: &[Run], effects: Vec<EffectRecord>) -> Result<(), Problem> {
    if let Some(id) = &job.transaction {
        let stands = state.store.show_transaction(&job.tenant, id).await?.map(|(transaction, _)| transaction.state);
        if stands != Some(TransactionState::Withdrawal(WithdrawalState::Received)) {
            let now = stands.map_or("not there", TransactionState::as_str);
            return Err(Problem::conflict("payout_open", format!("{id} is {now}: only a withdrawal that is received is paid out")));
        }
    }
    let version = state.store.version(&job.tenant, job.version).await?;
    let rail = version.map_or(UnknownEffects::Hold, |version| version.manifest.rail.effects);
    if new_run_is_safe(job, runs, effects, rail) {
        return Ok(());
    }
    Err(Problem::conflict(
        "payout_open",
        format!("{} sent a payout that may have been made: look at the bank's side, then say so with resolve", job.id),
    ))
}

/// Does the journal, after what people settled, allow one more run?
fn new_run_is_safe(job: &Job, runs: &[Run], effects: Vec<EffectRecord>, rail: UnknownEffects) -> bool {
    let journal = effects_of(job, effects);
    let end = runs.iter().max_by_key(|run| run.ordinal).and_then(|run| run.end.as_ref());
    match judge(&journal, end, rail) {
        Judgement::RunAgain(_) | Judgement::Refuse(_) | Judgement::RepeatWithSameKey => true,
        Judgement::AsReturned | Judgement::Hold(_) | Judgement::LookUp => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::effect::EffectAnswer;
    use windlass_domain::job::RunEnd;
    use windlass_domain::{JobId, TenantId, VersionNumber};

    #[test]
    fn rule_3_a_retry_pays_nothing_twice() {
        let tenant = TenantId::new("acme").unwrap();
        let job = Job {
            tenant: tenant.clone(),
            id: JobId::from_bits([1; 16]),
            hook: Hook::ProcessWithdrawal,
            transaction: None,
            version: VersionNumber(1),
            state: JobState::Dead,
            runs: 1,
            failures: 1,
            idle_polls: 0,
            settled_runs: 0,
            message: None,
            seed: String::new(),
            created_at: 0,
            updated_at: 0,
        };
        let end = Some(RunEnd::Trapped("x".into()));
        let run = Run {
            tenant: tenant.clone(),
            job: job.id.clone(),
            ordinal: 1,
            hook: job.hook,
            version: job.version,
            started_at: 0,
            ended_at: Some(1),
            end,
            receipt: None,
        };
        let effect = |answer| EffectRecord {
            tenant: tenant.clone(),
            job: job.id.clone(),
            run: 1,
            name: "payout".into(),
            key: "k".into(),
            request_digest: "d".into(),
            intended_at: 0,
            answer,
        };
        let answered = |status| Some(EffectAnswer::Complete { status, sealed_response: String::new() });
        use UnknownEffects::{Hold, Idempotent, LookUp};
        for (effects, rail, safe) in [
            (vec![], Hold, true),
            (vec![effect(answered(422))], Hold, true),
            (vec![effect(answered(200))], Hold, false),
            (vec![effect(answered(200))], Idempotent, false),
            (vec![effect(None)], Hold, false),
            (vec![effect(None)], LookUp, false),
            (vec![effect(None)], Idempotent, true),
        ] {
            assert_eq!(new_run_is_safe(&job, std::slice::from_ref(&run), effects.clone(), rail), safe, "{effects:?} {rail:?}");
        }
        let settled = Job { settled_runs: 1, ..job.clone() };
        assert!(new_run_is_safe(&settled, std::slice::from_ref(&run), vec![effect(None)], Hold), "settled by a person's word");
    }
}
