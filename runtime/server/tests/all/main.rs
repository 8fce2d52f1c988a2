//! Tests of the whole server crate: one binary.

mod layers;
mod start;
