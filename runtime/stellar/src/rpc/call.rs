//! JSON-RPC 2.0 over HTTP, with limits of time and size. Keeps the server's URL out of messages: providers put keys in it.

use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};

use super::RpcOptions;
use crate::error::Error;

/// One server.
pub(super) struct Caller {
    client: Client,
    url: Url,
    shown: String,
    answer_bytes_max: usize,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// No connection, no answer in time.
    #[error("{0}")]
    Http(String),
    /// Not 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// Longer than what is read.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// 200, and something else than JSON-RPC.
    #[error("{0}")]
    NotJsonRpc(String),
    /// A JSON-RPC error.
    #[error("error {code}: {message}")]
    Refused {
        /// Its code.
        code: i64,
        /// Its text.
        message: String,
    },
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("url", &self.shown).finish_non_exhaustive()
    }
}

impl Caller {
    pub(super) fn new(url: &str, options: &RpcOptions) -> Result<Self, Error> {
        let url = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Url(format!("its scheme is {}", url.scheme())));
        }
        let client = client(&url, options)?;
        let shown = url.origin().ascii_serialization();
        Ok(Self { client, url, shown, answer_bytes_max: options.answer_bytes_max })
    }

    /// The server in messages: without path, query and credentials.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The result of a method. Null parameters are left out: methods without parameters refuse any.
    pub(super) async fn call(&self, method: &str, params: &Value) -> Result<Value, CallError> {
        let mut request = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
        if !params.is_null() {
            request["params"] = params.clone();
        }
        let mut response = self.client.post(self.url.clone()).json(&request).send().await.map_err(http)?;
        if !response.status().is_success() {
            return Err(CallError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(http)? {
            if body.len().saturating_add(chunk.len()) > self.answer_bytes_max {
                return Err(CallError::TooLarge(self.answer_bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        result(&body)
    }
}

/// One client per server: no redirects; for plain http no need of a machine with TLS roots; no proxy to this machine itself.
pub(crate) fn client(url: &Url, options: &RpcOptions) -> Result<Client, Error> {
    crate::install_tls_provider();
    let builder = Client::builder().connect_timeout(options.connect_timeout).timeout(options.timeout).redirect(redirect::Policy::none());
    let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let builder = if local { builder.no_proxy() } else { builder };
    builder.build().map_err(Error::Client)
}

fn http(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    CallError::Http(text)
}

/// The result in an answer's body.
fn result(body: &[u8]) -> Result<Value, CallError> {
    let mut answer: Value =
        serde_json::from_slice(body).map_err(|error| CallError::NotJsonRpc(format!("the answer is not JSON: {error}")))?;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").and_then(Value::as_i64).unwrap_or(0);
        let message = error.get("message").and_then(Value::as_str).unwrap_or("no message").chars().take(500).collect();
        return Err(CallError::Refused { code, message });
    }
    match answer.get_mut("result").map(Value::take) {
        Some(result @ Value::Object(_)) => Ok(result),
        _ => Err(CallError::NotJsonRpc("the answer has neither a result nor an error".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_results_or_errors_and_nothing_else() {
        assert_eq!(result(br#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#).unwrap(), json!({ "a": 1 }));
        assert!(matches!(result(br#"{"error":{"code":-32603,"message":"x"}}"#), Err(CallError::Refused { code: -32603, .. })));
        for body in ["", "<html>", "{}", "[]", r#"{"result":null}"#, r#"{"result":"x"}"#, r#"{"error":null}"#] {
            assert!(matches!(result(body.as_bytes()), Err(CallError::NotJsonRpc(_))), "{body}");
        }
    }

    #[test]
    fn rule_10_what_is_secret_in_a_url_is_not_in_messages() {
        let caller = Caller::new("http://user:pass@rpc.test:8000/v1/api-key?key=secret", &RpcOptions::default()).unwrap();
        assert_eq!(caller.shown(), "http://rpc.test:8000");
        assert!(!format!("{caller:?}").contains("key"));
        for url in ["", "rpc.test", "file:///etc/passwd", "http://"] {
            assert!(matches!(Caller::new(url, &RpcOptions::default()), Err(Error::Url(_))), "{url}");
        }
    }
}
