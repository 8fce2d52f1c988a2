//! Signatures with secrets that the integration never sees: each is named, and the manifest must allow the name.
//!
//! ```no_run
//! use windlass_sdk::{Error, signing};
//!
//! fn signature(body: &[u8]) -> Result<String, Error> {
//!     signing::hmac_sha256_hex("bank-hmac", body)
//! }
//! ```

use crate::Error;
use crate::bindings::imports::windlass::anchor::signing;
use crate::bindings::imports::windlass::anchor::signing::Error as SigningError;

/// HMAC-SHA-256 of the message under the named secret: 32 bytes. `signing::hmac_sha256("bank-hmac", b"text")?`
///
/// # Errors
/// [`Error::Misconfigured`] if there is no such secret, or the manifest does not allow signing with it.
pub fn hmac_sha256(secret: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    signing::hmac_sha256(secret, message).map_err(classify)
}

/// As [`hmac_sha256`], in lower-case hex, as most banks want it. `signing::hmac_sha256_hex("bank-hmac", b"text")?`
///
/// # Errors
/// As [`hmac_sha256`].
pub fn hmac_sha256_hex(secret: &str, message: &[u8]) -> Result<String, Error> {
    Ok(hex(&hmac_sha256(secret, message)?))
}

/// Whether `mac` is the HMAC-SHA-256 of the message, compared in constant time by the host.
/// `signing::verify_hmac_sha256("bank-hmac", b"text", &mac)?`
///
/// # Errors
/// As [`hmac_sha256`].
pub fn verify_hmac_sha256(secret: &str, message: &[u8], mac: &[u8]) -> Result<bool, Error> {
    signing::verify_hmac_sha256(secret, message, mac).map_err(classify)
}

fn classify(error: SigningError) -> Error {
    match error {
        SigningError::UnknownSecret(name) => Error::Misconfigured(format!("there is no secret `{name}`; add it to the tenant's secrets")),
        SigningError::NotPermitted(name) => {
            Error::Misconfigured(format!("the manifest does not allow signing with the secret `{name}`; add it to the manifest"))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_lower_case_and_keeps_leading_zeros() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn what_the_tenant_has_to_mend_is_misconfigured_and_named() {
        for (error, says) in [
            (SigningError::UnknownSecret("bank-hmac".into()), "no secret `bank-hmac`"),
            (SigningError::NotPermitted("bank-hmac".into()), "signing with the secret `bank-hmac`"),
        ] {
            match classify(error) {
                Error::Misconfigured(message) => assert!(message.contains(says), "{message}"),
                other => panic!("not misconfigured: {other:?}"),
            }
        }
    }
}
