//! The one checked way out to hosts that tenants or wallets name.
//!
//! A request leaves only if the integration's manifest *and* the operator allow it ([`policy`]), over an address that was
//! checked after the name was resolved ([`addresses`]), without redirects, decompression, proxies or retries ([`client`]).
//! What comes back is counted while it streams, and secrets in it are masked.

pub mod addresses;
pub mod client;
mod headers;
mod mask;
pub mod policy;
mod target;

pub use client::{CheckedEgress, Lookup, SystemLookup};
pub use policy::{Loopback, OperatorPolicy};

/// The way out could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The HTTP client refused its settings.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
    /// The TLS library refused its settings.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}
