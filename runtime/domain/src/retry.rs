//! When to try again: exponential back-off with jitter, a limit per kind of failure.

use crate::job::{Hook, HookError, RunEnd};

/// How a kind of failure is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Delay after the first failure, in milliseconds.
    pub base_ms: u64,
    /// Longest delay, in milliseconds.
    pub cap_ms: u64,
    /// Failures after which the job is a dead letter; none: never.
    pub limit: Option<i64>,
}

/// Look-ups without an answer, after which a payout is held for a person: about a quarter of an hour.
const LOOK_UPS: i64 = 10;

/// The policy for a run that ended so. `base_ms` is the host's setting: 1,000 in production.
///
/// | the run | failures until a dead letter |
/// | --- | --- |
/// | `out-of-fuel`, `out-of-memory`, `limit-exceeded`, `bad-result` | 2: the same code on the same input |
/// | `trapped`, `timed-out` | 5 |
/// | `refused` with `refused` | 1: the rail's word is final |
/// | `refused` with `try-later`, `misconfigured`, `unexpected-response` | 20: about two hours |
/// | `host-fault`, `lease-lost`, `cancelled`, or cut off | no limit: not the guest's doing |
/// | any of a poll | no limit: its reason is shown, and it slows down |
/// | any of a look-up, also one that cannot tell | 10, then held for a person |
///
/// A payout whose effect is open is held for a person when its tries are used up, never a dead letter.
pub fn policy(hook: Hook, end: Option<&RunEnd>, base_ms: u64) -> RetryPolicy {
    let limit = match end {
        // The same code on the same input: again once, in case the bank's answer made the difference.
        Some(RunEnd::OutOfFuel | RunEnd::OutOfMemory | RunEnd::LimitExceeded(_) | RunEnd::BadResult(_)) => Some(2),
        Some(RunEnd::Trapped(_) | RunEnd::TimedOut) => Some(5),
        Some(RunEnd::Refused(HookError::Refused(_))) => Some(1),
        Some(RunEnd::Refused(HookError::TryLater(_) | HookError::Misconfigured(_) | HookError::UnexpectedResponse(_))) => Some(20),
        // Cut off: by a crash of the host's, which may be the run's doing.
        Some(RunEnd::LeaseLost) | None => Some(20),
        // Not the guest's doing.
        Some(RunEnd::Returned | RunEnd::Cancelled | RunEnd::HostFault(_)) => None,
    };
    let limit = match hook {
        // A poll is never given up: its reason is shown, and it slows down.
        Hook::PollPendingDeposits | Hook::PollPendingPayouts => None,
        Hook::PayoutStatus => match end {
            Some(RunEnd::Cancelled | RunEnd::LeaseLost | RunEnd::HostFault(_)) | None => None,
            Some(_) => Some(LOOK_UPS),
        },
        Hook::AfterDeposit | Hook::ProcessWithdrawal | Hook::Interactive => limit,
    };
    RetryPolicy { base_ms, cap_ms: 600_000, limit }
}

impl RetryPolicy {
    /// Milliseconds to wait after so many failures (1 after the first): doubled each time up to the cap, then between
    /// half of that and all of it, by 64 random bits.
    pub fn delay_ms(&self, failures: i64, random: u64) -> u64 {
        let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
        let full = self.base_ms.saturating_mul(1 << doublings).min(self.cap_ms);
        let half = full / 2;
        half + random % (full - half + 1)
    }

    /// Are the tries used up?
    pub fn is_used_up(&self, failures: i64) -> bool {
        self.limit.is_some_and(|limit| failures >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_keep_their_jitter() {
        let policy = RetryPolicy { base_ms: 1_000, cap_ms: 600_000, limit: Some(3) };
        for (failures, least, most) in
            [(1, 500, 1_000), (2, 1_000, 2_000), (4, 4_000, 8_000), (11, 300_000, 600_000), (i64::MAX, 300_000, 600_000)]
        {
            assert_eq!(policy.delay_ms(failures, 0), least);
            assert_eq!(policy.delay_ms(failures, most - least), most);
        }
        assert!(!policy.is_used_up(2) && policy.is_used_up(3));
    }

    #[test]
    fn every_end_has_its_limit() {
        let refused = |error| RunEnd::Refused(error);
        let text = String::new;
        for (end, job, look_up) in [
            (Some(RunEnd::OutOfFuel), Some(2), Some(10)),
            (Some(RunEnd::OutOfMemory), Some(2), Some(10)),
            (Some(RunEnd::LimitExceeded(text())), Some(2), Some(10)),
            (Some(RunEnd::BadResult(text())), Some(2), Some(10)),
            (Some(RunEnd::Trapped(text())), Some(5), Some(10)),
            (Some(RunEnd::TimedOut), Some(5), Some(10)),
            (Some(refused(HookError::Refused(text()))), Some(1), Some(10)),
            (Some(refused(HookError::TryLater(1))), Some(20), Some(10)),
            (Some(refused(HookError::Misconfigured(text()))), Some(20), Some(10)),
            (Some(refused(HookError::UnexpectedResponse(text()))), Some(20), Some(10)),
            (Some(RunEnd::Returned), None, Some(10)),
            (Some(RunEnd::Cancelled), None, None),
            (Some(RunEnd::LeaseLost), Some(20), None),
            (Some(RunEnd::HostFault(text())), None, None),
            (None, Some(20), None),
        ] {
            for hook in [Hook::AfterDeposit, Hook::ProcessWithdrawal] {
                assert_eq!(policy(hook, end.as_ref(), 1).limit, job, "{hook:?} {end:?}");
            }
            assert_eq!(policy(Hook::PayoutStatus, end.as_ref(), 1).limit, look_up, "{end:?}");
            for hook in [Hook::PollPendingDeposits, Hook::PollPendingPayouts] {
                assert_eq!(policy(hook, end.as_ref(), 1).limit, None, "{hook:?} {end:?}");
            }
        }
    }

    #[test]
    fn polls_are_never_given_up() {
        assert_eq!(policy(Hook::PollPendingDeposits, Some(&RunEnd::OutOfFuel), 1).limit, None);
        assert_eq!(policy(Hook::AfterDeposit, Some(&RunEnd::OutOfFuel), 1).limit, Some(2));
    }
}
