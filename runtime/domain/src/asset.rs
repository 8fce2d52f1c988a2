//! Stellar assets and memos, as values.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// A Stellar asset: XLM, or a code and its issuer. Two assets of one code and different issuers are different assets.
///
/// As text: `native`, or `CODE:ISSUER` (SEP-11).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Asset {
    /// XLM.
    Native,
    /// An issued asset.
    Issued {
        /// 1 to 12 letters and digits.
        code: String,
        /// Who issues it.
        issuer: AccountId,
    },
}

/// A text is not an asset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("asset {0:?} is not valid: write native, or CODE:ISSUER with a code of 1 to 12 letters and digits and the issuer's G... account")]
pub struct InvalidAsset(pub String);

impl Asset {
    /// The code; `native` for XLM.
    pub fn code(&self) -> &str {
        match self {
            Self::Native => "native",
            Self::Issued { code, .. } => code,
        }
    }

    /// The issuer; none for XLM.
    pub fn issuer(&self) -> Option<&AccountId> {
        match self {
            Self::Native => None,
            Self::Issued { issuer, .. } => Some(issuer),
        }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
            Self::Issued { code, issuer } => write!(f, "{code}:{issuer}"),
        }
    }
}

impl FromStr for Asset {
    type Err = InvalidAsset;

    fn from_str(text: &str) -> Result<Self, InvalidAsset> {
        if text == "native" {
            return Ok(Self::Native);
        }
        let invalid = || InvalidAsset(text.to_owned());
        let (code, issuer) = text.split_once(':').ok_or_else(invalid)?;
        let issuer = AccountId::new(issuer).map_err(|_| invalid())?;
        if !(1..=12).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(invalid());
        }
        Ok(Self::Issued { code: code.to_owned(), issuer })
    }
}

impl TryFrom<String> for Asset {
    type Error = InvalidAsset;

    fn try_from(text: String) -> Result<Self, InvalidAsset> {
        text.parse()
    }
}

impl From<Asset> for String {
    fn from(asset: Asset) -> Self {
        asset.to_string()
    }
}

/// A memo of a Stellar transaction. The type counts when memos are compared: text `7` is not id 7.
///
/// As text: `text:…`, `id:7`, `hash:<64 hex>`, `return:<64 hex>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Memo {
    /// At most 28 bytes.
    Text(String),
    /// A number.
    Id(u64),
    /// 32 bytes.
    Hash([u8; 32]),
    /// 32 bytes: the hash of the transaction that is given back.
    Return([u8; 32]),
}

/// A text is not a memo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("memo {0:?} is not valid: write text:<at most 28 bytes>, id:<number>, hash:<64 hex digits> or return:<64 hex digits>")]
pub struct InvalidMemo(pub String);

impl Memo {
    /// SEP-24 `memo_type`: `text`, `id` or `hash` (`return` has no name there and is never asked for).
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Id(_) => "id",
            Self::Hash(_) => "hash",
            Self::Return(_) => "return",
        }
    }
}

impl fmt::Display for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text:{text}"),
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Hash(bytes) => write!(f, "hash:{}", hex::encode(bytes)),
            Self::Return(bytes) => write!(f, "return:{}", hex::encode(bytes)),
        }
    }
}

impl FromStr for Memo {
    type Err = InvalidMemo;

    fn from_str(text: &str) -> Result<Self, InvalidMemo> {
        let invalid = || InvalidMemo(text.to_owned());
        let (kind, value) = text.split_once(':').ok_or_else(invalid)?;
        let bytes = || {
            let mut bytes = [0; 32];
            hex::decode_to_slice(value, &mut bytes).map(|()| bytes).map_err(|_| invalid())
        };
        match kind {
            "text" if value.len() <= 28 => Ok(Self::Text(value.to_owned())),
            "id" => value.parse().map(Self::Id).map_err(|_| invalid()),
            "hash" => bytes().map(Self::Hash),
            "return" => bytes().map(Self::Return),
            _ => Err(invalid()),
        }
    }
}

impl TryFrom<String> for Memo {
    type Error = InvalidMemo;

    fn try_from(text: String) -> Result<Self, InvalidMemo> {
        text.parse()
    }
}

impl From<Memo> for String {
    fn from(memo: Memo) -> Self {
        memo.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_and_memos_go_to_text_and_back() {
        let issuer = "G".to_owned() + &"A".repeat(55);
        for text in ["native".to_owned(), format!("USD:{issuer}")] {
            assert_eq!(text.parse::<Asset>().map(|a| a.to_string()), Ok(text));
        }
        for text in ["text:hello: you", "text:", "id:18446744073709551615"] {
            assert_eq!(text.parse::<Memo>().map(|m| m.to_string()).as_deref(), Ok(text));
        }
        for text in ["XLM", "USD", "USD:GA", "TOOLONGACODE1:G"] {
            assert!(text.parse::<Asset>().is_err(), "{text}");
        }
        for text in ["7", "id:-1", "hash:00", "text:12345678901234567890123456789"] {
            assert!(text.parse::<Memo>().is_err(), "{text}");
        }
    }
}
