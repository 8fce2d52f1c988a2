//! Faults that can be put on RPC methods: what a client meets when a node or the network in between misbehaves.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;
use tokio::sync::watch;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultMode {
    /// Nothing happens until the fault is taken away; then the call goes on.
    Stall,
    /// The call is not acted on and answers an internal error (-32603).
    Fail,
    /// The call is acted on; then the connection is closed without an answer.
    DropAfter,
}

/// A fault, and how often it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub mode: FaultMode,
    /// How many calls it strikes; `None` until it is taken away.
    pub times: Option<u32>,
}

/// The faults in force, by method; `*` is for those without one of their own.
#[derive(Debug)]
pub(crate) struct Faults {
    by_method: Mutex<BTreeMap<String, Fault>>,
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { by_method: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Faults {
    pub(crate) fn set(&self, method: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.lock().insert(method.to_owned(), fault),
            None => self.lock().remove(method),
        };
        self.changed.send_replace(());
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
        self.changed.send_replace(());
    }

    /// The fault that strikes this call, if any; counts it.
    pub(crate) fn strike(&self, method: &str) -> Option<FaultMode> {
        let mut faults = self.lock();
        let name = if faults.contains_key(method) { method } else { "*" };
        let fault = faults.get_mut(name)?;
        if let Some(times) = &mut fault.times {
            *times = times.checked_sub(1)?;
        }
        Some(fault.mode)
    }

    /// Waits until the method is stalled no more.
    pub(crate) async fn released(&self, method: &str) {
        let mut changed = self.changed.subscribe();
        while self.stalls(method) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// A stall that has struck often enough still holds those it struck.
    fn stalls(&self, method: &str) -> bool {
        let faults = self.lock();
        let fault = faults.get(method).or_else(|| faults.get("*"));
        fault.is_some_and(|fault| fault.mode == FaultMode::Stall)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Fault>> {
        self.by_method.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
