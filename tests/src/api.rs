//! The runtime's HTTP API, as a client that knows nothing else of it.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

/// One caller: where, and with which token.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// For a base URL (`http://127.0.0.1:4000`) and a bearer token.
    pub fn new(base: &str, token: &str) -> Result<Self> {
        // Already installed is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(60)).build()?;
        Ok(Self { client, base: base.to_owned(), token: token.to_owned() })
    }

    /// The same place after a restart.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(self.client.request(Method::GET, self.url(path)), path).await
    }

    /// Makes or does something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(self.client.request(Method::POST, self.url(path)).json(body), path).await
    }

    /// Sets something.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(self.client.request(Method::PUT, self.url(path)).json(body), path).await
    }

    /// Uploads a component with its manifest, as multipart/form-data.
    pub async fn upload(&self, tenant: &str, manifest: &Value, component: &[u8]) -> Result<Value> {
        const BOUNDARY: &str = "windlass-7b1f2c";
        let mut body = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"manifest\"\r\n\r\n{manifest}\r\n").into_bytes();
        body.extend_from_slice(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"component\"; filename=\"component.wasm\"\r\nContent-Type: application/wasm\r\n\r\n").as_bytes());
        body.extend_from_slice(component);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let path = format!("/v1/tenants/{tenant}/integrations");
        let request =
            self.client.post(self.url(&path)).header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")).body(body);
        self.send(request, &path).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Value> {
        let response = request.bearer_auth(&self.token).send().await.with_context(|| format!("no answer to {path}"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("no whole answer to {path}"))?;
        if !status.is_success() {
            bail!("{path} answered {status}: {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{path} answered what is not JSON: {text}"))
    }
}

/// A text of a JSON object, or an error that names it.
pub fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("no text {name:?} in {value}"))
}
