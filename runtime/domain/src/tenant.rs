//! A tenant and what it has set up, as stored.

use serde::{Deserialize, Serialize};

use crate::asset::{Asset, Memo};
use crate::ids::{AccountId, TenantId, TimeMs, TransactionId, VersionNumber};
use crate::job::Hook;
use crate::manifest::Manifest;
use crate::money::Amount;

/// One anchor business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Where its `stellar.toml` is (SEP-1).
    pub home_domain: String,
    /// Passphrase of the Stellar network that it works on.
    pub network: String,
    /// The version that new jobs run; none before the first activation.
    pub active_version: Option<VersionNumber>,
    /// How much a withdrawal may differ from what was asked, in millionths.
    pub tolerance_ppm: u32,
    /// When it was made.
    pub created_at: TimeMs,
}

/// A Stellar account of a tenant's. One account belongs to one tenant: UNIQUE(network, account) (money rule 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StellarAccount {
    /// Whose.
    pub tenant: TenantId,
    /// Passphrase of the network.
    pub network: String,
    /// The account.
    pub account: AccountId,
    /// What it is for.
    pub role: AccountRole,
}

/// What a tenant's Stellar account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRole {
    /// Pays deposits, receives withdrawals.
    Distribution,
}

impl AccountRole {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
        }
    }
}

/// An uploaded version: one immutable component with its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Whose.
    pub tenant: TenantId,
    /// 1, 2, 3 within the tenant.
    pub number: VersionNumber,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// The hooks it exports.
    pub hooks: Vec<Hook>,
    /// What it may do outside.
    pub manifest: Manifest,
    /// When it was uploaded.
    pub created_at: TimeMs,
}

/// A payment to an account of a tenant's, as the ledger shows it. Keyed by (transaction hash, operation index), whichever
/// API told us (money rule 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingPayment {
    /// Passphrase of the network.
    pub network: String,
    /// Hash of the transaction, in lower-case hex.
    pub transaction_hash: String,
    /// 0-based.
    pub operation_index: u32,
    /// Who paid (`G…` or `M…`).
    pub from: String,
    /// The tenant's account.
    pub to: AccountId,
    /// The operation's own asset.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
    /// The muxed id of the destination if there is one, else the transaction's memo.
    pub memo: Option<Memo>,
    /// In which ledger.
    pub ledger: u32,
    /// When that ledger closed.
    pub closed_at: TimeMs,
}

/// What became of an incoming payment or of a bank credit: each is a row, whatever it matched (money rule 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Matched {
    /// It pays for this transaction.
    Transaction(TransactionId),
    /// It pays for nothing: why. Kept, shown, refundable.
    Unmatched(String),
}

/// A credit that a poll reported. UNIQUE(tenant, rail, external id) (money rule 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankCredit {
    /// Whose.
    pub tenant: TenantId,
    /// The rail's name, of the manifest.
    pub rail: String,
    /// The bank's id.
    pub external_id: String,
    /// How much.
    pub amount: Amount,
    /// What the payer wrote, or the id that the guest named.
    pub reference: String,
    /// What became of it.
    pub matched: Matched,
    /// When it was reported.
    pub reported_at: TimeMs,
}
