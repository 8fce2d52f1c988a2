//! What a guest may call, one file per interface of the contract.

mod clock;
mod http_client;
pub(crate) mod log;
pub(crate) mod pending;
mod random;
mod settings;
mod signing;
mod state;

use crate::bindings::anchor;
use crate::context::RunContext;

impl anchor::types::Host for RunContext {}
