//! The tenant's plain settings: what differs between the test bank and the real one. Secrets are not here; they are
//! used by name, in [`http::Request::secret_header`](crate::http::Request::secret_header) and [`signing`](crate::signing).
//!
//! ```no_run
//! use windlass_sdk::{Error, settings};
//!
//! fn statement_url() -> Result<String, Error> {
//!     Ok(format!("{}/statement", settings::require("bank-url")?))
//! }
//! ```

use std::str::FromStr;

use crate::Error;
use crate::bindings::imports::windlass::anchor::settings;

/// The setting's value as it was when the run started, or none. `settings::get("bank-url")`
#[must_use]
pub fn get(name: &str) -> Option<String> {
    settings::get(name)
}

/// The setting's value. `settings::require("bank-url")?`
///
/// # Errors
/// [`Error::Misconfigured`], naming the setting, if it is missing or empty.
pub fn require(name: &str) -> Result<String, Error> {
    match settings::get(name) {
        Some(value) if !value.trim().is_empty() => Ok(value),
        Some(_) => Err(Error::Misconfigured(format!("the setting `{name}` is empty; give it a value"))),
        None => Err(Error::Misconfigured(format!("the setting `{name}` is missing; add it to the tenant's settings"))),
    }
}

/// The setting's value read as `T`, or `default` if there is none. `settings::parse_or("decimals", 2_u8)?`
///
/// # Errors
/// [`Error::Misconfigured`], naming the setting, if it cannot be read as `T`.
pub fn parse_or<T: FromStr>(name: &str, default: T) -> Result<T, Error> {
    match settings::get(name) {
        None => Ok(default),
        Some(value) => value
            .trim()
            .parse()
            .map_err(|_| Error::Misconfigured(format!("the setting `{name}` is `{value}`, which cannot be read; correct it"))),
    }
}
