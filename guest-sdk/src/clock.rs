//! The time. Reads are recorded: a job that is replayed after a crash is told the same times again.
//!
//! ```no_run
//! let a_minute_ago = windlass_sdk::clock::now_ms() - 60_000;
//! ```

/// Milliseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now_ms() -> u64 {
    crate::bindings::imports::windlass::anchor::clock::now()
}
