//! How the hooks' error reads, and what becomes of the other errors in it.

use std::time::Duration;

use crate::Error;

impl Error {
    /// "Not now": the job is run again after this delay or later.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windlass_sdk::Error;
    /// assert_eq!(Error::try_later(Duration::from_secs(30)), Error::TryLater(30_000));
    /// ```
    #[must_use]
    pub fn try_later(delay: Duration) -> Self {
        Self::TryLater(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
    }
}
