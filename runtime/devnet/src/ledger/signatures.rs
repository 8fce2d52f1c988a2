//! Which signatures of an envelope count for whom.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use stellar_xdr::{AccountEntry, AccountId, DecoratedSignature, OperationBody, PublicKey, Signer, SignerKey, Uint256};

/// The three levels that an account can ask different weights for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Low,
    Medium,
}

/// What an operation needs of its source.
pub(crate) fn level_of(body: &OperationBody) -> Level {
    match body {
        OperationBody::AllowTrust(_)
        | OperationBody::SetTrustLineFlags(_)
        | OperationBody::BumpSequence(_)
        | OperationBody::ClaimClaimableBalance(_)
        | OperationBody::Inflation => Level::Low,
        _ => Level::Medium,
    }
}

/// Checks the signatures of one envelope, and keeps count of those that were of use.
pub(crate) struct Signatures<'a> {
    hash: [u8; 32],
    list: &'a [DecoratedSignature],
    used: Vec<bool>,
}

impl<'a> Signatures<'a> {
    pub(crate) fn new(hash: [u8; 32], list: &'a [DecoratedSignature]) -> Self {
        Self { hash, list, used: vec![false; list.len()] }
    }

    /// Do the signatures reach the account's threshold for this level? A threshold of 0 still needs one.
    pub(crate) fn reach(&mut self, account: &AccountEntry, level: Level) -> bool {
        let [master, low, medium, _high] = account.thresholds.0;
        let needed = match level {
            Level::Low => low,
            Level::Medium => medium,
        };
        let mut signers: Vec<Signer> = account.signers.to_vec();
        if master > 0 {
            signers.push(own_key(&account.account_id, u32::from(master)));
        }
        self.weigh(signers, u32::from(needed))
    }

    /// Did an account that does not exist (yet) sign with its own key?
    pub(crate) fn own(&mut self, account: &AccountId) -> bool {
        self.weigh(vec![own_key(account, 1)], 0)
    }

    /// Did each of these keys sign (CAP-21, extra signers)?
    pub(crate) fn all(&mut self, keys: &[SignerKey]) -> bool {
        let signers = keys.iter().map(|key| Signer { key: key.clone(), weight: 1 });
        keys.is_empty() || self.weigh(signers.collect(), u32::try_from(keys.len()).unwrap_or(u32::MAX))
    }

    /// Was every signature of use to somebody? If not, the transaction is txBAD_AUTH_EXTRA.
    pub(crate) fn all_used(&self) -> bool {
        self.used.iter().all(|used| *used)
    }

    /// Adds up weights until `needed` is reached: pre-authorized hashes first, then hash-x, plain keys, signed
    /// payloads. Each signer counts once, at most 255; the search stops as soon as the weight is there.
    fn weigh(&mut self, mut signers: Vec<Signer>, needed: u32) -> bool {
        let mut total = 0_u32;
        for signer in &signers {
            if matches!(&signer.key, SignerKey::PreAuthTx(hash) if hash.0 == self.hash) {
                total += signer.weight.min(255);
                if total >= needed {
                    return true;
                }
            }
        }
        for kind in [Kind::HashX, Kind::Ed25519, Kind::SignedPayload] {
            for index in 0..self.list.len() {
                let signature = &self.list[index];
                let found = signers.iter().position(|signer| kind.of(&signer.key) && matches(&signer.key, signature, &self.hash));
                if let Some(at) = found {
                    self.used[index] = true;
                    total += signers.swap_remove(at).weight.min(255);
                    if total >= needed {
                        return true;
                    }
                }
            }
        }
        false
    }
}

#[derive(Clone, Copy)]
enum Kind {
    HashX,
    Ed25519,
    SignedPayload,
}

impl Kind {
    fn of(self, key: &SignerKey) -> bool {
        match self {
            Kind::HashX => matches!(key, SignerKey::HashX(_)),
            Kind::Ed25519 => matches!(key, SignerKey::Ed25519(_)),
            Kind::SignedPayload => matches!(key, SignerKey::Ed25519SignedPayload(_)),
        }
    }
}

fn own_key(account: &AccountId, weight: u32) -> Signer {
    let PublicKey::PublicKeyTypeEd25519(key) = &account.0;
    Signer { key: SignerKey::Ed25519(key.clone()), weight }
}

fn matches(key: &SignerKey, signature: &DecoratedSignature, hash: &[u8; 32]) -> bool {
    let hint = signature.hint.0;
    match key {
        SignerKey::PreAuthTx(_) => false,
        SignerKey::HashX(expected) => {
            hint == tail(&expected.0) && Sha256::digest(signature.signature.as_slice()).as_slice() == expected.0.as_slice()
        }
        SignerKey::Ed25519(key) => hint == tail(&key.0) && verifies(key, hash, signature),
        SignerKey::Ed25519SignedPayload(signed) => {
            let payload = signed.payload.as_slice();
            let mut expected = tail(&signed.ed25519.0);
            for (byte, other) in expected.iter_mut().zip(tail(payload)) {
                *byte ^= other;
            }
            hint == expected && verifies(&signed.ed25519, payload, signature)
        }
    }
}

/// The last four bytes; of something shorter, its bytes followed by zeros.
fn tail(bytes: &[u8]) -> [u8; 4] {
    let mut last = [0; 4];
    let from = bytes.len().saturating_sub(4);
    for (slot, byte) in last.iter_mut().zip(&bytes[from..]) {
        *slot = *byte;
    }
    last
}

fn verifies(key: &Uint256, message: &[u8], signature: &DecoratedSignature) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(&key.0), Signature::from_slice(signature.signature.as_slice())) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}
