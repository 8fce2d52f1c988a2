//! The only way out: one request, one answer, both whole in memory.
//!
//! ```no_run
//! use windlass_sdk::http::Request;
//! use windlass_sdk::Error;
//!
//! fn notify() -> Result<(), Error> {
//!     let answer = Request::post("https://bank.example/v1/notifications")
//!         .secret_header("X-Api-Key", "bank-api-key")
//!         .json("{\"message\":\"done\"}")
//!         .effect("notify")
//!         .send()?;
//!     match answer.status {
//!         200..=299 => Ok(()),
//!         status => Err(Error::UnexpectedResponse(format!("the bank answered {status}"))),
//!     }
//! }
//! ```

use std::time::Duration;

use crate::Error as HookError;
use crate::bindings::imports::windlass::anchor::http_client::{self, Effect, Header, HeaderValue, SecretValue};

pub use crate::bindings::imports::windlass::anchor::http_client::{Error, Method, Response};

/// How long to wait when the rail could not be reached. The host has its own floor, ceiling and number of tries.
const UNREACHABLE_DELAY: Duration = Duration::from_secs(30);

/// A request, built step by step and sent once.
///
/// Without [`effect`](Self::effect) it must only ask: the host may repeat it freely.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    request: http_client::Request,
}

impl Request {
    /// Any method. The URL is absolute: `Request::new(Method::Get, "https://bank.example/v1/statement")`
    pub fn new(method: Method, url: &str) -> Self {
        Self { request: http_client::Request { method, url: url.to_owned(), headers: Vec::new(), body: None, effect: Effect::None } }
    }

    /// `GET`. `Request::get("https://bank.example/v1/statement").send()`
    pub fn get(url: &str) -> Self {
        Self::new(Method::Get, url)
    }

    /// `POST`. `Request::post("https://bank.example/v1/transfers").json(body).effect("payout").send()`
    pub fn post(url: &str) -> Self {
        Self::new(Method::Post, url)
    }

    /// `PUT`. `Request::put("https://bank.example/v1/mandates/7").json(body).effect("mandate").send()`
    pub fn put(url: &str) -> Self {
        Self::new(Method::Put, url)
    }

    /// `DELETE`. `Request::delete("https://bank.example/v1/mandates/7").effect("revoke").send()`
    pub fn delete(url: &str) -> Self {
        Self::new(Method::Delete, url)
    }

    /// Adds a header. Headers that belong to the host (`Host`, `Content-Length`, `Idempotency-Key`, ...) are refused
    /// when the request is sent. `.header("Accept", "application/json")`
    pub fn header(self, name: &str, value: &str) -> Self {
        self.push(name, HeaderValue::Plain(value.to_owned()))
    }

    /// Adds a header whose value is the named secret, put in by the host. `.secret_header("X-Api-Key", "bank-api-key")`
    pub fn secret_header(self, name: &str, secret: &str) -> Self {
        self.secret_header_with_prefix(name, "", secret)
    }

    /// As [`secret_header`](Self::secret_header), with text before the secret.
    /// `.secret_header_with_prefix("Authorization", "Bearer ", "bank-token")`
    pub fn secret_header_with_prefix(self, name: &str, prefix: &str, secret: &str) -> Self {
        self.push(name, HeaderValue::Secret(SecretValue { prefix: prefix.to_owned(), name: secret.to_owned() }))
    }

    /// The body, as it is. `.body(b"a=1".to_vec())`
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// The body, with `Content-Type: application/json`. The caller serialises. `.json("{\"amount\":\"95.00\"}")`
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Says that the request changes something outside, and what: `.effect("payout")`. 1 to 64 characters of
    /// `a-z 0-9 -`. The host sends `Idempotency-Key`, the same in every run for this transaction and name.
    pub fn effect(mut self, name: &str) -> Self {
        self.request.effect = Effect::Named(name.to_owned());
        self
    }

    /// Sends the request and waits for the answer. At most 100 requests a run; one more ends the run.
    ///
    /// # Errors
    /// Why there is no answer. Every status is an answer. With `?` it becomes the hook's [`Error`](crate::Error).
    pub fn send(self) -> Result<Response, Error> {
        http_client::send(&self.request)
    }

    fn push(mut self, name: &str, value: HeaderValue) -> Self {
        self.request.headers.push(Header { name: name.to_owned(), value });
        self
    }
}

impl Response {
    /// Whether the status is 200 to 299. `answer.is_success()`
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in any case, or none. `answer.header("Retry-After")`
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text. `answer.text()?`
    ///
    /// # Errors
    /// [`Error::UnexpectedResponse`](crate::Error::UnexpectedResponse) if it is not UTF-8.
    pub fn text(&self) -> Result<&str, HookError> {
        std::str::from_utf8(&self.body).map_err(|error| {
            HookError::UnexpectedResponse(format!("the body of an answer with status {} is not text: {error}", self.status))
        })
    }
}

/// What the hook says when a request had no answer: the tenant mends what was not allowed, the host tries again when
/// the rail was out of reach. After a named effect the host goes by its own record in any case.
impl From<Error> for HookError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) => Self::Misconfigured(format!("the request is not well-formed: {text}")),
            Error::Denied(line) => Self::Misconfigured(format!("the request is not allowed; what would allow it: {line}")),
            Error::NotConnected(_) | Error::NoAnswer(_) => Self::try_later(UNREACHABLE_DELAY),
            Error::TooLarge(text) => Self::UnexpectedResponse(format!("the answer is too large: {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_what_was_said_and_nothing_else() {
        let built = Request::post("https://bank.example/v1/transfers")
            .secret_header_with_prefix("Authorization", "Bearer ", "bank-token")
            .json("{}")
            .effect("payout")
            .request;
        assert_eq!(
            built,
            http_client::Request {
                method: Method::Post,
                url: "https://bank.example/v1/transfers".into(),
                headers: vec![
                    Header {
                        name: "Authorization".into(),
                        value: HeaderValue::Secret(SecretValue { prefix: "Bearer ".into(), name: "bank-token".into() }),
                    },
                    Header { name: "Content-Type".into(), value: HeaderValue::Plain("application/json".into()) },
                ],
                body: Some(b"{}".to_vec()),
                effect: Effect::Named("payout".into()),
            }
        );
        assert_eq!(Request::get("https://bank.example/").request.effect, Effect::None);
    }

    #[test]
    fn no_answer_is_classified() {
        let text = || "text".to_owned();
        for (error, expected) in [
            (Error::Invalid(text()), HookError::Misconfigured("the request is not well-formed: text".into())),
            (Error::Denied(text()), HookError::Misconfigured("the request is not allowed; what would allow it: text".into())),
            (Error::NotConnected(text()), HookError::TryLater(30_000)),
            (Error::NoAnswer(text()), HookError::TryLater(30_000)),
            (Error::TooLarge(text()), HookError::UnexpectedResponse("the answer is too large: text".into())),
        ] {
            assert_eq!(HookError::from(error), expected);
        }
    }

    #[test]
    fn answers_are_read() {
        let answer = Response { status: 201, headers: vec![("retry-after".into(), "3".into())], body: b"{\"id\":1}".to_vec() };
        assert!(answer.is_success());
        assert_eq!(answer.header("Retry-After"), Some("3"));
        assert_eq!(answer.text(), Ok("{\"id\":1}"));
        let broken = Response { status: 300, headers: vec![], body: vec![0xff] };
        assert!(!broken.is_success());
        assert!(broken.text().is_err());
    }
}
