//! What goes wrong, as `application/problem+json` (RFC 9457), with a code that stays and a next step in the detail.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use windlass_domain::commit::CommitError;
use windlass_domain::ports::store::StoreError;

/// A refusal or a failure, as the caller sees it. The one error type of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable: what programs compare.
    pub code: &'static str,
    /// What was wrong, where, and what to do next.
    pub detail: String,
    /// Each single reason, where there can be several.
    pub reasons: Vec<String>,
}

/// The body on the wire.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: String,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
}

impl Problem {
    /// A problem of one reason.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), reasons: Vec::new() }
    }

    /// What was sent cannot be taken as it is: 422.
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// It does not fit what is there now: 409.
    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// It is not there: 404.
    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// With every single reason.
    pub(crate) fn with_reasons(mut self, reasons: Vec<String>) -> Self {
        self.reasons = reasons;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(problem.code = self.code, problem.detail = self.detail, "request failed");
        }
        let body = Body {
            r#type: format!("urn:windlass:problem:{}", self.code),
            title: self.code.replace('_', " "),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            reasons: &self.reasons,
        };
        // A struct of texts and numbers always serialises.
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], text).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => unavailable(&reason),
            StoreError::Inconsistent(row) => {
                tracing::error!(row, "inconsistent row");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "inconsistent_row", "a stored row makes no sense: the operator's log names it")
            }
            StoreError::Conflict { constraint, detail } => {
                tracing::info!(constraint, detail, "refused by a constraint");
                Self::conflict(
                    "conflict",
                    format!("refused by the rule {constraint}: it would be there twice, or belongs to somebody else"),
                )
            }
            StoreError::HookMissing(missing) => Self::conflict("hook_missing", missing.join("; ")).with_reasons(missing),
            StoreError::NotFound(what) => Self::not_found("not_found", format!("there is no such {what}")),
        }
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::LeaseLost => {
                Self::conflict("changed_meanwhile", "somebody else took the work over: read it again, then decide again")
            }
            CommitError::Stale(what) => {
                Self::conflict("changed_meanwhile", format!("{what} was changed meanwhile: read it again, then decide again"))
            }
            CommitError::Conflict { constraint, detail } => StoreError::Conflict { constraint, detail }.into(),
            CommitError::Unavailable(reason) => unavailable(&reason),
        }
    }
}

fn unavailable(reason: &str) -> Problem {
    tracing::error!(reason, "the database failed");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "database_unavailable",
        "the database did not answer: try again, after looking whether it was done",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_the_database_stay_inside() {
        for error in [StoreError::Unavailable("password=x".into()), StoreError::Inconsistent("row x".into())] {
            let problem = Problem::from(error);
            assert!(problem.status.is_server_error());
            assert!(!problem.detail.contains("password") && !problem.detail.contains("row x"), "{}", problem.detail);
        }
    }

    #[test]
    fn only_401_asks_for_a_token() {
        let asked = |status| Problem::new(status, "c", "d").into_response().headers().contains_key(header::WWW_AUTHENTICATE);
        assert!(asked(StatusCode::UNAUTHORIZED));
        assert!(!asked(StatusCode::FORBIDDEN));
    }
}
