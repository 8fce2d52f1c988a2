//! What has been taken in and waits for the next ledger, and what is not taken in again for a while.

use std::collections::BTreeMap;

use stellar_xdr::AccountId;

use super::envelope::Frame;

/// An envelope applied, or dropped, in ledger L is answered TRY_AGAIN_LATER while the last ledger is L to L + 8.
const BANNED_LEDGERS: u32 = 8;

/// What the queue alone says about a transaction, before anything about it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing of this source waits: check it.
    Free,
    /// This very envelope waits already.
    Duplicate,
    /// Banned, or another transaction of this source waits: one per source account and ledger.
    Busy,
    /// Its sequence number is below that of the one that waits.
    BehindQueued,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<AccountId, Frame>,
    banned: BTreeMap<[u8; 32], u32>,
}

impl Queue {
    pub(crate) fn standing(&self, frame: &Frame) -> Standing {
        if self.banned.contains_key(&frame.envelope_hash) {
            return Standing::Busy;
        }
        match self.waiting.get(&frame.source()) {
            None => Standing::Free,
            Some(queued) if queued.envelope_hash == frame.envelope_hash => Standing::Duplicate,
            Some(queued) if frame.tx.seq_num.0 < queued.tx.seq_num.0 => Standing::BehindQueued,
            Some(_) => Standing::Busy,
        }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.waiting.insert(frame.source(), frame);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Empties the queue for ledger `sequence`: those that may still apply at `close_time`, and no longer those that
    /// have grown too old. Both kinds are banned from now on.
    pub(crate) fn take(&mut self, sequence: u32, close_time: u64) -> Vec<Frame> {
        self.banned.retain(|_, since| since.saturating_add(BANNED_LEDGERS) >= sequence);
        let taken = std::mem::take(&mut self.waiting);
        let mut fit = Vec::with_capacity(taken.len());
        for frame in taken.into_values() {
            self.banned.insert(frame.envelope_hash, sequence);
            if frame.max_time().is_none_or(|max| max >= close_time) {
                fit.push(frame);
            }
        }
        fit
    }
}
