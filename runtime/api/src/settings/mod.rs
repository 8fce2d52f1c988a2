//! A tenant's plain settings, which its integration reads.

pub(crate) mod list;
pub(crate) mod put;
pub(crate) mod remove;

use serde::Serialize;

/// A setting as shown.
#[derive(Serialize)]
pub(crate) struct SettingView {
    name: String,
    value: String,
}
