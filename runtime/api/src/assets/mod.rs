//! A tenant's assets and their rules.

pub(crate) mod list;
pub(crate) mod put;
