//! Where a payment goes: an account, or a muxed account (SEP-23), whose id says for whom at the account it is.

use std::fmt;
use std::str::FromStr;

use stellar_strkey::ed25519::{MuxedAccount, PublicKey};

use crate::ids::AccountId;

/// A `G...` or an `M...` address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An account.
    Account(AccountId),
    /// One of many behind an account: a wallet's or an exchange's customer.
    Muxed {
        /// Whose balance it is.
        account: AccountId,
        /// For whom.
        id: u64,
    },
}

/// A text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Stellar address: give a G... or an M... address")]
pub struct InvalidAddress(pub String);

impl Address {
    /// The account that is paid.
    pub const fn account(&self) -> &AccountId {
        match self {
            Self::Account(account) | Self::Muxed { account, .. } => account,
        }
    }

    /// Is it one of many behind an account?
    pub const fn is_muxed(&self) -> bool {
        matches!(self, Self::Muxed { .. })
    }
}

/// An `M...` text with its checksum. Of a `G...` text the shape only, as of every [`AccountId`]: its checksum is checked
/// where it comes in and where XDR is made of it.
impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        if !text.starts_with('M') {
            return AccountId::new(text).map(Self::Account).map_err(|_| invalid());
        }
        let muxed = MuxedAccount::from_string(text).map_err(|_| invalid())?;
        let account = AccountId::new(PublicKey(muxed.ed25519).to_string().as_str()).map_err(|_| invalid())?;
        Ok(Self::Muxed { account, id: muxed.id })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "{account}"),
            Self::Muxed { account, id } => match PublicKey::from_string(account.as_str()) {
                Ok(key) => write!(f, "{}", MuxedAccount { ed25519: key.0, id: *id }),
                Err(_) => Err(fmt::Error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

    #[test]
    fn vectors_of_sep_23() {
        let account = AccountId::new(ACCOUNT).unwrap();
        for (text, address) in [
            (ACCOUNT, Address::Account(account.clone())),
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", Address::Muxed { account: account.clone(), id: 0 }),
            (
                "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK",
                Address::Muxed { account: account.clone(), id: 9_223_372_036_854_775_808 },
            ),
        ] {
            assert_eq!(text.parse(), Ok(address.clone()));
            assert_eq!(address.to_string(), text);
            assert_eq!((address.account(), address.is_muxed()), (&account, text.starts_with('M')));
        }
        for text in ["", "G", "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUK", "M"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
