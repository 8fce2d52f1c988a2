//! `POST /v1/tenants/{tenant}/integrations/{number}/activate`: new jobs run this version from now on.
//!
//! Refused while an enabled direction of an asset lacks its hook in it: 409 `hook_missing`. Makes the polls that it
//! exports, if they are not there.

use axum::Json;
use axum::extract::{Path, State};
use windlass_domain::job::{Hook, Job, JobState};
use windlass_domain::ports::store::StoreError;
use windlass_domain::tenant::Version;
use windlass_domain::{JobId, VersionNumber};

use super::VersionView;
use crate::auth::Member;
use crate::{ApiState, Problem};

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<VersionView>, Problem> {
    let missing = || Problem::not_found("no_such_version", format!("tenant {} has no version {number:?}: upload it first", tenant.id));
    let wanted = VersionNumber(number.parse().map_err(|_| missing())?);
    let version = state.store.version(&tenant.id, wanted).await?.ok_or_else(missing)?;
    state.store.activate(&tenant.id, wanted, &polls(&state, &version)).await.map_err(|error| match error {
        StoreError::HookMissing(missing) => {
            let detail = format!(
                "version {wanted} does not export what is enabled: {}: put enabled to false first, or upload a version that has it",
                missing.join("; ")
            );
            Problem::conflict("hook_missing", detail).with_reasons(missing)
        }
        other => other.into(),
    })?;
    state.audit(Some(&tenant.id), &actor, "version.activate", &wanted.to_string()).await;
    (state.wake)();
    Ok(Json(VersionView::new(version, Some(wanted))))
}

/// One open job for each poll that the version exports.
fn polls(state: &ApiState, version: &Version) -> Vec<Job> {
    let now = state.clock.now();
    let is_poll = |hook: &&Hook| matches!(hook, Hook::PollPendingDeposits | Hook::PollPendingPayouts);
    let job = |hook: &Hook| Job {
        tenant: version.tenant.clone(),
        id: JobId::from_bits(state.random.bits()),
        hook: *hook,
        transaction: None,
        version: version.number,
        state: JobState::Open,
        runs: 0,
        failures: 0,
        idle_polls: 0,
        settled_runs: 0,
        message: None,
        seed: hex::encode(state.random.bits_256()),
        created_at: now,
        updated_at: now,
    };
    version.hooks.iter().filter(is_poll).map(job).collect()
}
