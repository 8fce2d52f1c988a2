//! Sends a checked request and waits for the whole answer.
//!
//! Each tenant has connections and TLS sessions of its own. Reads may use a connection again; a request that carries an
//! `Idempotency-Key` always gets a connection of its own, so that a bank that closes an idle connection at the wrong
//! moment never leaves a payout's outcome unknown. Nothing is sent twice: no redirects, no retries.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::client::Resumption;
use windlass_domain::TenantId;
use windlass_domain::manifest::Manifest;
use windlass_domain::ports::egress::{Egress, EgressError, IncomingResponse, OutgoingRequest, OutgoingValue};

use crate::mask::Mask;
use crate::policy::{self, OperatorPolicy, refused_address};
use crate::{SetUpError, addresses};

/// Longest time to make a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Clients kept. When there are so many, all are let go and made again as they are needed; requests under way go on.
const MOST_CLIENTS: usize = 4_096;

/// Turns names into addresses. The answers are checked afterwards, so it need not be trusted.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Every address of the host.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The checked way out.
pub struct CheckedEgress {
    operator: OperatorPolicy,
    lookup: Arc<dyn Lookup>,
    tls: rustls::ClientConfig,
    clients: Mutex<HashMap<ClientKey, reqwest::Client>>,
}

/// What may share connections. The port is part of it for loopback only: the resolver is not told the port.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ClientKey {
    tenant: TenantId,
    reuse: bool,
    loopback_port: Option<u16>,
}

impl CheckedEgress {
    /// Under the operator's policy, with the machine's own resolver and root certificates.
    pub fn new(operator: OperatorPolicy) -> Result<Self, SetUpError> {
        Self::with_lookup(operator, Arc::new(SystemLookup))
    }

    /// With another resolver.
    pub fn with_lookup(operator: OperatorPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, SetUpError> {
        Ok(Self { operator, lookup, tls: tls()?, clients: Mutex::new(HashMap::new()) })
    }

    fn client(&self, key: ClientKey) -> Result<reqwest::Client, SetUpError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let mut tls = self.tls.clone();
        tls.resumption = Resumption::in_memory_sessions(32);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(CheckedResolver { lookup: self.lookup.clone(), loopback_port: key.loopback_port })
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(if key.reuse { 8 } else { 0 })
            .user_agent("windlass")
            .build()
            .map_err(SetUpError::Client)?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// TLS with the machine's root certificates; without any, every TLS connection fails and says so.
fn tls() -> Result<rustls::ClientConfig, SetUpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(SetUpError::Tls)?;
    match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "no root certificates: every https:// request will fail; install the system's CA certificates");
            Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        }
    }
}

#[async_trait]
impl Egress for CheckedEgress {
    fn check(&self, manifest: &Manifest, request: &OutgoingRequest) -> Result<(), EgressError> {
        policy::check(&self.operator, manifest, request).map(|_| ())
    }

    async fn send(&self, tenant: &TenantId, manifest: &Manifest, request: OutgoingRequest) -> Result<IncomingResponse, EgressError> {
        let target = policy::check(&self.operator, manifest, &request)?;
        let key = ClientKey {
            tenant: tenant.clone(),
            reuse: request.idempotency_key.is_none(),
            loopback_port: self.operator.allows_loopback(target.port).then_some(target.port),
        };
        let client = self.client(key).map_err(|error| EgressError::NotConnected(describe(&error)))?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|error| EgressError::Invalid(error.to_string()))?;
        let has_body = !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        let headers = header_map(&request)?;
        let mask = Mask::of(&request);
        let (response_body_bytes, header_bytes) = (request.response_body_bytes, request.header_bytes);
        let time = Duration::from_millis(request.timeout_ms);
        let mut builder = client.request(method, target.url).headers(headers);
        if has_body {
            builder = builder.body(request.body);
        }
        let exchange = async {
            let response = builder.send().await.map_err(|error| classify(&error, &mask))?;
            receive(response, response_body_bytes, header_bytes, &mask).await
        };
        match tokio::time::timeout(time, exchange).await {
            Ok(result) => result,
            Err(_) => Err(EgressError::NoAnswer(format!("no complete answer within {} ms", time.as_millis()))),
        }
    }
}

fn header_map(request: &OutgoingRequest) -> Result<HeaderMap, EgressError> {
    let invalid = |name: &str| EgressError::Invalid(format!("header {name:?} is not well-formed"));
    let mut map = HeaderMap::new();
    for (name, value) in &request.headers {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(name))?;
        let value = match value {
            OutgoingValue::Plain(text) => HeaderValue::from_bytes(text.as_bytes()),
            OutgoingValue::Secret { prefix, value, .. } => {
                HeaderValue::from_bytes(&[prefix.as_bytes(), value.expose()].concat()).map(|mut value| {
                    value.set_sensitive(true);
                    value
                })
            }
        };
        map.append(header, value.map_err(|_| invalid(name))?);
    }
    // A compressed answer could carry a secret past the mask, and is not unpacked for the guest.
    map.insert(reqwest::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(key) = &request.idempotency_key {
        map.insert("idempotency-key", HeaderValue::from_str(key).map_err(|_| invalid("idempotency-key"))?);
    }
    Ok(map)
}

async fn receive(
    mut response: reqwest::Response,
    body_bytes: u64,
    header_bytes: u64,
    mask: &Mask,
) -> Result<IncomingResponse, EgressError> {
    let status = response.status().as_u16();
    let size: u64 = response.headers().iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64).sum();
    if size > header_bytes {
        return Err(EgressError::TooLarge(format!("the answer has {size} bytes of headers: at most {header_bytes} are taken")));
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(&mask.apply(value.as_bytes().to_vec())).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let too_large = || EgressError::TooLarge(format!("the answer's body is larger than {body_bytes} bytes"));
    if response.content_length().is_some_and(|length| length > body_bytes) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| EgressError::NoAnswer(describe_http(&error, mask)))? {
        if (body.len() + chunk.len()) as u64 > body_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(IncomingResponse { status, headers, body: mask.apply(body) })
}

/// What an error proves: only a failure to connect is certain that nothing was sent.
fn classify(error: &reqwest::Error, mask: &Mask) -> EgressError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressesRefused>() {
            return EgressError::Denied(refused.0.clone());
        }
        cause = error.source();
    }
    if error.is_connect() || error.is_builder() {
        EgressError::NotConnected(describe_http(error, mask))
    } else {
        EgressError::NoAnswer(describe_http(error, mask))
    }
}

/// The causes only: the outermost text repeats the URL, which the guest knows.
fn describe_http(error: &reqwest::Error, mask: &Mask) -> String {
    let text = std::error::Error::source(error).map_or_else(|| error.to_string(), describe);
    String::from_utf8_lossy(&mask.apply(text.into_bytes())).into_owned()
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Resolves through [`Lookup`] and hands on only addresses that may be reached. It is asked for every new connection, so
/// a name that changes its mind is checked again.
struct CheckedResolver {
    lookup: Arc<dyn Lookup>,
    loopback_port: Option<u16>,
}

/// A name resolved, but to no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct AddressesRefused(String);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, loopback_port) = (self.lookup.clone(), self.loopback_port);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let mut refusal = None;
            let mut allowed = Vec::new();
            for address in found {
                match addresses::check(address, loopback_port.is_some()) {
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(kind) => refusal = Some((address, kind)),
                }
            }
            match (allowed.is_empty(), refusal) {
                (true, Some((address, kind))) => {
                    let text = format!(
                        "host {}: {}",
                        name.as_str(),
                        refused_address(&address, kind, 0).replace("{ ports = [0] }", "{ ports = [<its port>] }")
                    );
                    Err(AddressesRefused(text).into())
                }
                (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, format!("host {} has no address", name.as_str())).into()),
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
