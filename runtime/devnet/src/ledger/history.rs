//! What has happened: closed ledgers and the transactions in them.

use stellar_xdr::{ContractEvent, LedgerEntryChanges, LedgerHeader, TransactionEnvelope, TransactionMeta, TransactionResult};

/// A transaction that is in a ledger, successful or not.
#[derive(Debug, Clone)]
pub struct AppliedTransaction {
    /// The transaction's hash.
    pub hash: [u8; 32],
    /// 1-based place in its ledger.
    pub application_order: u32,
    /// The envelope in its V1 form.
    pub envelope: TransactionEnvelope,
    /// What taking the fee changed.
    pub fee_changes: LedgerEntryChanges,
    /// The result, with the fee that was charged.
    pub result: TransactionResult,
    /// Entry changes and events, as `TransactionMeta::V4`.
    pub meta: TransactionMeta,
    /// The `fee` event (CAP-67).
    pub fee_event: ContractEvent,
    /// The events of each operation (CAP-67); `None` if the transaction failed.
    pub operation_events: Option<Vec<Vec<ContractEvent>>>,
    /// Did it succeed?
    pub successful: bool,
}

/// A closed ledger.
#[derive(Debug, Clone)]
pub struct ClosedLedger {
    /// Hash of the header.
    pub hash: [u8; 32],
    /// The header. Its bucket list hash is made up of the entries changed since the beginning, not of buckets.
    pub header: LedgerHeader,
    /// In the order in which they were applied.
    pub transactions: Vec<AppliedTransaction>,
}

impl ClosedLedger {
    /// Number of the ledger.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.header.ledger_seq
    }

    /// Close time, Unix seconds.
    #[must_use]
    pub fn close_time(&self) -> u64 {
        self.header.scp_value.close_time.0
    }
}
