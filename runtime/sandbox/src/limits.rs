//! What a run's instance may allocate, counted over all its memories and tables.

use windlass_domain::job::RunEnd;
use windlass_domain::limits::RunLimits;

/// Counts and refuses. A refusal traps at once and is kept, so that the run ends as what it was and not as whatever the
/// guest's allocator makes of it.
#[derive(Debug)]
pub(crate) struct Allocations {
    memory_bytes: u64,
    memory_bytes_max: u64,
    table_elements: u64,
    limits: RunLimits,
    refused: Option<RunEnd>,
}

impl Allocations {
    pub(crate) fn new(limits: &RunLimits) -> Self {
        Self { memory_bytes: 0, memory_bytes_max: 0, table_elements: 0, limits: limits.clone(), refused: None }
    }

    /// The most bytes of all memories together, so far.
    pub(crate) const fn memory_bytes_max(&self) -> u64 {
        self.memory_bytes_max
    }

    /// Why something was refused, if it was.
    pub(crate) fn refused(&self) -> Option<&RunEnd> {
        self.refused.as_ref()
    }

    fn refuse<T>(&mut self, end: RunEnd) -> wasmtime::Result<T> {
        let message = end.message();
        self.refused = Some(end);
        Err(wasmtime::Error::msg(message))
    }
}

impl wasmtime::ResourceLimiter for Allocations {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_sub(current as u64).saturating_add(desired as u64);
        if wanted > self.limits.memory_bytes {
            return self.refuse(RunEnd::OutOfMemory);
        }
        self.memory_bytes = wanted;
        self.memory_bytes_max = self.memory_bytes_max.max(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refuse(RunEnd::OutOfMemory)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_sub(current as u64).saturating_add(desired as u64);
        if wanted > self.limits.table_elements {
            return self.refuse(RunEnd::LimitExceeded(format!("{} table elements", self.limits.table_elements)));
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refuse(RunEnd::LimitExceeded(format!("{} table elements", self.limits.table_elements)))
    }

    fn instances(&self) -> usize {
        self.limits.core_instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::*;

    #[test]
    fn memories_are_summed_and_a_refusal_is_kept() {
        let mut allocations = Allocations::new(&RunLimits { memory_bytes: 100, table_elements: 5, ..RunLimits::default() });
        assert!(allocations.memory_growing(0, 60, None).unwrap());
        assert!(allocations.memory_growing(0, 30, None).unwrap());
        assert!(allocations.memory_growing(60, 70, None).unwrap());
        assert_eq!((allocations.memory_bytes_max(), allocations.refused()), (100, None));
        assert!(allocations.memory_growing(30, 31, None).is_err());
        assert_eq!((allocations.memory_bytes_max(), allocations.refused()), (100, Some(&RunEnd::OutOfMemory)));
        assert!(allocations.table_growing(0, 5, None).unwrap());
        assert!(allocations.table_growing(0, 1, None).is_err());
        assert_eq!(allocations.refused(), Some(&RunEnd::LimitExceeded("5 table elements".into())));
    }
}
