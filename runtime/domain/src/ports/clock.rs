//! Time and randomness (money rule 8): handed in, never read elsewhere.

use crate::ids::TimeMs;

/// The wall clock, for what people see and for time bounds. Leases use the database's clock instead (money rule 7).
pub trait Clock: Send + Sync {
    /// Milliseconds since the epoch.
    fn now(&self) -> TimeMs;

    /// Microseconds of a clock that never goes back: for measuring.
    fn monotonic_us(&self) -> u64;
}

/// A source of random bits, good enough for ids, tokens and seeds of keys.
pub trait Random: Send + Sync {
    /// 128 bits.
    fn bits(&self) -> [u8; 16];

    /// 256 bits.
    fn bits_256(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.bits());
        bytes[16..].copy_from_slice(&self.bits());
        bytes
    }
}
