//! The small ports: clock, randomness, sealer, signer, builder. All of them give the same in every run of a test.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use windlass_domain::ports::clock::{Clock, Random};
use windlass_domain::ports::ledger::{BuildError, Draft, EnvelopeBuilder, Unsigned};
use windlass_domain::ports::secrets::{Sealer, SecretBytes, SecretError, Signer};
use windlass_domain::{AccountId, TenantId, TimeMs};

use crate::faults::Faults;

/// When every test begins, in seconds since the epoch.
pub(crate) const START_S: i64 = 1_800_000_000;

/// Goes on by a millisecond with each look.
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(START_S * 1_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> TimeMs {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn monotonic_us(&self) -> u64 {
        0
    }
}

/// Counts, beginning with the world's number: no id comes twice.
pub(crate) struct FakeRandom {
    world: u64,
    next: AtomicU64,
}

impl FakeRandom {
    pub(crate) fn of_world(number: usize) -> Self {
        Self { world: u64::try_from(number).unwrap(), next: AtomicU64::new(0) }
    }
}

impl Random for FakeRandom {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        bits[..8].copy_from_slice(&self.world.to_be_bytes());
        bits[8..].copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bits
    }
}

/// Seals as `tenant|what|hex`, and opens only what was sealed for the same.
pub(crate) struct FakeSealer;

impl Sealer for FakeSealer {
    fn seal(&self, tenant: &TenantId, what: &str, secret: &[u8]) -> String {
        format!("{tenant}|{what}|{}", hex(secret))
    }

    fn open(&self, tenant: &TenantId, what: &str, sealed: &str) -> Result<SecretBytes, SecretError> {
        let cannot = || SecretError::CannotOpen { tenant: tenant.clone(), what: what.to_owned() };
        let text = sealed.strip_prefix(&format!("{tenant}|{what}|")).ok_or_else(cannot)?;
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| cannot());
        (0..text.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>().map(SecretBytes::new)
    }
}

/// Signs with the hash twice.
pub(crate) struct FakeSigner(pub(crate) Arc<Faults>);

#[async_trait]
impl Signer for FakeSigner {
    async fn sign(&self, _tenant: &TenantId, _account: &AccountId, hash: &[u8; 32]) -> Result<[u8; 64], SecretError> {
        let signed = async {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(hash);
            signature[32..].copy_from_slice(hash);
            Ok(signature)
        };
        self.0.read("sign", signed, || SecretError::Unavailable("cut off".into())).await
    }
}

/// What envelopes hold, by hash.
pub(crate) type Drafts = Arc<Mutex<BTreeMap<String, Draft>>>;

/// Builds envelopes whose bytes are their hash; the draft is kept for the ledger to look into.
pub(crate) struct FakeBuilder(pub(crate) Drafts);

impl EnvelopeBuilder for FakeBuilder {
    fn build(&self, draft: &Draft) -> Result<Unsigned, BuildError> {
        let mut hash = [0; 32];
        for (place, chunk) in hash.chunks_exact_mut(8).enumerate() {
            let mut hasher = DefaultHasher::new();
            (place, format!("{draft:?}")).hash(&mut hasher);
            chunk.copy_from_slice(&hasher.finish().to_be_bytes());
        }
        self.0.lock().unwrap().insert(hex(&hash), draft.clone());
        Ok(Unsigned { hash, xdr: hash.to_vec() })
    }

    fn assemble(&self, unsigned: &Unsigned, signatures: &[(AccountId, [u8; 64])]) -> Result<String, BuildError> {
        assert!(signatures.iter().all(|(_, signature)| signature[..32] == unsigned.hash), "the hash is what is signed");
        Ok(format!("signed:{}", hex(&unsigned.xdr)))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
