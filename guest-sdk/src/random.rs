//! Random bytes, from a generator that is seeded once per job: a job that is replayed draws the same bytes again.
//! Not for keys: whoever knows the seed knows the bytes.
//!
//! ```no_run
//! let one_of_ten = windlass_sdk::random::next_u64() % 10;
//! ```

use crate::bindings::imports::windlass::anchor::random;

/// So many random bytes; asking for more than 65,536 ends the run. `random::bytes(16)`
#[must_use]
pub fn bytes(len: u32) -> Vec<u8> {
    random::get_bytes(len)
}

/// A random number. `random::next_u64()`
#[must_use]
pub fn next_u64() -> u64 {
    random::get_u64()
}
