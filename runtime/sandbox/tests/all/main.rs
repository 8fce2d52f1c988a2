//! The sandbox against guests that are altered, greedy, hostile and honest.
//!
//! Guests come from `target/guests` (built by `cargo xtask guests`) or are made here, instruction by instruction.

mod contract;
mod egress;
mod hostile;
mod imports;
mod limits;
mod made;
mod support;
