//! `settings`: plain settings, the same all through a run.

use crate::bindings::anchor::settings::Host;
use crate::context::RunContext;

impl Host for RunContext {
    async fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.enter()?;
        if let Some(value) = self.settings.get(&name) {
            return Ok(value.clone());
        }
        let value = match self.host.setting(&name).await {
            Ok(value) => value,
            Err(fault) => return Err(self.fault(fault)),
        };
        self.settings.insert(name, value.clone());
        Ok(value)
    }
}
