//! Secrets and signatures (money rule 10): sealed at rest, never inside a sandbox.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::ids::{AccountId, TenantId};

/// Secret bytes: wiped when dropped, invisible to `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Shows them: for the one call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// A sealed text cannot be opened, or a key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The sealed text was changed, is another tenant's, or was sealed under another master key.
    #[error("{what} of tenant {tenant} cannot be opened: it was changed, or sealed under another master key")]
    CannotOpen {
        /// Whose.
        tenant: TenantId,
        /// Which.
        what: String,
    },
    /// The tenant has no key for the account.
    #[error("tenant {tenant} has no key for account {account}")]
    NoKey {
        /// Whose.
        tenant: TenantId,
        /// Which account.
        account: AccountId,
    },
    /// The store did not answer.
    #[error("the key could not be read: {0}")]
    Unavailable(String),
}

/// Seals and opens what is secret at rest, under the master key, bound to the tenant and to what it is.
pub trait Sealer: Send + Sync {
    /// Seals; the text is safe to store.
    fn seal(&self, tenant: &TenantId, what: &str, secret: &[u8]) -> String;

    /// Opens what [`Sealer::seal`] made for the same tenant and the same `what`.
    fn open(&self, tenant: &TenantId, what: &str, sealed: &str) -> Result<SecretBytes, SecretError>;
}

/// Signs for tenants' Stellar accounts.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The ed25519 signature of a transaction's hash with the account's key.
    async fn sign(&self, tenant: &TenantId, account: &AccountId, hash: &[u8; 32]) -> Result<[u8; 64], SecretError>;
}

/// Reads what people hand in as Stellar keys and accounts. The checksums are checked here; [`AccountId`] knows the shape only.
pub trait Keys: Send + Sync {
    /// The account of a secret seed (`S...`), or what is wrong with the seed, without showing it.
    fn account_of_seed(&self, seed: &str) -> Result<AccountId, String>;

    /// Is this the address of an account (`G...`), checksum and all?
    fn account_is_valid(&self, account: &str) -> bool;
}
