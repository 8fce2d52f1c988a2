//! An API on a fresh SQLite store; the other ports are small fakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use windlass_api::auth::token_hash;
use windlass_api::{ApiState, router};
use windlass_domain::job::Hook;
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::clock::{Clock, Random};
use windlass_domain::ports::guest::{Checked, ComponentCheck, UploadRefused};
use windlass_domain::ports::secrets::{Keys, Sealer, SecretBytes, SecretError};
use windlass_domain::ports::store::AdminStore;
use windlass_domain::{AccountId, TenantId, TimeMs};
use windlass_store::testing::{Engine, TestDb, fresh};

pub(crate) const NETWORK: &str = "Test Network";
pub(crate) const OPERATOR: &str = "operator-token";

/// An API, its store, and the tokens of the tenants it was made with.
pub(crate) struct Api {
    router: Router,
    db: TestDb,
    woken: Arc<AtomicU64>,
}

impl Api {
    pub(crate) async fn new() -> Self {
        let db = fresh(Engine::Sqlite).await;
        let woken = Arc::new(AtomicU64::new(0));
        let count = woken.clone();
        let state = ApiState {
            store: db.store.clone(),
            check: Arc::new(NamedHooks),
            sealer: Arc::new(Marked),
            clock: Arc::new(Ticking(AtomicI64::new(1_790_000_000_000))),
            random: Arc::new(Counted(AtomicU64::new(0))),
            keys: Arc::new(Shapes),
            operator_token_hash: token_hash(OPERATOR),
            networks: vec![NETWORK.to_owned()],
            ceiling: RunLimits::default(),
            wake: Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        };
        Self { router: router(state), db, woken }
    }

    pub(crate) fn store(&self) -> &dyn AdminStore {
        self.db.store.as_ref()
    }

    /// How often the drivers were woken.
    pub(crate) fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let status = response.status();
        let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
        let bytes = to_bytes(response.into_body(), 1 << 24).await.expect("the body is read");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("the body is JSON") };
        assert_eq!(is_problem, status.is_client_error() || status.is_server_error(), "{status} {body}");
        if is_problem {
            assert_eq!(body["status"], status.as_u16());
            assert!(body["code"].is_string() && body["title"].is_string() && body["detail"].is_string(), "{body}");
        }
        (status, body)
    }

    pub(crate) async fn call(&self, token: Option<&str>, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).expect("a request")).await
    }

    /// As the operator; the status must be a success.
    pub(crate) async fn well(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Some(OPERATOR), method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// As the operator; the status and code of the refusal.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.call(Some(OPERATOR), method, path, body).await;
        assert!(!status.is_success(), "{method} {path}: {status} {answer}");
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned())
    }

    /// A new tenant's token.
    pub(crate) async fn tenant(&self, id: &str) -> String {
        let made = self.well("POST", "/v1/tenants", json!({ "id": id, "home_domain": format!("{id}.example"), "network": NETWORK })).await;
        made["token"].as_str().expect("a token").to_owned()
    }

    /// A tenant that can deposit and withdraw `native`.
    pub(crate) async fn ready_tenant(&self, id: &str, effects: &str) -> String {
        let token = self.tenant(id).await;
        self.well("POST", &format!("/v1/tenants/{id}/accounts"), json!({ "secret_seed": seed(id) })).await;
        self.upload(id, json!({ "rail": { "effects": effects } }), "poll-pending-deposits,process-withdrawal").await;
        self.well("POST", &format!("/v1/tenants/{id}/integrations/1/activate"), Value::Null).await;
        let direction = json!({ "enabled": true, "min_amount": "1", "max_amount": "1000" });
        self.well("PUT", &format!("/v1/tenants/{id}/assets"), json!({ "asset": "native", "deposit": direction, "withdrawal": direction }))
            .await;
        token
    }

    /// Uploads a component that exports these hooks.
    pub(crate) async fn upload(&self, tenant: &str, manifest: Value, hooks: &str) -> (StatusCode, Value) {
        self.form(tenant, &[("manifest", &manifest.to_string()), ("component", hooks)]).await
    }

    pub(crate) async fn form(&self, tenant: &str, parts: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut body = String::new();
        for (name, content) in parts {
            body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{content}\r\n");
        }
        body += "--edge--\r\n";
        let request = Request::post(format!("/v1/tenants/{tenant}/integrations"))
            .header(header::AUTHORIZATION, format!("Bearer {OPERATOR}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .body(Body::from(body));
        self.send(request.expect("a request")).await
    }
}

/// A seed that [`Shapes`] takes, one for each text.
pub(crate) fn seed(of: &str) -> String {
    let letters: String = of.to_ascii_uppercase().chars().filter(char::is_ascii_uppercase).collect();
    format!("S{letters:A<55}")
}

/// An account that [`Shapes`] takes, one for each text.
pub(crate) fn account(of: &str) -> String {
    seed(of).replacen('S', "G", 1)
}

/// The component's text names the hooks it exports.
struct NamedHooks;

#[async_trait]
impl ComponentCheck for NamedHooks {
    async fn check(&self, component: Vec<u8>) -> Result<Checked, UploadRefused> {
        let text = String::from_utf8_lossy(&component).into_owned();
        let hooks: Vec<Hook> = text.split(',').filter_map(Hook::from_name).collect();
        if hooks.is_empty() {
            return Err(UploadRefused { reasons: vec!["it exports no hook".to_owned()] });
        }
        Ok(Checked { digest: hex::encode(Sha256::digest(&component)), hooks, imports: vec![] })
    }
}

/// Marks what it seals: with tenant and name in front, so that tests see both.
struct Marked;

impl Sealer for Marked {
    fn seal(&self, tenant: &TenantId, what: &str, secret: &[u8]) -> String {
        format!("{tenant}|{what}|{}", hex::encode(secret))
    }

    fn open(&self, tenant: &TenantId, what: &str, sealed: &str) -> Result<SecretBytes, SecretError> {
        let opened = sealed.strip_prefix(&format!("{tenant}|{what}|")).and_then(|hex| hex::decode(hex).ok());
        opened.map(SecretBytes::new).ok_or_else(|| SecretError::CannotOpen { tenant: tenant.clone(), what: what.to_owned() })
    }
}

struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> TimeMs {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn monotonic_us(&self) -> u64 {
        0
    }
}

struct Counted(AtomicU64);

impl Random for Counted {
    fn bits(&self) -> [u8; 16] {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        Sha256::digest(count.to_be_bytes())[..16].try_into().expect("16 bytes")
    }
}

/// Shapes only: no checksums.
struct Shapes;

impl Keys for Shapes {
    fn account_of_seed(&self, seed: &str) -> Result<AccountId, String> {
        AccountId::new(seed.replacen('S', "G", 1)).map_err(|_| "not a seed".to_owned())
    }

    fn account_is_valid(&self, account: &str) -> bool {
        AccountId::new(account).is_ok()
    }
}
