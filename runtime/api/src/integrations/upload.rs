//! `POST /v1/tenants/{tenant}/integrations`: uploads a version.
//!
//! Takes `multipart/form-data` with two parts: `manifest` (JSON, [`Manifest`]) and `component` (a WebAssembly component,
//! at most 20 MiB). Answers 201 with the version; 200 if the same component with the same manifest was there already.
//! Refusals name every reason: `manifest_refused`, `component_refused`.

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use windlass_domain::VersionNumber;
use windlass_domain::job::Hook;
use windlass_domain::limits::COMPONENT_BYTES;
use windlass_domain::manifest::{Manifest, UnknownEffects};
use windlass_domain::tenant::Version;

use super::VersionView;
use crate::auth::Member;
use crate::extract::{parse, too_large};
use crate::{ApiState, Problem};

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<VersionView>), Problem> {
    let form = form.map_err(|refused| bad_form(&refused.body_text()))?;
    let (manifest, component) = parts(form).await?;
    let problems = manifest.problems();
    if !problems.is_empty() {
        let detail = format!("the manifest is refused: {}", problems.join("; "));
        return Err(Problem::invalid("manifest_refused", detail).with_reasons(problems));
    }
    let checked = state
        .check
        .check(component.clone())
        .await
        .map_err(|refused| Problem::invalid("component_refused", refused.to_string()).with_reasons(refused.reasons))?;
    if manifest.rail.effects == UnknownEffects::LookUp && !checked.hooks.contains(&Hook::PayoutStatus) {
        let reason = "rail.effects: look-up needs the hook payout-status, which the component does not export".to_owned();
        return Err(Problem::invalid("manifest_refused", format!("the manifest is refused: {reason}")).with_reasons(vec![reason]));
    }
    let at = state.clock.now();
    let version = Version {
        tenant: tenant.id.clone(),
        number: VersionNumber(0),
        digest: checked.digest,
        hooks: checked.hooks,
        manifest,
        created_at: at,
    };
    let stored = state.store.add_version(&version, &component).await?;
    state.audit(Some(&tenant.id), &actor, "version.upload", &stored.digest).await;
    let status = if stored.created_at == at { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(VersionView::new(stored, tenant.active_version))))
}

async fn parts(mut form: Multipart) -> Result<(Manifest, Vec<u8>), Problem> {
    let (mut manifest, mut component) = (None, None);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "manifest" if manifest.is_none() => manifest = Some(parse::<Manifest>(&field.bytes().await.map_err(unreadable)?, "manifest")?),
            "component" if component.is_none() => {
                let bytes = field.bytes().await.map_err(unreadable)?;
                if bytes.len() > COMPONENT_BYTES {
                    return Err(too_large("the component", COMPONENT_BYTES));
                }
                component = Some(bytes.to_vec());
            }
            "manifest" | "component" => return Err(bad_form(&format!("the part {name} is there twice"))),
            other => return Err(bad_form(&format!("the part {other:?} is not known"))),
        }
    }
    match (manifest, component) {
        (Some(manifest), Some(component)) => Ok((manifest, component)),
        (None, _) => Err(bad_form("the part manifest is missing")),
        (_, None) => Err(bad_form("the part component is missing")),
    }
}

fn bad_form(what: &str) -> Problem {
    let detail = format!("{what}: send multipart/form-data with the parts manifest (JSON) and component (the component's bytes)");
    Problem::new(StatusCode::BAD_REQUEST, "invalid_form", detail)
}

fn unreadable(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large("the component", COMPONENT_BYTES),
        _ => bad_form(&error.body_text()),
    }
}
