//! What goes wrong at the bank, before it acts or after.

use std::time::Duration;

use serde::Deserialize;

/// A part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Route {
    /// Reading the statement.
    #[serde(rename = "statement")]
    Statement,
    /// Asking for a transfer; looking one up is only struck by faults on everything.
    #[serde(rename = "transfers")]
    Transfers,
    /// Sending a notification; reading them is only struck by faults on everything.
    #[serde(rename = "notifications")]
    Notifications,
    /// Everything.
    #[serde(rename = "*")]
    All,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BankFaultMode {
    /// Nothing: takes a fault away.
    Ok,
    /// Waits, then acts.
    SlowBefore,
    /// Acts, waits, then answers.
    SlowAfter,
    /// Answers 503 with `Retry-After: 1` and does not act.
    FailBefore,
    /// Acts, then answers 500.
    FailAfter,
    /// Acts, then closes the connection without an answer.
    DropAfter,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankFault {
    /// Where.
    pub route: Route,
    /// On which account; `None` for all.
    #[serde(default)]
    pub account: Option<String>,
    /// What.
    pub mode: BankFaultMode,
    /// How long the slow ones wait, in milliseconds.
    #[serde(default = "five_seconds")]
    pub millis: u64,
    /// How many requests it strikes; `None` until it is taken away.
    #[serde(default)]
    pub times: Option<u32>,
}

fn five_seconds() -> u64 {
    5000
}

impl BankFault {
    /// How long the slow ones wait.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<BankFault>);

impl Faults {
    /// Puts a fault in the place of the one on the same route and account.
    pub(crate) fn set(&mut self, fault: BankFault) {
        self.0.retain(|old| old.route != fault.route || old.account != fault.account);
        if fault.mode != BankFaultMode::Ok {
            self.0.push(fault);
        }
    }

    /// The fault that strikes this request, the most particular one first; counts it.
    pub(crate) fn strike(&mut self, route: Route, account: &str) -> Option<BankFault> {
        let wanted = [(route, Some(account)), (route, None), (Route::All, Some(account)), (Route::All, None)];
        for (route, account) in wanted {
            let found = self.0.iter_mut().find(|fault| fault.route == route && fault.account.as_deref() == account);
            let Some(fault) = found else { continue };
            if let Some(times) = &mut fault.times {
                let Some(left) = times.checked_sub(1) else {
                    continue;
                };
                *times = left;
            }
            return Some(fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(route: Route, account: Option<&str>, mode: BankFaultMode, times: Option<u32>) -> BankFault {
        BankFault { route, account: account.map(str::to_owned), mode, millis: 1, times }
    }

    #[test]
    fn the_most_particular_fault_strikes_and_wears_out() {
        let mut faults = Faults::default();
        faults.set(fault(Route::All, None, BankFaultMode::FailBefore, None));
        faults.set(fault(Route::Transfers, Some("a"), BankFaultMode::DropAfter, Some(1)));
        let mode = |faults: &mut Faults, account| faults.strike(Route::Transfers, account).map(|fault| fault.mode);
        assert_eq!(mode(&mut faults, "b"), Some(BankFaultMode::FailBefore));
        assert_eq!(mode(&mut faults, "a"), Some(BankFaultMode::DropAfter));
        assert_eq!(mode(&mut faults, "a"), Some(BankFaultMode::FailBefore));
        faults.set(fault(Route::All, None, BankFaultMode::Ok, None));
        assert_eq!(mode(&mut faults, "a"), None);
    }
}
