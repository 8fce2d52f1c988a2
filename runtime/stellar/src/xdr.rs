//! The domain's values as XDR, and back. Everything from outside is decoded with limits.

use sha2::{Digest as _, Sha256};
use stellar_xdr::{
    AccountId as XdrAccountId, AlphaNum4, AlphaNum12, Asset as XdrAsset, AssetCode4, AssetCode12, Hash, Limits, Memo as XdrMemo,
    MuxedAccount, MuxedAccountMed25519, PublicKey, ReadXdr, TrustLineAsset, Uint256, WriteXdr,
};
use windlass_domain::{AccountId, Address, Asset, Memo};

use crate::error::Error;
use crate::keys;

/// Nesting that is followed. Classic transactions need a few tens; the rest is contracts' arguments, which are not read.
const DEPTH_MAX: u32 = 200;

/// Bytes of one value that are read.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Decodes base64 of XDR, all of it, within limits.
///
/// # Errors
/// [`Error::Xdr`]: also for values that a newer protocol added. What does not decode is unknown, never failed.
pub fn decode<T: ReadXdr>(what: &'static str, base64: &str) -> Result<T, Error> {
    T::from_xdr_base64(base64, Limits { depth: DEPTH_MAX, len: BYTES_MAX }).map_err(|source| Error::Xdr { what, source })
}

/// Encodes as base64 of XDR.
///
/// # Errors
/// [`Error::Xdr`] if the value is larger than XDR allows.
pub fn encode<T: WriteXdr>(what: &'static str, value: &T) -> Result<String, Error> {
    value.to_xdr_base64(Limits { depth: DEPTH_MAX, len: BYTES_MAX }).map_err(|source| Error::Xdr { what, source })
}

/// The id of a network: SHA-256 of its passphrase.
pub fn network_id(passphrase: &str) -> [u8; 32] {
    Sha256::digest(passphrase).into()
}

/// An account as XDR; its checksum is checked.
pub(crate) fn account(account: &AccountId) -> Result<XdrAccountId, Error> {
    Ok(XdrAccountId(PublicKey::PublicKeyTypeEd25519(Uint256(keys::public_key(account)?))))
}

/// An address (`G...` or `M...`) as XDR.
pub(crate) fn muxed(address: &str) -> Result<MuxedAccount, Error> {
    let (account, id) = keys::parse_muxed(address)?;
    let ed25519 = Uint256(keys::public_key(&account)?);
    Ok(match id {
        None => MuxedAccount::Ed25519(ed25519),
        Some(id) => MuxedAccount::MuxedEd25519(MuxedAccountMed25519 { id, ed25519 }),
    })
}

/// A deposit's destination as XDR.
pub(crate) fn address(address: &Address) -> Result<MuxedAccount, Error> {
    let ed25519 = Uint256(keys::public_key(address.account())?);
    Ok(match address {
        Address::Account(_) => MuxedAccount::Ed25519(ed25519),
        Address::Muxed { id, .. } => MuxedAccount::MuxedEd25519(MuxedAccountMed25519 { id: *id, ed25519 }),
    })
}

/// An account from XDR.
pub(crate) fn account_from(account: &XdrAccountId) -> AccountId {
    let PublicKey::PublicKeyTypeEd25519(Uint256(key)) = account.0;
    keys::account_of(key)
}

/// An address from XDR, with its id if it is muxed.
pub(crate) fn muxed_from(address: &MuxedAccount) -> (AccountId, Option<u64>) {
    match address {
        MuxedAccount::Ed25519(key) => (keys::account_of(key.0), None),
        MuxedAccount::MuxedEd25519(muxed) => (keys::account_of(muxed.ed25519.0), Some(muxed.id)),
    }
}

/// An asset as XDR: codes of up to 4 characters are of the short kind.
pub(crate) fn asset(asset: &Asset) -> Result<XdrAsset, Error> {
    let Asset::Issued { code, issuer } = asset else { return Ok(XdrAsset::Native) };
    let issuer = account(issuer)?;
    let mut short = [0; 4];
    let mut long = [0; 12];
    if code.len() <= short.len() {
        short[..code.len()].copy_from_slice(code.as_bytes());
        return Ok(XdrAsset::CreditAlphanum4(AlphaNum4 { asset_code: AssetCode4(short), issuer }));
    }
    long.get_mut(..code.len())
        .ok_or_else(|| Error::Plan(format!("asset code {code:?} has more than 12 characters")))?
        .copy_from_slice(code.as_bytes());
    Ok(XdrAsset::CreditAlphanum12(AlphaNum12 { asset_code: AssetCode12(long), issuer }))
}

/// An asset from XDR.
///
/// # Errors
/// [`Error::Contradiction`] for a code that the network does not allow.
pub(crate) fn asset_from(asset: &XdrAsset) -> Result<Asset, Error> {
    match asset {
        XdrAsset::Native => Ok(Asset::Native),
        XdrAsset::CreditAlphanum4(a) => issued(&a.asset_code.0, 1, &a.issuer),
        XdrAsset::CreditAlphanum12(a) => issued(&a.asset_code.0, 5, &a.issuer),
    }
}

/// The asset of a trustline; none for a share of a liquidity pool.
pub(crate) fn trustline_asset_from(asset: &TrustLineAsset) -> Result<Option<Asset>, Error> {
    match asset {
        TrustLineAsset::Native => Ok(Some(Asset::Native)),
        TrustLineAsset::CreditAlphanum4(a) => issued(&a.asset_code.0, 1, &a.issuer).map(Some),
        TrustLineAsset::CreditAlphanum12(a) => issued(&a.asset_code.0, 5, &a.issuer).map(Some),
        TrustLineAsset::PoolShare(_) => Ok(None),
    }
}

/// The asset as a trustline names it.
pub(crate) fn trustline_asset(asset: XdrAsset) -> TrustLineAsset {
    match asset {
        XdrAsset::Native => TrustLineAsset::Native,
        XdrAsset::CreditAlphanum4(a) => TrustLineAsset::CreditAlphanum4(a),
        XdrAsset::CreditAlphanum12(a) => TrustLineAsset::CreditAlphanum12(a),
    }
}

fn issued(code: &[u8], shortest: usize, issuer: &XdrAccountId) -> Result<Asset, Error> {
    let length = code.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let code = &code[..length];
    if length < shortest || !code.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Error::Contradiction(format!("asset code {:?} is not allowed by the network", code.escape_ascii().to_string())));
    }
    Ok(Asset::Issued { code: code.iter().map(|&byte| char::from(byte)).collect(), issuer: account_from(issuer) })
}

/// A memo as XDR.
pub(crate) fn memo(memo: Option<&Memo>) -> Result<XdrMemo, Error> {
    Ok(match memo {
        None => XdrMemo::None,
        Some(Memo::Text(text)) => {
            let bytes = text.as_bytes().to_vec();
            XdrMemo::Text(bytes.try_into().map_err(|_| Error::Plan(format!("memo text {text:?} has more than 28 bytes")))?)
        }
        Some(Memo::Id(id)) => XdrMemo::Id(*id),
        Some(Memo::Hash(bytes)) => XdrMemo::Hash(Hash(*bytes)),
        Some(Memo::Return(bytes)) => XdrMemo::Return(Hash(*bytes)),
    })
}

/// A memo from XDR. A text memo is any 28 bytes on the ledger; one that is not text (not UTF-8, or with a zero byte, which
/// no text column takes) is none to us: nobody was ever told to use it, so the payment is kept as one that matches nothing.
pub(crate) fn memo_from(memo: &XdrMemo) -> Option<Memo> {
    match memo {
        XdrMemo::None => None,
        XdrMemo::Text(text) => {
            let text = std::str::from_utf8(text.as_slice()).ok().filter(|text| !text.contains('\0'))?;
            Some(Memo::Text(text.to_owned()))
        }
        XdrMemo::Id(id) => Some(Memo::Id(*id)),
        XdrMemo::Hash(hash) => Some(Memo::Hash(hash.0)),
        XdrMemo::Return(hash) => Some(Memo::Return(hash.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_and_memos_survive_the_way_there_and_back() {
        let issuer = keys::account_of([3; 32]);
        for code in ["A", "USD", "EURC", "LONGR", "TWELVELETTER"] {
            let there = Asset::Issued { code: code.into(), issuer: issuer.clone() };
            assert_eq!(asset_from(&asset(&there).unwrap()).unwrap(), there);
        }
        assert_eq!(asset_from(&XdrAsset::Native).unwrap(), Asset::Native);
        for there in [Memo::Text("héllo".into()), Memo::Id(u64::MAX), Memo::Hash([1; 32]), Memo::Return([2; 32])] {
            assert_eq!(memo_from(&memo(Some(&there)).unwrap()), Some(there));
        }
        assert_eq!(memo_from(&memo(None).unwrap()), None);
    }

    #[test]
    fn rule_2_a_text_memo_that_is_no_text_is_no_memo() {
        for bytes in [vec![0xff, 0xfe], b"a\0b".to_vec()] {
            assert_eq!(memo_from(&XdrMemo::Text(bytes.try_into().unwrap())), None);
        }
    }

    #[test]
    fn codes_that_the_network_does_not_allow_are_no_assets() {
        let issuer = account(&keys::account_of([3; 32])).unwrap();
        for code in [*b"\0\0\0\0", *b"A\0B\0", *b"A-B\0"] {
            assert!(asset_from(&XdrAsset::CreditAlphanum4(AlphaNum4 { asset_code: AssetCode4(code), issuer: issuer.clone() })).is_err());
        }
        let short = XdrAsset::CreditAlphanum12(AlphaNum12 { asset_code: AssetCode12(*b"USD\0\0\0\0\0\0\0\0\0"), issuer });
        assert!(asset_from(&short).is_err(), "USD of the long kind would be taken for USD of the short kind");
    }

    #[test]
    fn too_long_a_memo_is_refused() {
        assert!(memo(Some(&Memo::Text("x".repeat(29)))).is_err());
    }
}
