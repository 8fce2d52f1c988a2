//! The checked way out to hosts that tenants name.

use async_trait::async_trait;

use crate::ids::TenantId;
use crate::manifest::Manifest;
use crate::ports::secrets::SecretBytes;

/// A request of a guest, after the host has resolved its secrets.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, as the guest wrote it.
    pub url: String,
    /// Names and values, in order, without those of the host.
    pub headers: Vec<(String, OutgoingValue)>,
    /// The body.
    pub body: Vec<u8>,
    /// Put in by the host for a named effect.
    pub idempotency_key: Option<String>,
    /// Response body and header bytes that are taken; more is an error.
    pub response_body_bytes: u64,
    /// See `response_body_bytes`.
    pub header_bytes: u64,
    /// Everything has to be over by then: milliseconds from now.
    pub timeout_ms: u64,
}

/// A header's value.
#[derive(Debug)]
pub enum OutgoingValue {
    /// As the guest wrote it.
    Plain(String),
    /// A secret, by name, and what is written before it. `Debug` of the bytes shows nothing.
    Secret {
        /// The secret's name: the manifest must allow it for the host.
        name: String,
        /// `Bearer ` or the like.
        prefix: String,
        /// The secret.
        value: SecretBytes,
    },
}

/// A complete answer, with secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IncomingResponse {
    /// 200 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The first three are certain that nothing left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Not well-formed, or a header that belongs to the host.
    #[error("{0}")]
    Invalid(String),
    /// Not allowed: the text is the manifest line, or the operator's setting, that would allow it.
    #[error("{0}")]
    Denied(String),
    /// No connection was made.
    #[error("{0}")]
    NotConnected(String),
    /// Sent, at least in part, and no complete answer.
    #[error("{0}")]
    NoAnswer(String),
    /// The answer is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
}

impl EgressError {
    /// Is it certain that no byte of the request left?
    pub const fn nothing_was_sent(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Denied(_) | Self::NotConnected(_) => true,
            Self::NoAnswer(_) | Self::TooLarge(_) => false,
        }
    }
}

/// The checked way out.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Is the request well-formed and allowed by the manifest and by the operator? Sends nothing. Called before an
    /// effect's intent is recorded.
    fn check(&self, manifest: &Manifest, request: &OutgoingRequest) -> Result<(), EgressError>;

    /// Checks, sends, and waits for the whole answer.
    async fn send(&self, tenant: &TenantId, manifest: &Manifest, request: OutgoingRequest) -> Result<IncomingResponse, EgressError>;
}
