//! Lines for the tenant, kept with the job: at most 64 KiB a run. Never write payers' data here.
//!
//! In an integration's own native tests there is no job; there the lines go to the standard error.
//!
//! ```no_run
//! use windlass_sdk::log;
//!
//! log::info("page 3 of the statement read");
//! ```

use crate::bindings::imports::windlass::anchor::log::Level;

/// A line for whoever takes the integration apart. `log::debug("cursor is line-000007")`
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// A line about the ordinary course of things. `log::info("3 credits, 2 matched")`
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// A line about something that a person should look at some day. `log::warn("a debit without a payout")`
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// A line about something that went wrong. `log::error("the bank refused the key")`
pub fn error(message: &str) {
    write(Level::Error, message);
}

fn write(level: Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        crate::bindings::imports::windlass::anchor::log::write(level, message);
    } else {
        eprintln!("{level:?}: {message}");
    }
}
