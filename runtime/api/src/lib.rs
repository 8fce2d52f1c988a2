//! HTTP: the operator's and the tenants' API.
//!
//! Everything is under `/v1`, JSON in and out; errors are `application/problem+json` with a code that stays
//! ([`Problem`]). Who may do what is in [`auth`]. One operation, one file: its route is in [`router`], and its file has
//! what it takes, what it answers and what it refuses.

mod accounts;
mod assets;
pub mod auth;
mod credits;
mod extract;
mod health;
mod incoming;
mod integrations;
mod jobs;
mod limits;
mod page;
mod problem;
mod secrets;
mod settings;
mod tenants;
mod time;
mod transactions;
mod waiting;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use tracing::Instrument;
use windlass_domain::TenantId;
use windlass_domain::commit::{Commit, Write};
use windlass_domain::limits::{COMPONENT_BYTES, RunLimits};
use windlass_domain::ports::clock::{Clock, Random};
use windlass_domain::ports::guest::ComponentCheck;
use windlass_domain::ports::secrets::{Keys, Sealer};
use windlass_domain::ports::store::AdminStore;

pub use problem::Problem;

/// Bytes of a body, except an upload's.
pub(crate) const BODY_BYTES: usize = 1 << 20;

/// Bytes of an upload: the component, the manifest and what multipart puts around them.
const UPLOAD_BYTES: usize = COMPONENT_BYTES + BODY_BYTES;

/// What the operations stand on.
#[derive(Clone)]
pub struct ApiState {
    /// Where everything is.
    pub store: Arc<dyn AdminStore>,
    /// Checks uploads.
    pub check: Arc<dyn ComponentCheck>,
    /// Seals what is secret.
    pub sealer: Arc<dyn Sealer>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens, references, seeds.
    pub random: Arc<dyn Random>,
    /// Reads Stellar keys and accounts.
    pub keys: Arc<dyn Keys>,
    /// SHA-256 (hex) of the operator's token: see [`auth::token_hash`]. It is in no database, so that changing the
    /// configuration is enough to take it back.
    pub operator_token_hash: String,
    /// Passphrases of the networks that this host has a ledger for.
    pub networks: Vec<String>,
    /// No tenant's limits may be above these.
    pub ceiling: RunLimits,
    /// Tells the drivers that there is something to do.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl ApiState {
    /// Notes what a person did. What they did is done already, so a failure is logged and not theirs.
    pub(crate) async fn audit(&self, tenant: Option<&TenantId>, actor: &str, action: &str, subject: &str) {
        let write = self.audit_row(tenant, actor, action, subject, None);
        for outcome in self.store.commit(vec![Commit { fence: None, writes: vec![write] }]).await {
            if let Err(error) = outcome {
                tracing::error!(%error, action, subject, "api.audit.write failed");
            }
        }
    }

    /// The row for [`ApiState::audit`], to go into the commit that it tells of.
    pub(crate) fn audit_row(&self, tenant: Option<&TenantId>, actor: &str, action: &str, subject: &str, reason: Option<String>) -> Write {
        let (actor, action, subject) = (actor.to_owned(), action.to_owned(), subject.to_owned());
        Write::Audit { tenant: tenant.cloned(), actor, action, subject, reason, at: self.clock.now() }
    }

    /// Makes one commit.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), windlass_domain::commit::CommitError> {
        for outcome in self.store.commit(vec![Commit { fence: None, writes }]).await {
            outcome?;
        }
        Ok(())
    }
}

/// Every operation.
pub fn router(state: ApiState) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    router
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn(traced))
        .with_state(state)
}

/// The path of every operation, with names in braces: for documentation, and for tests that forget none.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

fn routes() -> Vec<(&'static str, MethodRouter<ApiState>)> {
    vec![
        ("/healthz", get(health::handle)),
        ("/v1/tenants", post(tenants::create::handle).get(tenants::list::handle)),
        ("/v1/tenants/{tenant}", get(tenants::show::handle)),
        ("/v1/tenants/{tenant}/tokens", post(tenants::add_token::handle)),
        ("/v1/tenants/{tenant}/limits", put(limits::handle)),
        ("/v1/tenants/{tenant}/assets", put(assets::put::handle).get(assets::list::handle)),
        ("/v1/tenants/{tenant}/accounts", post(accounts::add::handle).get(accounts::list::handle)),
        ("/v1/tenants/{tenant}/secrets", get(secrets::list::handle)),
        ("/v1/tenants/{tenant}/secrets/{name}", put(secrets::put::handle)),
        ("/v1/tenants/{tenant}/settings", get(settings::list::handle)),
        ("/v1/tenants/{tenant}/settings/{name}", put(settings::put::handle).merge(delete(settings::remove::handle))),
        (
            "/v1/tenants/{tenant}/integrations",
            post(integrations::upload::handle).layer(DefaultBodyLimit::max(UPLOAD_BYTES)).get(integrations::list::handle),
        ),
        ("/v1/tenants/{tenant}/integrations/{number}/activate", post(integrations::activate::handle)),
        ("/v1/tenants/{tenant}/transactions", post(transactions::create::handle).get(transactions::list::handle)),
        ("/v1/tenants/{tenant}/transactions/{id}", get(transactions::show::handle)),
        ("/v1/tenants/{tenant}/transactions/{id}/resolve", post(transactions::resolve::handle)),
        ("/v1/tenants/{tenant}/transactions/{id}/release", post(transactions::release::handle)),
        ("/v1/tenants/{tenant}/transactions/{id}/retry", post(transactions::retry::handle)),
        ("/v1/tenants/{tenant}/transactions/{id}/pay-again", post(transactions::pay_again::handle)),
        ("/v1/tenants/{tenant}/jobs", get(jobs::list::handle)),
        ("/v1/tenants/{tenant}/jobs/{id}", get(jobs::show::handle)),
        ("/v1/tenants/{tenant}/jobs/{id}/retry", post(jobs::retry::handle)),
        ("/v1/tenants/{tenant}/incoming", get(incoming::handle)),
        ("/v1/tenants/{tenant}/credits", get(credits::list::handle)),
        ("/v1/tenants/{tenant}/credits/{rail}/{external_id}/assign", post(credits::assign::handle)),
        ("/v1/tenants/{tenant}/waiting", get(waiting::handle)),
    ]
}

async fn no_such_route(request: Request) -> Problem {
    Problem::not_found("no_such_route", format!("there is nothing at {}", request.uri().path()))
}

async fn no_such_method(request: Request) -> Problem {
    let detail = format!("{} is not for {}: see the header Allow", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", detail)
}

/// One span per request, with the route's pattern: ids of tenants are in it, payers' data is not.
async fn traced(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let span = tracing::info_span!("api.request.handle", http.method = %request.method(), http.path = request.uri().path());
    let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
    async move {
        let response = next.run(request).await;
        tracing::debug!(http.route = route, http.status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}
