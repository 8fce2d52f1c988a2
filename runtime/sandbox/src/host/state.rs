//! `state`: reads go to the run's own writes, then to what is committed; writes wait for the job's outcome.

use std::collections::BTreeSet;

use crate::bindings::anchor::state::Host;
use crate::context::RunContext;

/// The most keys that one call lists.
const MOST_KEYS: u32 = 1_000;

impl Host for RunContext {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.enter()?;
        self.check_key(&key)?;
        if let Some(value) = self.writes.get(&key) {
            return Ok(value.clone());
        }
        let value = self.committed(&key).await?;
        Ok(value)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        self.enter()?;
        self.check_key(&key)?;
        if value.len() as u64 > self.limits.state_value_bytes {
            return Err(self.exceeded(format!("{} bytes in one value of state", self.limits.state_value_bytes)));
        }
        self.know(&key).await?;
        self.writes.insert(key, Some(value));
        if self.key_count().await? > self.limits.state_keys {
            return Err(self.exceeded(format!("{} keys in state", self.limits.state_keys)));
        }
        Ok(())
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.enter()?;
        self.check_key(&key)?;
        self.know(&key).await?;
        self.writes.insert(key, None);
        Ok(())
    }

    async fn keys(&mut self, prefix: String, after: Option<String>, max: u32) -> wasmtime::Result<Vec<String>> {
        self.enter()?;
        let max = max.min(MOST_KEYS);
        let in_range = |key: &str| key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after);
        // So many more that removing the run's deletions still leaves `max`, if there are as many.
        let deleted = self.writes.iter().filter(|(key, value)| value.is_none() && in_range(key)).count();
        let wanted = max.saturating_add(u32::try_from(deleted).unwrap_or(u32::MAX));
        let committed = match self.host.state_keys(&prefix, after.as_deref(), wanted).await {
            Ok(keys) => keys,
            Err(fault) => return Err(self.fault(fault)),
        };
        let mut keys: BTreeSet<String> = committed.into_iter().collect();
        for (key, value) in self.writes.iter().filter(|(key, _)| in_range(key)) {
            match value {
                Some(_) => keys.insert(key.clone()),
                None => keys.remove(key),
            };
        }
        Ok(keys.into_iter().take(max as usize).collect())
    }
}

impl RunContext {
    fn check_key(&mut self, key: &str) -> wasmtime::Result<()> {
        if key.is_empty() {
            return Err(self.trap("state: a key must have at least one byte"));
        }
        if key.len() as u64 > self.limits.state_key_bytes {
            return Err(self.exceeded(format!("{} bytes in one key of state", self.limits.state_key_bytes)));
        }
        Ok(())
    }

    async fn committed(&mut self, key: &str) -> wasmtime::Result<Option<Vec<u8>>> {
        let value = match self.host.state_get(key).await {
            Ok(value) => value,
            Err(fault) => return Err(self.fault(fault)),
        };
        self.committed_keys.insert(key.to_owned(), value.is_some());
        Ok(value)
    }

    /// Finds out whether a key that is about to be written is committed, for the count of keys.
    async fn know(&mut self, key: &str) -> wasmtime::Result<()> {
        if !self.committed_keys.contains_key(key) {
            self.committed(key).await?;
        }
        Ok(())
    }

    /// How many keys the tenant would have if this run's writes were committed.
    async fn key_count(&mut self) -> wasmtime::Result<u64> {
        let committed = match self.committed_key_count {
            Some(count) => count,
            None => match self.host.state_count().await {
                Ok(count) => *self.committed_key_count.insert(count),
                Err(fault) => return Err(self.fault(fault)),
            },
        };
        let was = |key: &String| self.committed_keys.get(key).copied().unwrap_or(false);
        let added = self.writes.iter().filter(|(key, value)| value.is_some() && !was(key)).count() as u64;
        let removed = self.writes.iter().filter(|(key, value)| value.is_none() && was(key)).count() as u64;
        Ok(committed.saturating_add(added).saturating_sub(removed))
    }
}
