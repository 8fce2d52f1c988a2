//! `random`: ChaCha20 from the job's seed, so that a job that is replayed draws the same bytes again.

use rand_chacha::rand_core::Rng;

use crate::bindings::anchor::random::Host;
use crate::context::RunContext;

/// The most bytes that one call draws.
const MOST_BYTES: u32 = 65_536;

impl Host for RunContext {
    async fn get_bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        if len > MOST_BYTES {
            return Err(self.exceeded(format!("{MOST_BYTES} random bytes in one call")));
        }
        let mut bytes = vec![0; len as usize];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    async fn get_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter()?;
        Ok(self.random.next_u64())
    }
}
