//! Seals what is secret at rest: XChaCha20-Poly1305 under the master key, bound to the tenant and to what it is.
//!
//! As text: `v1:` and base64 of a random nonce (24 bytes) and the ciphertext. The associated data are the tenant's id,
//! 0x1F and the name, so that a sealed text that is moved to another tenant's row, or under another name, does not open.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use windlass_domain::TenantId;
use windlass_domain::ports::clock::Random;
use windlass_domain::ports::secrets::{Sealer, SecretBytes, SecretError};

use crate::MasterKey;

const VERSION: &str = "v1:";

const NONCE_BYTES: usize = 24;

/// Under one master key. The key is wiped when this is dropped.
pub struct MasterSealer {
    cipher: XChaCha20Poly1305,
    random: Arc<dyn Random>,
}

impl MasterSealer {
    /// Under this key; nonces come from `random`.
    pub fn new(key: &MasterKey, random: Arc<dyn Random>) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.expose().into()), random }
    }
}

impl Sealer for MasterSealer {
    fn seal(&self, tenant: &TenantId, what: &str, secret: &[u8]) -> String {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.random.bits_256()[..NONCE_BYTES]);
        let aad = associated(tenant, what);
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &aad });
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.expect("a secret is shorter than the 256 GiB that one nonce is good for"));
        format!("{VERSION}{}", STANDARD.encode(bytes))
    }

    fn open(&self, tenant: &TenantId, what: &str, sealed: &str) -> Result<SecretBytes, SecretError> {
        let cannot = || SecretError::CannotOpen { tenant: tenant.clone(), what: what.to_owned() };
        let bytes = sealed.strip_prefix(VERSION).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(cannot)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(cannot)?;
        let aad = associated(tenant, what);
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad });
        opened.map(SecretBytes::new).map_err(|_| cannot())
    }
}

/// Neither part can hold 0x1F where it matters: tenants' ids are `a-z 0-9 -`.
fn associated(tenant: &TenantId, what: &str) -> Vec<u8> {
    [tenant.as_str().as_bytes(), &[0x1f], what.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    fn sealer(key: u8) -> MasterSealer {
        MasterSealer::new(&MasterKey::from_bytes([key; 32]), Arc::new(SystemRandom))
    }

    #[test]
    fn rule_10_opens_only_as_what_and_whose_it_was_sealed() {
        let (acme, other) = (TenantId::new("acme").unwrap(), TenantId::new("other").unwrap());
        let sealed = sealer(1).seal(&acme, "secret:bank", b"hunter2");
        assert_eq!(sealer(1).open(&acme, "secret:bank", &sealed).unwrap().expose(), b"hunter2");
        assert!(!sealed.contains("hunter2"));
        for (key, tenant, what) in [(2, &acme, "secret:bank"), (1, &other, "secret:bank"), (1, &acme, "secret:bank2")] {
            assert!(sealer(key).open(tenant, what, &sealed).is_err(), "{key} {tenant} {what}");
        }
        let mut changed = sealed.clone().into_bytes();
        changed[40] = if changed[40] == b'A' { b'B' } else { b'A' };
        for bad in [String::from_utf8(changed).unwrap(), sealed.replace("v1:", "v2:"), "v1:".into(), "v1:AAAA".into()] {
            assert!(sealer(1).open(&acme, "secret:bank", &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_secret_seals_differently_each_time() {
        let acme = TenantId::new("acme").unwrap();
        assert_ne!(sealer(1).seal(&acme, "a", b"x"), sealer(1).seal(&acme, "a", b"x"));
    }
}
