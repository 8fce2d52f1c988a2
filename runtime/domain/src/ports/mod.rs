//! What the rest of the world is to the domain: traits, implemented by crates that do not know each other.

pub mod clock;
pub mod egress;
pub mod guest;
pub mod ledger;
pub mod secrets;
pub mod store;
