//! What a run may use. Units are in the names.

use serde::{Deserialize, Serialize};

/// The limits of one run. A tenant's may be lower than the operator's, never higher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunLimits {
    /// Units of wasmtime fuel: about one per instruction, one per byte moved in bulk.
    pub fuel: u64,
    /// From the start of the run to its end, host calls included.
    pub wall_time_ms: u64,
    /// Summed over all linear memories of the instance.
    pub memory_bytes: u64,
    /// Elements summed over all tables.
    pub table_elements: u64,
    /// Linear memories, tables and core instances that a component may have.
    pub memories: u32,
    /// See `memories`.
    pub tables: u32,
    /// See `memories`.
    pub core_instances: u32,
    /// Resource handles alive at once.
    pub live_handles: u32,
    /// Bytes that one host call may copy out of the guest.
    pub hostcall_bytes: u64,
    /// Bytes of log lines; what comes after is cut, with a mark.
    pub log_bytes: u64,
    /// Calls of imported functions.
    pub host_calls: u64,
    /// Requests sent or tried.
    pub http_requests: u64,
    /// Body of one request.
    pub request_body_bytes: u64,
    /// Body of one response.
    pub response_body_bytes: u64,
    /// Header section of one request or response.
    pub header_bytes: u64,
    /// One value in `state`.
    pub state_value_bytes: u64,
    /// One key in `state`.
    pub state_key_bytes: u64,
    /// Keys in `state`, of the whole tenant.
    pub state_keys: u64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            wall_time_ms: 30_000,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            memories: 4,
            tables: 16,
            core_instances: 20,
            live_handles: 1_000,
            hostcall_bytes: 2 << 20,
            log_bytes: 64 << 10,
            host_calls: 10_000,
            http_requests: 100,
            request_body_bytes: 1 << 20,
            response_body_bytes: 4 << 20,
            header_bytes: 32 << 10,
            state_value_bytes: 256 << 10,
            state_key_bytes: 512,
            state_keys: 100_000,
        }
    }
}

/// The largest component that may be uploaded, in bytes.
pub const COMPONENT_BYTES: usize = 20 << 20;

/// Updates, and unmatched credits, that one poll may report.
pub const POLL_UPDATES: usize = 1_000;

/// Transactions that one `next-batch` hands out, and references that one `find` takes.
pub const PENDING_BATCH: u32 = 100;

/// Payments in one envelope: Stellar allows 100 operations.
pub const ENVELOPE_PAYMENTS: usize = 100;
