//! The tenant's small key-value store, shared by all its hooks.
//!
//! A run reads what was committed when it started, and its own writes. The writes are committed together with the
//! job's outcome, or not at all. Keys are 1 to 512 bytes, values at most 256 KiB.
//!
//! ```no_run
//! use windlass_sdk::{Error, state};
//!
//! fn next_page() -> Result<u64, Error> {
//!     let page = state::get_u64("page")?.unwrap_or(0);
//!     state::set_u64("page", page + 1);
//!     Ok(page)
//! }
//! ```

use crate::Error;
use crate::bindings::imports::windlass::anchor::state;

/// The value of the key, or none. `state::get("cursor")`
#[must_use]
pub fn get(key: &str) -> Option<Vec<u8>> {
    state::get(key)
}

/// Writes a value. `state::set("cursor", b"line-000007")`
pub fn set(key: &str, value: &[u8]) {
    state::set(key, value);
}

/// The value as text, or none.
///
/// # Errors
/// [`Error::UnexpectedResponse`] if the value is not UTF-8.
pub fn get_text(key: &str) -> Result<Option<String>, Error> {
    match state::get(key).map(String::from_utf8) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(broken(key, "text")),
    }
}

/// Writes text. `state::set_text("cursor", "line-000007")`
pub fn set_text(key: &str, value: &str) {
    state::set(key, value.as_bytes());
}

/// The value as a number that [`set_u64`] wrote, or none.
///
/// # Errors
/// [`Error::UnexpectedResponse`] if the value is not a decimal number.
pub fn get_u64(key: &str) -> Result<Option<u64>, Error> {
    match get_text(key)?.map(|text| text.parse()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(broken(key, "a number")),
    }
}

/// Writes a number, in decimal. `state::set_u64("page", 3)`
pub fn set_u64(key: &str, value: u64) {
    set_text(key, &value.to_string());
}

/// Removes the key; removing what is not there is well. `state::delete("cursor")`
pub fn delete(key: &str) {
    state::delete(key);
}

/// The keys that begin with `prefix` and come after `after`, in byte order, at most `max` (cut to 1,000).
/// `state::keys("seen/", None, 100)`
#[must_use]
pub fn keys(prefix: &str, after: Option<&str>, max: u32) -> Vec<String> {
    state::keys(prefix, after, max)
}

fn broken(key: &str, expected: &str) -> Error {
    Error::UnexpectedResponse(format!("the state under `{key}` is not {expected}; delete the key or mend it"))
}
