//! The windlass binary's parts: configuration, wiring, telemetry, shutdown. [`Runtime::start`] runs the whole of it in a
//! process that is there already, as tests and the demo do.

pub mod clock;
mod components;
pub mod config;
mod error;
mod keys;
pub mod runtime;
pub mod sealer;
mod signer;
mod stored;
pub mod telemetry;

pub use config::{Config, Database, MasterKey, Network};
pub use error::Error;
pub use runtime::{Running, Runtime};
