//! Addresses and keys: strkey texts (SEP-23), secret seeds, signatures (money rule 10: keys stay in the host).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use stellar_strkey::ed25519::{MuxedAccount, PrivateKey, PublicKey};
use windlass_domain::AccountId;
use zeroize::Zeroizing;

use crate::error::Error;

/// An account's secret key, in memory. Wiped when dropped, invisible to `Debug`.
///
/// ```
/// use windlass_stellar::LocalKey;
/// let key = LocalKey::from_seed(&[7; 32]);
/// let signature = key.sign(&[1; 32]);
/// assert!(windlass_stellar::keys::verify(&key.account(), &[1; 32], &signature));
/// ```
pub struct LocalKey(SigningKey);

impl LocalKey {
    /// From the strkey text of a secret seed (`S...`).
    ///
    /// # Errors
    /// [`Error::Seed`]; the text is not repeated in it.
    pub fn from_secret(text: &str) -> Result<Self, Error> {
        let seed = Zeroizing::new(PrivateKey::from_string(text.trim()).map_err(Error::Seed)?.0);
        Ok(Self::from_seed(&seed))
    }

    /// From 32 bytes, random ones for a new key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The strkey text of the seed (`S...`): for the one place that seals or shows it.
    pub fn secret(&self) -> Zeroizing<String> {
        let key = PrivateKey(self.0.to_bytes());
        Zeroizing::new(key.as_unredacted().to_string().as_str().to_owned())
    }

    /// The account that the key is for (`G...`).
    pub fn account(&self) -> AccountId {
        account_of(self.0.verifying_key().to_bytes())
    }

    /// The ed25519 signature of a transaction's hash, or of a challenge's (SEP-10).
    pub fn sign(&self, hash: &[u8; 32]) -> [u8; 64] {
        self.0.sign(hash).to_bytes()
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.account())
    }
}

/// Is this the signature of the hash by the account's own key? Strict: no malleable signatures, no weak keys.
pub fn verify(account: &AccountId, hash: &[u8; 32], signature: &[u8; 64]) -> bool {
    let Ok(bytes) = public_key(account) else { return false };
    VerifyingKey::from_bytes(&bytes).is_ok_and(|key| key.verify_strict(hash, &Signature::from_bytes(signature)).is_ok())
}

/// The public key of an account, its checksum checked (SEP-23).
///
/// # Errors
/// [`Error::Account`].
pub fn public_key(account: &AccountId) -> Result<[u8; 32], Error> {
    PublicKey::from_string(account.as_str()).map(|key| key.0).map_err(|source| Error::Account { text: account.to_string(), source })
}

/// An account's address from its public key.
pub fn account_of(public_key: [u8; 32]) -> AccountId {
    let text = PublicKey(public_key).to_string();
    AccountId::new(text.as_str()).expect("a strkey of a public key has the shape of an account")
}

/// Checks an address that came from outside, checksum included.
///
/// # Errors
/// [`Error::Account`].
pub fn parse_account(text: &str) -> Result<AccountId, Error> {
    PublicKey::from_string(text).map(|key| account_of(key.0)).map_err(|source| Error::Account { text: text.to_owned(), source })
}

/// An account, or a muxed one with its id (`M...`, SEP-23).
///
/// # Errors
/// [`Error::Account`].
pub fn parse_muxed(text: &str) -> Result<(AccountId, Option<u64>), Error> {
    if !text.starts_with('M') {
        return parse_account(text).map(|account| (account, None));
    }
    MuxedAccount::from_string(text)
        .map(|muxed| (account_of(muxed.ed25519), Some(muxed.id)))
        .map_err(|source| Error::Account { text: text.to_owned(), source })
}

/// The `M...` address of an account with an id.
///
/// # Errors
/// [`Error::Account`].
pub fn muxed(account: &AccountId, id: u64) -> Result<String, Error> {
    Ok(MuxedAccount { ed25519: public_key(account)?, id }.to_string().as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

    #[test]
    fn valid_vectors_of_sep_23() {
        let account = parse_account(ACCOUNT).unwrap();
        assert_eq!(hex::encode(public_key(&account).unwrap()), "3f0c34bf93ad0d9971d04ccc90f705511c838aad9734a4a2fb0d7a03fc7fe89a");
        for (text, id) in [
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", 0),
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVAAAAAAAAAAAAAJLK", 9_223_372_036_854_775_808),
        ] {
            assert_eq!(parse_muxed(text).unwrap(), (account.clone(), Some(id)), "{text}");
            assert_eq!(muxed(&account, id).unwrap(), text);
        }
        assert_eq!(parse_muxed(ACCOUNT).unwrap(), (account, None));
    }

    #[test]
    fn invalid_vectors_of_sep_23() {
        for (text, why) in [
            ("G47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVP2I", "invalid algorithm"),
            ("GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUR", "muxed payload under G"),
            ("GAAAAAAAACGC6", "too short"),
            ("GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA", "checksum"),
            ("ga7qynf7sowq3glr2bgmzehxavirza4kvwltjjfc7mgxua74p7ujvsgz", "lower case"),
            ("", "empty"),
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUK", "checksum of a muxed one"),
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUR", "bits beyond the end"),
            ("M47QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ", "invalid algorithm of a muxed one"),
            ("MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ===", "padding"),
        ] {
            assert!(parse_muxed(text).is_err(), "{why}: {text}");
        }
        let error = parse_account("GAAAAAAAACGC6").unwrap_err();
        assert!(error.to_string().contains("GAAAAAAAACGC6"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn rule_10_a_seed_is_read_and_never_shown() {
        // Made by the Python SDK: Keypair.from_raw_ed25519_seed(bytes([7] * 32)).
        const SECRET: &str = "SADQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP54X";
        let key = LocalKey::from_seed(&[7; 32]);
        assert_eq!(key.account().as_str(), "GDVEU3DD4KOFECV66VIHWEZOYX4ZKR3WV27L464SIIPOU2IUI3JCZA57");
        assert_eq!(key.secret().as_str(), SECRET);
        assert_eq!(LocalKey::from_secret(SECRET).unwrap().account(), key.account());
        assert!(!format!("{key:?}").contains("SADQ"));
        let wrong = SECRET.replace("P54X", "P54A");
        let error = LocalKey::from_secret(&wrong).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&wrong));
    }

    #[test]
    fn signatures_verify_for_their_key_and_hash_only() {
        let (key, other) = (LocalKey::from_seed(&[1; 32]), LocalKey::from_seed(&[2; 32]));
        let signature = key.sign(&[9; 32]);
        assert!(verify(&key.account(), &[9; 32], &signature));
        assert!(!verify(&key.account(), &[8; 32], &signature));
        assert!(!verify(&other.account(), &[9; 32], &signature));
    }
}
