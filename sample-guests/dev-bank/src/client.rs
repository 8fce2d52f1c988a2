//! Requests to the bank: where it is, how it knows us, what its answers mean.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use windlass_sdk::http::{Request, Response};
use windlass_sdk::{Error, settings, signing};

/// How long to wait when the bank is busy and does not say how long.
const BUSY_DELAY: Duration = Duration::from_secs(30);

/// Asks. `path` begins with `/v1/` and is encoded already.
pub(crate) fn get(path: &str) -> Result<Response, Error> {
    Ok(Request::get(&url(path)?).secret_header("X-Api-Key", "bank-api-key").send()?)
}

/// Changes something. The body must be the same each time it is made for the same transaction: no times, no counters.
/// For then the signature, and so the whole request, is the same in every run, as its idempotency key is.
pub(crate) fn post(path: &str, body: &impl Serialize, effect: &str) -> Result<Response, Error> {
    let url = url(path)?;
    let body = serde_json::to_vec(body).map_err(|error| Error::UnexpectedResponse(format!("no JSON: {error}")))?;
    let signed = [b"POST\n", path_and_query(&url).as_bytes(), b"\n", &body].concat();
    let signature = signing::hmac_sha256_hex("bank-hmac", &signed)?;
    Ok(Request::post(&url)
        .secret_header("X-Api-Key", "bank-api-key")
        .header("X-Signature", &signature)
        .json(body)
        .effect(effect)
        .send()?)
}

/// The answer's body.
pub(crate) fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        Error::UnexpectedResponse(format!("the bank's answer with status {} is not as agreed: {error}", answer.status))
    })
}

/// What an answer that is not the hoped-for one means.
pub(crate) fn failure(answer: &Response) -> Error {
    let text = error_text(answer);
    match answer.status {
        401 | 403 => Error::Misconfigured(format!(
            "the bank answered {}: {text}; check the secrets `bank-api-key` and `bank-hmac`",
            answer.status
        )),
        422 => Error::Refused(text),
        429 | 500..=599 => Error::try_later(retry_after(answer).unwrap_or(BUSY_DELAY)),
        status => Error::UnexpectedResponse(format!("the bank answered {status}: {text}")),
    }
}

/// Percent-encodes a text for use in a path or a query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn url(path: &str) -> Result<String, Error> {
    Ok(format!("{}{path}", settings::require("bank-url")?.trim_end_matches('/')))
}

/// What the server sees of a URL.
fn path_and_query(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..])
}

fn error_text(answer: &Response) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    match serde_json::from_slice::<Body>(&answer.body) {
        Ok(body) => body.error.chars().take(200).collect(),
        Err(_) => "no reason given".to_owned(),
    }
}

fn retry_after(answer: &Response) -> Option<Duration> {
    answer.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_path_is_what_the_server_sees() {
        for (url, path) in [
            ("http://127.0.0.1:4000/v1/transfers", "/v1/transfers"),
            ("https://bank.example/base/v1/transfers?key=a%2Fb", "/base/v1/transfers?key=a%2Fb"),
            ("https://bank.example", "/"),
        ] {
            assert_eq!(path_and_query(url), path);
        }
    }

    #[test]
    fn opaque_texts_are_encoded() {
        assert_eq!(encode("line-000001"), "line-000001");
        assert_eq!(encode("a b&c=d/ü"), "a%20b%26c%3Dd%2F%C3%BC");
    }

    #[test]
    fn statuses_are_classified() {
        let answer = |status| Response { status, headers: vec![], body: b"{\"error\":\"account closed\"}".to_vec() };
        assert_eq!(failure(&answer(422)), Error::Refused("account closed".into()));
        assert_eq!(failure(&answer(503)), Error::TryLater(30_000));
        assert_eq!(failure(&answer(429)), Error::TryLater(30_000));
        assert!(matches!(failure(&answer(401)), Error::Misconfigured(_)));
        assert!(matches!(failure(&answer(404)), Error::UnexpectedResponse(_)));
        let busy = Response { status: 429, headers: vec![("retry-after".into(), "5".into())], body: vec![] };
        assert_eq!(failure(&busy), Error::TryLater(5_000));
    }
}
