//! Where a ledger starts from: a new network, or any state.

use stellar_xdr::{
    Hash, LedgerEntry, LedgerEntryData, LedgerEntryExt, LedgerHeader, LedgerHeaderExt, SequenceNumber, StellarValue, StellarValueExt,
    TimePoint, VecM,
};

use super::{BASE_FEE, BASE_RESERVE, PROTOCOL, STROOPS, account_id, entries::new_account, network_id, root_key};

/// Where a ledger starts from.
#[derive(Debug, Clone)]
pub struct Start {
    /// The network's passphrase; its SHA-256 is the network id.
    pub passphrase: String,
    /// The target time between two closes; a time bound must outlast two of them.
    pub expected_close_seconds: u64,
    /// Number of the ledger that counts as closed last.
    pub sequence: u32,
    /// Its close time, Unix seconds.
    pub close_time: u64,
    /// All coins there are, in stroops.
    pub total_coins: i64,
    /// Fees collected so far, in stroops.
    pub fee_pool: i64,
    /// All entries.
    pub entries: Vec<LedgerEntry>,
}

impl Start {
    /// A new network: ledger 2, one account that owns all coins and whose secret is the network id.
    #[must_use]
    pub fn genesis(passphrase: &str, expected_close_seconds: u64, close_time: u64) -> Self {
        let total_coins = 100_000_000_000 * STROOPS;
        let root = root_key(network_id(passphrase)).verifying_key().to_bytes();
        let mut account = new_account(&account_id(root), total_coins, 1);
        account.seq_num = SequenceNumber(0);
        Self {
            passphrase: passphrase.to_owned(),
            expected_close_seconds,
            sequence: 2,
            close_time,
            total_coins,
            fee_pool: 0,
            entries: vec![LedgerEntry { last_modified_ledger_seq: 1, data: LedgerEntryData::Account(account), ext: LedgerEntryExt::V0 }],
        }
    }
    /// The header of the ledger that counts as closed last.
    pub(crate) fn header(&self) -> LedgerHeader {
        let nothing = Hash([0; 32]);
        LedgerHeader {
            ledger_version: PROTOCOL,
            previous_ledger_hash: nothing.clone(),
            scp_value: StellarValue {
                tx_set_hash: nothing.clone(),
                close_time: TimePoint(self.close_time),
                upgrades: VecM::default(),
                ext: StellarValueExt::Basic,
            },
            tx_set_result_hash: nothing.clone(),
            bucket_list_hash: Hash(network_id(&self.passphrase)),
            ledger_seq: self.sequence,
            total_coins: self.total_coins,
            fee_pool: self.fee_pool,
            inflation_seq: 0,
            id_pool: 0,
            base_fee: BASE_FEE,
            base_reserve: BASE_RESERVE,
            max_tx_set_size: 1000,
            skip_list: [nothing.clone(), nothing.clone(), nothing.clone(), nothing],
            ext: LedgerHeaderExt::V0,
        }
    }
}
