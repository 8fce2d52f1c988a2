//! Stellar for Windlass: build, sign, submit, look up and watch.
//!
//! - [`envelope::XdrBuilder`] turns drafts into XDR and hashes, without a network;
//! - [`keys::LocalKey`] reads secret seeds and signs;
//! - [`rpc::RpcLedger`] is the network behind the domain's `Ledger` port, over Stellar RPC;
//! - [`decode`] reads results and payments out of XDR;
//! - [`setup`] is what operators, the demo and tests need to make accounts and trustlines.
//!
//! Nothing here decides about money: an answer that is not understood is an error, never a verdict (money rule 1).

pub mod codes;
pub mod decode;
pub mod envelope;
pub mod error;
pub mod keys;
pub mod rpc;
pub mod setup;
pub mod xdr;

pub use envelope::XdrBuilder;
pub use error::Error;
pub use keys::LocalKey;
pub use rpc::{RpcLedger, RpcOptions};

/// Installs ring as the process's TLS provider. Call once at start; a provider that is installed already is kept.
pub fn install_tls_provider() {
    // The only error is "there is one already", which is as good.
    let _kept = rustls::crypto::ring::default_provider().install_default();
}
