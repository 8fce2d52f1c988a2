//! The devnet and the bank over HTTP, as their clients meet them.

#![expect(clippy::disallowed_methods, reason = "tests measure how long they waited")]

mod bank;
mod faults;
mod rpc;

use std::sync::Once;

/// An HTTP client; the workspace's reqwest comes without a TLS provider, so one is installed first.
fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().expect("no other provider is installed");
    });
    reqwest::Client::new()
}
