//! A Stellar ledger as a state machine: real XDR in, real XDR out, no clock, no network, no consensus.
//!
//! [`Ledger::submit`] is what a node's queue says to an envelope, [`Ledger::close`] is what the network does with those
//! it took. Rules and their order are those of protocol 24 for `create_account`, `payment` and `change_trust`; anything
//! else is refused by name ([`Outside`]) instead of being answered wrongly.

mod admission;
mod apply;
mod entries;
mod envelope;
mod events;
mod history;
mod meta;
mod ops;
mod queue;
mod signatures;
mod start;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use stellar_xdr::{
    AccountId, Asset, Hash, LedgerEntry, LedgerEntryData, LedgerHeader, LedgerKey, Limits, TimePoint, TransactionEnvelope,
    TransactionResult, TransactionResultExt, TransactionResultResult, WriteXdr,
};

use self::{
    admission::Terms,
    entries::{Entries, View, line_asset},
    envelope::Frame,
    queue::{Queue, Standing},
};
pub use self::{
    envelope::Outside,
    history::{AppliedTransaction, ClosedLedger},
    start::Start,
};

/// Stroops in one lumen.
pub const STROOPS: i64 = 10_000_000;
/// Fee for each operation, in stroops.
pub const BASE_FEE: u32 = 100;
/// Reserve for each entry, in stroops.
pub const BASE_RESERVE: u32 = 5_000_000;
/// The protocol whose rules are followed.
pub const PROTOCOL: u32 = 24;

/// What the queue answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitStatus {
    /// Taken; it will be in the next ledger unless it grows too old.
    Pending,
    /// This very envelope waits already.
    Duplicate,
    /// Another transaction of the same source waits, or this envelope was in a ledger a short while ago.
    TryAgainLater,
    /// Refused, and why.
    Error(TransactionResult),
}

/// An answer with the hash it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The transaction's hash.
    pub hash: [u8; 32],
    /// The answer.
    pub status: SubmitStatus,
}

/// The ledger: all entries, the queue, and everything that has happened.
#[derive(Debug)]
pub struct Ledger {
    passphrase: String,
    network_id: [u8; 32],
    expected_close_seconds: u64,
    entries: Entries,
    queue: Queue,
    closed: Vec<ClosedLedger>,
    by_hash: HashMap<[u8; 32], (usize, usize)>,
}

impl Ledger {
    /// A ledger at the given start. Its history begins with the ledger that counts as closed last, without
    /// transactions.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let header = start.header();
        let entries = start.entries.into_iter().map(|entry| (entry.to_key(), entry));
        Self {
            network_id: network_id(&start.passphrase),
            passphrase: start.passphrase,
            expected_close_seconds: start.expected_close_seconds,
            entries: entries.collect(),
            queue: Queue::default(),
            closed: vec![ClosedLedger { hash: sha256(&header), header, transactions: Vec::new() }],
            by_hash: HashMap::new(),
        }
    }

    /// Takes an envelope in, or says why not. `now` is the node's clock in Unix seconds; it only matters for the time
    /// bound of an envelope that comes long after the last close.
    ///
    /// # Errors
    /// [`Outside`] if the transaction needs something that this ledger does not know.
    pub fn submit(&mut self, envelope: TransactionEnvelope, now: u64) -> Result<Submitted, Outside> {
        let frame = Frame::new(envelope, self.network_id)?;
        let hash = frame.hash;
        let status = match self.queue.standing(&frame) {
            Standing::Busy => SubmitStatus::TryAgainLater,
            Standing::Duplicate => SubmitStatus::Duplicate,
            Standing::BehindQueued => SubmitStatus::Error(TransactionResult {
                fee_charged: 0,
                result: TransactionResultResult::TxBadSeq,
                ext: TransactionResultExt::V0,
            }),
            Standing::Free => match admission::admit(&frame, &self.entries, &self.terms(now)) {
                Ok(()) => {
                    self.queue.push(frame);
                    SubmitStatus::Pending
                }
                Err(result) => SubmitStatus::Error(result),
            },
        };
        Ok(Submitted { hash, status })
    }

    /// Closes a ledger over all that waits, in an order that follows from the hashes and not from the submission.
    /// `close_time` is raised to one second after the last one if it is not later.
    pub fn close(&mut self, close_time: u64) -> &ClosedLedger {
        let salt = self.last().hash;
        self.close_by(close_time, |hash| {
            let mut place = *hash;
            for (byte, other) in place.iter_mut().zip(salt) {
                *byte ^= other;
            }
            place
        })
    }

    /// Closes a ledger in a given order of transaction hashes, as recorded elsewhere; those not named come last.
    pub fn close_in_order(&mut self, close_time: u64, order: &[[u8; 32]]) -> &ClosedLedger {
        self.close_by(close_time, |hash| (order.iter().position(|named| named == hash).unwrap_or(usize::MAX), *hash))
    }

    fn close_by<K: Ord>(&mut self, close_time: u64, place: impl Fn(&[u8; 32]) -> K) -> &ClosedLedger {
        let last = self.last();
        let closing = apply::Closing {
            network_id: self.network_id,
            ledger: last.sequence().saturating_add(1),
            close_time: close_time.max(last.close_time().saturating_add(1)),
            base_fee: BASE_FEE,
            base_reserve: BASE_RESERVE,
        };
        let mut frames = self.queue.take(closing.ledger, closing.close_time);
        frames.sort_by_cached_key(|frame| place(&frame.hash));
        let fees = apply::charge_fees(&frames, &mut self.entries, closing);
        let mut transactions = Vec::with_capacity(frames.len());
        for (order, (frame, fee)) in (1..).zip(frames.iter().zip(fees)) {
            transactions.push(apply::run(frame, order, fee, &mut self.entries, closing));
        }
        let ledger = self.seal(closing, transactions);
        for (index, transaction) in ledger.transactions.iter().enumerate() {
            self.by_hash.insert(transaction.hash, (self.closed.len(), index));
        }
        self.closed.push(ledger);
        self.last()
    }

    fn seal(&self, closing: apply::Closing, transactions: Vec<AppliedTransaction>) -> ClosedLedger {
        let last = self.last();
        let fees: i64 = transactions.iter().map(|transaction| transaction.result.fee_charged).sum();
        let mut changed = Sha256::new_with_prefix(last.header.bucket_list_hash.0);
        for transaction in &transactions {
            changed.update(transaction.meta.to_xdr(Limits::none()).unwrap_or_default());
        }
        let mut header = last.header.clone();
        header.previous_ledger_hash = Hash(last.hash);
        header.ledger_seq = closing.ledger;
        header.fee_pool = header.fee_pool.saturating_add(fees);
        header.scp_value.tx_set_hash = meta::set_hash(&header.previous_ledger_hash, &transactions);
        header.scp_value.close_time = TimePoint(closing.close_time);
        header.tx_set_result_hash = meta::results_hash(&transactions);
        header.bucket_list_hash = Hash(changed.finalize().into());
        ClosedLedger { hash: sha256(&header), header, transactions }
    }

    /// The ledger closed last.
    #[must_use]
    pub fn last(&self) -> &ClosedLedger {
        self.closed.last().unwrap_or_else(|| unreachable!("a ledger starts with one closed ledger"))
    }

    /// All closed ledgers, oldest first.
    #[must_use]
    pub fn closed(&self) -> &[ClosedLedger] {
        &self.closed
    }

    /// A closed ledger by its number.
    #[must_use]
    pub fn closed_at(&self, sequence: u32) -> Option<&ClosedLedger> {
        let oldest = self.closed.first()?.sequence();
        self.closed.get(usize::try_from(sequence.checked_sub(oldest)?).ok()?)
    }

    /// An applied transaction by its hash, with its ledger.
    #[must_use]
    pub fn transaction(&self, hash: &[u8; 32]) -> Option<(&ClosedLedger, &AppliedTransaction)> {
        let (ledger, index) = self.by_hash.get(hash)?;
        let ledger = self.closed.get(*ledger)?;
        Some((ledger, ledger.transactions.get(*index)?))
    }

    /// An entry, as of the last close.
    #[must_use]
    pub fn entry(&self, key: &LedgerKey) -> Option<&LedgerEntry> {
        self.entries.get(key)
    }

    /// All entries, as of the last close, in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.values()
    }

    /// What an account holds, in stroops; `None` if there is no such account, or no such line.
    #[must_use]
    pub fn balance(&self, account: &AccountId, asset: &Asset) -> Option<i64> {
        match asset {
            Asset::Native => Some(self.entries.account(account)?.balance),
            credit => Some(self.entries.trust_line(account, &line_asset(credit))?.balance),
        }
    }

    /// The sequence number an account used last.
    #[must_use]
    pub fn sequence(&self, account: &AccountId) -> Option<i64> {
        Some(self.entries.account(account)?.seq_num.0)
    }

    /// How many transactions wait for the next close.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The network's passphrase.
    #[must_use]
    pub fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// SHA-256 of the passphrase.
    #[must_use]
    pub fn network_id(&self) -> [u8; 32] {
        self.network_id
    }

    /// The target time between two closes, in seconds.
    #[must_use]
    pub fn expected_close_seconds(&self) -> u64 {
        self.expected_close_seconds
    }

    /// Sets an account's flags (authorization required 1, revocable 2, immutable 4, clawback 8) without a transaction;
    /// false if there is no such account.
    pub fn set_account_flags(&mut self, account: &AccountId, flags: u32) -> bool {
        let found = self.entries.get_mut(&entries::account_key(account));
        if let Some(LedgerEntryData::Account(account)) = found.map(|entry| &mut entry.data) {
            account.flags = flags;
            return true;
        }
        false
    }

    /// Sets a trust line's flags (authorized 1, to maintain liabilities 2, clawback 4) without a transaction; false if
    /// there is no such line.
    pub fn set_line_flags(&mut self, account: &AccountId, asset: &Asset, flags: u32) -> bool {
        let found = self.entries.get_mut(&entries::line_key(account, &line_asset(asset)));
        if let Some(LedgerEntryData::Trustline(line)) = found.map(|entry| &mut entry.data) {
            line.flags = flags;
            return true;
        }
        false
    }

    fn terms(&self, now: u64) -> Terms {
        let last = self.last();
        Terms {
            next_ledger: last.sequence().saturating_add(1),
            last_close_time: last.close_time(),
            earliest_max_time: Terms::earliest_max_time(last.close_time(), self.expected_close_seconds, now),
            base_fee: BASE_FEE,
            base_reserve: BASE_RESERVE,
        }
    }
}

/// SHA-256 of a passphrase.
#[must_use]
pub fn network_id(passphrase: &str) -> [u8; 32] {
    Sha256::digest(passphrase.as_bytes()).into()
}

/// The key of the account that owns all coins in the beginning: its secret is the network id.
#[must_use]
pub fn root_key(network_id: [u8; 32]) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&network_id)
}

/// The account of an ed25519 public key.
#[must_use]
pub fn account_id(key: [u8; 32]) -> AccountId {
    AccountId(stellar_xdr::PublicKey::PublicKeyTypeEd25519(stellar_xdr::Uint256(key)))
}

fn sha256(header: &LedgerHeader) -> [u8; 32] {
    Sha256::digest(header.to_xdr(Limits::none()).unwrap_or_default()).into()
}
