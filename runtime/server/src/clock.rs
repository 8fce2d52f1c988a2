//! The one place that reads clocks and the system's randomness (money rule 8).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use windlass_domain::TimeMs;
use windlass_domain::ports::clock::{Clock, Random};

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Measures from now on.
    #[expect(clippy::disallowed_methods, reason = "the clock itself")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock itself")]
    fn now(&self) -> TimeMs {
        // A clock set before 1970 reads as 1970: time bounds are checked against the ledger's clock, not this one.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimeMs::try_from(since.as_millis()).unwrap_or(TimeMs::MAX)
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// If the system has no randomness to give: nothing may go on without it, and no default would be safe.
    #[expect(clippy::disallowed_methods, reason = "the randomness itself")]
    fn bits(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        bytes
    }
}
