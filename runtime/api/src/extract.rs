//! What comes in: bodies, queries and names, checked, with problems that say which field is wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{ApiState, Problem};

/// A JSON body. Unknown fields are refused by name where the type says `deny_unknown_fields`, which every one here does.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large("the body", crate::BODY_BYTES),
            _ => Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", "the body did not arrive whole: send it again"),
        })?;
        parse(&bytes, "the body").map(Self)
    }
}

/// JSON that came in as bytes; `what` names it in the problem.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Problem> {
    // No text column takes a NUL, so it is refused where it comes in, whatever the field.
    if has_nul(bytes) {
        return Err(Problem::invalid("nul_in_text", format!("{what}: a text holds the character U+0000: leave it out")));
    }
    serde_json::from_slice(bytes).map_err(|error| match error.is_data() {
        true => Problem::invalid("invalid_body", format!("{what}: {error}")),
        false => Problem::new(StatusCode::BAD_REQUEST, "invalid_json", format!("{what} is not well-formed JSON: {error}")),
    })
}

/// An escaped NUL in JSON: an odd number of backslashes before `u0000`.
fn has_nul(json: &[u8]) -> bool {
    let escapes = json.windows(5).enumerate().filter(|(_, window)| window == b"u0000");
    escapes.into_iter().any(|(at, _)| json[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1)
}

/// 413, with the limit.
pub(crate) fn too_large(what: &str, limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("{what} may have {limit} bytes: send less"))
}

/// The query of the URL. Unknown parameters are refused by name.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri).map_err(|refused| {
            use std::error::Error;
            let reason = refused.source().map_or_else(|| refused.to_string(), ToString::to_string);
            Problem::new(StatusCode::BAD_REQUEST, "invalid_query", format!("the query: {reason}"))
        })?;
        Ok(Self(query.0))
    }
}

/// Why a person decides as they do: not empty, 1,000 bytes at most, without NUL.
pub(crate) fn reason(text: &str) -> Result<(), Problem> {
    match text.trim().is_empty() || text.len() > 1_000 || text.contains('\0') {
        true => Err(Problem::invalid(
            "reason_missing",
            "reason is empty, too long or holds a NUL: write how you know, in at most 1,000 bytes, for whoever reads the history later",
        )),
        false => Ok(()),
    }
}

/// A name of a secret or a setting: 1 to 64 of `a-z 0-9 . _ -`.
pub(crate) fn name(text: &str, what: &str) -> Result<(), Problem> {
    let well = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(well) {
        return Ok(());
    }
    Err(Problem::invalid("invalid_name", format!("{what} {text:?} is not a name: write 1 to 64 of a-z, 0-9, '.', '_' and '-'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_table() {
        for (text, is_well) in [("bank-api-key", true), ("a", true), ("", false), ("A", false), ("a b", false), ("a/b", false)] {
            assert_eq!(name(text, "secret").is_ok(), is_well, "{text:?}");
        }
        assert!(name(&"a".repeat(65), "secret").is_err());
    }

    #[test]
    fn wrong_shape_and_wrong_syntax_are_told_apart() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct One {
            #[expect(dead_code, reason = "only its name is looked at")]
            value: String,
        }
        let problem = parse::<One>(br#"{"valeu": "x"}"#, "the body").unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.code), (422, "invalid_body"));
        assert!(problem.detail.contains("`valeu`"), "{}", problem.detail);
        let problem = parse::<One>(b"{", "the body").unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.code), (400, "invalid_json"));
    }
}
