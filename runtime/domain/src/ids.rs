//! Names of things: typed, checked where they come in, never mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type TimeMs = i64;

/// A text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct InvalidId {
    /// Which kind of id.
    pub what: &'static str,
    /// The text.
    pub text: String,
    /// What it has to be.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, text, rule: $rule }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

fn made_here(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|b| ALPHABET.contains(&b)))
}

text_id!(
    /// A tenant's id, chosen by the operator: 1 to 63 of `a-z 0-9 -`, beginning with a letter.
    TenantId, "tenant id", "1 to 63 of a-z, 0-9 and -, beginning with a letter",
    |text| {
        (1..=63).contains(&text.len())
            && text.as_bytes()[0].is_ascii_lowercase()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);
text_id!(
    /// A SEP-24 transaction's id: `tx_` and 26 characters.
    TransactionId, "transaction id", "tx_ and 26 of 0-9 a-z without i, l, o, u", |text| made_here("tx_", text)
);
text_id!(
    /// A job's id: `job_` and 26 characters.
    JobId, "job id", "job_ and 26 of 0-9 a-z without i, l, o, u", |text| made_here("job_", text)
);
text_id!(
    /// An envelope's id: `env_` and 26 characters.
    EnvelopeId, "envelope id", "env_ and 26 of 0-9 a-z without i, l, o, u", |text| made_here("env_", text)
);
text_id!(
    /// A Stellar account as strkey text (`G...`). Only the shape is checked here; the checksum where keys are handled.
    AccountId, "account", "56 characters, beginning with G",
    |text| text.len() == 56 && text.starts_with('G') && text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
);

/// The number of an uploaded version: 1, 2, 3 within a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionNumber(pub i64);

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// Which way a transaction goes, seen from the user (SEP-24 `kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From the bank to the ledger.
    Deposit,
    /// From the ledger to the bank.
    Withdrawal,
}

impl Kind {
    /// `deposit` or `withdrawal`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
        }
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters for 128 bits, in Crockford's base 32.
fn encode(bytes: [u8; 16]) -> String {
    let mut value = u128::from_be_bytes(bytes);
    let mut text = [0_u8; 26];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(value % 32) as usize];
        value /= 32;
    }
    text.iter().map(|&byte| char::from(byte)).collect()
}

impl TransactionId {
    /// From 128 random bits.
    pub fn from_bits(bytes: [u8; 16]) -> Self {
        Self(format!("tx_{}", encode(bytes)))
    }
}

impl JobId {
    /// From 128 random bits.
    pub fn from_bits(bytes: [u8; 16]) -> Self {
        Self(format!("job_{}", encode(bytes)))
    }
}

impl EnvelopeId {
    /// From 128 random bits.
    pub fn from_bits(bytes: [u8; 16]) -> Self {
        Self(format!("env_{}", encode(bytes)))
    }
}

/// The text that a person writes on a bank transfer: 10 characters without those that are mistaken for each other.
pub fn reference_from_bits(bytes: [u8; 16]) -> String {
    encode(bytes)[16..].to_ascii_uppercase()
}

/// A name for what cannot be named by its own text: `sha256:` and 64 hex digits of the parts, each with its length.
pub fn digest_id(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    format!("sha256:{}", hex::encode(digest.finalize()))
}

/// As people's references are compared: upper-cased, without spaces and hyphens.
pub fn normalise_reference(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_here_are_valid_here() {
        for bytes in [[0; 16], [0xff; 16]] {
            let id = TransactionId::from_bits(bytes);
            assert_eq!(TransactionId::new(id.as_str()), Ok(id));
        }
        assert_eq!(reference_from_bits([0xff; 16]).len(), 10);
    }

    #[test]
    fn bad_tenant_ids_are_refused() {
        for text in ["", "-a", "9a", "A", "a_b", "a/b", &"a".repeat(64)] {
            assert!(TenantId::new(text).is_err(), "{text}");
        }
        assert!(TenantId::new("first-bank2").is_ok());
    }

    #[test]
    fn references_compare_as_people_write_them() {
        assert_eq!(normalise_reference(" 7k3m-9q 2xab"), "7K3M9Q2XAB");
    }
}
