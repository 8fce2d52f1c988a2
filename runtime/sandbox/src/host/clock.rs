//! `clock`: the time, as the host tells it.

use crate::bindings::anchor::clock::Host;
use crate::context::RunContext;
use crate::convert::time_out;

impl Host for RunContext {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        self.enter()?;
        Ok(time_out(self.host.now()))
    }
}
