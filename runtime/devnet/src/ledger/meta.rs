//! A closed ledger as nodes stream it: header, transaction set, and each transaction's result and changes.

use sha2::{Digest, Sha256};
use stellar_xdr::{
    ExtensionPoint, GeneralizedTransactionSet, Hash, LedgerCloseMeta, LedgerCloseMetaExt, LedgerCloseMetaV2, LedgerEntryChanges,
    LedgerHeaderHistoryEntry, LedgerHeaderHistoryEntryExt, Limits, ParallelTxsComponent, TransactionPhase, TransactionResultMetaV1,
    TransactionResultPair, TransactionResultSet, TransactionSetV1, TxSetComponent, TxSetComponentTxsMaybeDiscountedFee, VecM, WriteXdr,
};

use super::{AppliedTransaction, BASE_FEE, ClosedLedger};

impl ClosedLedger {
    /// The header with its hash.
    #[must_use]
    pub fn header_entry(&self) -> LedgerHeaderHistoryEntry {
        LedgerHeaderHistoryEntry { hash: Hash(self.hash), header: self.header.clone(), ext: LedgerHeaderHistoryEntryExt::V0 }
    }

    /// The whole ledger, as `LedgerCloseMeta::V2`.
    #[must_use]
    pub fn close_meta(&self) -> LedgerCloseMeta {
        let processed: Vec<TransactionResultMetaV1> = self.transactions.iter().map(processing).collect();
        LedgerCloseMeta::V2(LedgerCloseMetaV2 {
            ext: LedgerCloseMetaExt::V0,
            ledger_header: self.header_entry(),
            tx_set: transaction_set(&self.header.previous_ledger_hash, &self.transactions),
            tx_processing: processed.try_into().unwrap_or_default(),
            upgrades_processing: VecM::default(),
            scp_info: VecM::default(),
            total_byte_size_of_live_soroban_state: 0,
            evicted_keys: VecM::default(),
        })
    }
}

/// The hash of the set that the header names.
pub(crate) fn set_hash(previous: &Hash, transactions: &[AppliedTransaction]) -> Hash {
    digest(&transaction_set(previous, transactions))
}

/// The hash of the results that the header names.
pub(crate) fn results_hash(transactions: &[AppliedTransaction]) -> Hash {
    let results: Vec<TransactionResultPair> = transactions.iter().map(result_pair).collect();
    digest(&TransactionResultSet { results: results.try_into().unwrap_or_default() })
}

/// A classic phase in the order of the hashes, and an empty one for contracts.
fn transaction_set(previous: &Hash, transactions: &[AppliedTransaction]) -> GeneralizedTransactionSet {
    let mut sorted: Vec<&AppliedTransaction> = transactions.iter().collect();
    sorted.sort_by_key(|transaction| transaction.hash);
    let envelopes: Vec<_> = sorted.into_iter().map(|transaction| transaction.envelope.clone()).collect();
    let component = TxSetComponent::TxsetCompTxsMaybeDiscountedFee(TxSetComponentTxsMaybeDiscountedFee {
        base_fee: Some(i64::from(BASE_FEE)),
        txs: envelopes.try_into().unwrap_or_default(),
    });
    let components = if transactions.is_empty() { vec![] } else { vec![component] };
    let phases = vec![
        TransactionPhase::V0(components.try_into().unwrap_or_default()),
        TransactionPhase::V1(ParallelTxsComponent { base_fee: None, execution_stages: VecM::default() }),
    ];
    GeneralizedTransactionSet::V1(TransactionSetV1 {
        previous_ledger_hash: previous.clone(),
        phases: phases.try_into().unwrap_or_default(),
    })
}

fn processing(transaction: &AppliedTransaction) -> TransactionResultMetaV1 {
    TransactionResultMetaV1 {
        ext: ExtensionPoint::V0,
        result: result_pair(transaction),
        fee_processing: transaction.fee_changes.clone(),
        tx_apply_processing: transaction.meta.clone(),
        post_tx_apply_fee_processing: LedgerEntryChanges::default(),
    }
}

fn result_pair(transaction: &AppliedTransaction) -> TransactionResultPair {
    TransactionResultPair { transaction_hash: Hash(transaction.hash), result: transaction.result.clone() }
}

fn digest(value: &impl WriteXdr) -> Hash {
    Hash(Sha256::digest(value.to_xdr(Limits::none()).unwrap_or_default()).into())
}
