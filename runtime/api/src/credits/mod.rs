//! Credits that polls reported.

pub(crate) mod assign;
pub(crate) mod list;
