//! Whole stories over the real runtime: what the demo, the kills and the independent clients share.

pub mod api;
pub mod books;
pub mod people;
pub mod runtime;
pub mod world;
