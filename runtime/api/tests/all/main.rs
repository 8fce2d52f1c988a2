//! The API over a real store, with the other ports faked: one binary.

mod authorisation;
mod harness;
mod jobs;
mod payouts;
mod people;
mod refused;
mod setup;
mod transactions;
