//! Components, compiled and linked once each, by digest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::SandboxError;
use crate::bindings::{deposit_events, deposits, imports, payout_status, payouts, withdrawals};
use crate::context::RunContext;

/// SHA-256, in hex: the component's name.
pub(crate) fn digest_of(component: &[u8]) -> String {
    hex::encode(Sha256::digest(component))
}

/// A component that is ready to be instantiated, with each hook that it exports.
pub(crate) struct Ready {
    pub(crate) pre: InstancePre<RunContext>,
    pub(crate) deposits: Option<deposits::HookDepositsPre<RunContext>>,
    pub(crate) deposit_events: Option<deposit_events::HookDepositEventsPre<RunContext>>,
    pub(crate) withdrawals: Option<withdrawals::HookWithdrawalsPre<RunContext>>,
    pub(crate) payouts: Option<payouts::HookPayoutsPre<RunContext>>,
    pub(crate) payout_status: Option<payout_status::HookPayoutStatusPre<RunContext>>,
}

/// Compiles components and links them to the host's functions.
#[derive(Clone)]
pub(crate) struct Compiler {
    engine: Engine,
    linker: Arc<Linker<RunContext>>,
}

impl Compiler {
    pub(crate) fn new(engine: &Engine) -> Result<Self, SandboxError> {
        let mut linker = Linker::new(engine);
        imports::Imports::add_to_linker::<_, HasSelf<RunContext>>(&mut linker, |context| context).map_err(SandboxError::Engine)?;
        Ok(Self { engine: engine.clone(), linker: Arc::new(linker) })
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes seconds for large components, so it has a thread of its own.
    pub(crate) async fn compile(&self, component: Vec<u8>) -> Result<Ready, String> {
        let this = self.clone();
        let compiled = tokio::task::spawn_blocking(move || this.compile_now(&component)).await;
        compiled.map_err(|error| format!("the compiler stopped: {error}"))?
    }

    fn compile_now(&self, component: &[u8]) -> Result<Ready, String> {
        let text = |error: wasmtime::Error| format!("{error:#}");
        let component = Component::from_binary(&self.engine, component).map_err(text)?;
        let pre = self.linker.instantiate_pre(&component).map_err(text)?;
        Ok(Ready {
            deposits: deposits::HookDepositsPre::new(pre.clone()).ok(),
            deposit_events: deposit_events::HookDepositEventsPre::new(pre.clone()).ok(),
            withdrawals: withdrawals::HookWithdrawalsPre::new(pre.clone()).ok(),
            payouts: payouts::HookPayoutsPre::new(pre.clone()).ok(),
            payout_status: payout_status::HookPayoutStatusPre::new(pre.clone()).ok(),
            pre,
        })
    }
}

/// The components that were used last.
pub(crate) struct Cache {
    most: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_digest: HashMap<String, Entry>,
    uses: u64,
}

struct Entry {
    /// Empty while it is being compiled; whoever asks meanwhile waits for the same.
    cell: Arc<OnceCell<Arc<Ready>>>,
    last_use: u64,
}

impl Cache {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), entries: Mutex::new(Entries::default()) }
    }

    /// The place of a component, filled or to be filled by the first who comes. The one that was not used for longest
    /// makes room.
    pub(crate) fn place(&self, digest: &str) -> Arc<OnceCell<Arc<Ready>>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.uses += 1;
        let now = entries.uses;
        if let Some(entry) = entries.by_digest.get_mut(digest) {
            entry.last_use = now;
            return entry.cell.clone();
        }
        if entries.by_digest.len() >= self.most {
            let oldest = entries.by_digest.iter().min_by_key(|(_, entry)| entry.last_use).map(|(digest, _)| digest.clone());
            if let Some(oldest) = oldest {
                entries.by_digest.remove(&oldest);
            }
        }
        let cell = Arc::new(OnceCell::new());
        entries.by_digest.insert(digest.to_owned(), Entry { cell: cell.clone(), last_use: now });
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_that_was_not_used_for_longest_makes_room() {
        let cache = Cache::new(2);
        let (a, b) = (cache.place("a"), cache.place("b"));
        assert!(Arc::ptr_eq(&a, &cache.place("a")));
        cache.place("c");
        assert!(Arc::ptr_eq(&a, &cache.place("a")));
        assert!(!Arc::ptr_eq(&b, &cache.place("b")));
    }
}
