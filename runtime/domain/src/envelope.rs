//! Envelopes: signed Stellar transactions, stored before they are sent, and how the ledger's verdict is reached
//! (money rule 1; the facts behind it: 5.4 and 5.5 of the network's behaviour in `docs/architecture.md`).

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, EnvelopeId, TenantId, TimeMs, TransactionId};
use crate::ports::ledger::{LookUp, LookUpStatus, OperationResult};

/// What a ledger payment is for. Part of its key: UNIQUE(transaction, purpose, ordinal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Makes the account.
    CreateAccount,
    /// Pays the deposit.
    Payment,
    /// Pays the deposit into a claimable balance.
    ClaimableBalance,
    /// Gives money back.
    Refund,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::CreateAccount, Self::Payment, Self::ClaimableBalance, Self::Refund];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateAccount => "create-account",
            Self::Payment => "payment",
            Self::ClaimableBalance => "claimable-balance",
            Self::Refund => "refund",
        }
    }

    /// From [`Purpose::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// Where an envelope stands. Live means signed or submitted: at most one live envelope per source account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvelopeState {
    /// Stored; nothing was sent.
    Signed,
    /// Sent at least once, or may have been; no verdict.
    Submitted,
    /// In a ledger, successful.
    Succeeded,
    /// In a ledger, failed: fee and sequence number are used up.
    Failed,
    /// Can never be in a ledger any more: its sequence number is free again.
    Dead,
}

impl EnvelopeState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Signed, Self::Submitted, Self::Succeeded, Self::Failed, Self::Dead];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Submitted => "submitted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    /// From [`EnvelopeState::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// May it still be in a ledger one day?
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Signed | Self::Submitted)
    }
}

/// A signed Stellar transaction, as stored before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: EnvelopeId,
    /// Passphrase of the network.
    pub network: String,
    /// The account whose sequence number it uses.
    pub source: AccountId,
    /// That sequence number: owned by a row UNIQUE(network, account, sequence).
    pub sequence: i64,
    /// Hash, in lower-case hex.
    pub hash: String,
    /// TransactionEnvelope, base64 of XDR. The same bytes are sent as often as needed.
    pub xdr: String,
    /// Upper time bound, in seconds since the epoch, as the ledger compares it.
    pub max_time_s: i64,
    /// The latest ledger seen before it was stored: the history asked for a verdict has to reach back to it.
    pub ledger_noted: u32,
    /// Where it stands.
    pub state: EnvelopeState,
    /// A closed ledger with a later close time than the bound was seen: at its sequence. Only a look-up made after this
    /// was noted may find the envelope dead.
    pub bound_passed_at: Option<u32>,
    /// Times it was sent.
    pub sent: i64,
    /// In which ledger it is.
    pub ledger: Option<u32>,
    /// Decoded result, for people.
    pub result: Option<String>,
    /// What it pays, by operation index.
    pub payments: Vec<EnvelopePayment>,
    /// When it was stored.
    pub created_at: TimeMs,
    /// When it last changed.
    pub updated_at: TimeMs,
}

/// One operation of an envelope, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopePayment {
    /// Which transaction it pays.
    pub transaction: TransactionId,
    /// What for.
    pub purpose: Purpose,
    /// Which attempt's number for the purpose: 0, unless a person asked for another.
    pub ordinal: i64,
    /// 0-based.
    pub operation_index: u32,
}

/// What a look-up by hash means for a live envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// In a ledger, successful.
    Succeeded {
        /// Which.
        ledger: u32,
    },
    /// In a ledger, failed.
    Failed {
        /// Which.
        ledger: u32,
        /// For people: the transaction's code.
        code: String,
        /// Of each operation, in order; empty when none ran.
        operations: Vec<OperationResult>,
    },
    /// None yet: send the same bytes again, ask again later.
    None,
    /// None yet, and the bound has passed: note it, then ask afresh.
    NoteBoundPassed {
        /// Sequence of the closed ledger that shows it.
        ledger: u32,
    },
    /// It can never be in a ledger.
    Dead,
    /// The history asked begins after the ledger that was noted: it cannot tell. An alarm, never a verdict.
    HistoryTooShort {
        /// Where the history begins.
        oldest: u32,
    },
}

/// Money rule 1: only the ledger's record under the hash is a verdict. Dead takes, in this order, a closed ledger whose
/// close time is after the bound (noted before), then a fresh look-up that does not find the hash, in a history that
/// reaches from the ledger noted at signing to the ledger that showed the bound passed.
pub fn verdict(envelope: &Envelope, look_up: &LookUp) -> Verdict {
    match &look_up.status {
        LookUpStatus::Success { ledger } => Verdict::Succeeded { ledger: *ledger },
        LookUpStatus::Failed { ledger, code, operations } => {
            Verdict::Failed { ledger: *ledger, code: code.clone(), operations: operations.clone() }
        }
        LookUpStatus::NotFound => match envelope.bound_passed_at {
            None if look_up.latest_close_time_s > envelope.max_time_s => Verdict::NoteBoundPassed { ledger: look_up.latest_ledger },
            None => Verdict::None,
            // Behind the server that showed the bound passed: this one cannot tell yet.
            Some(seen) if look_up.latest_ledger < seen => Verdict::None,
            Some(_) if look_up.oldest_ledger > envelope.ledger_noted => Verdict::HistoryTooShort { oldest: look_up.oldest_ledger },
            Some(_) => Verdict::Dead,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn envelope() -> Envelope {
        Envelope {
            tenant: TenantId::new("acme").unwrap(),
            id: EnvelopeId::from_bits([1; 16]),
            network: "n".into(),
            source: AccountId::new("G".to_owned() + &"A".repeat(55)).unwrap(),
            sequence: 5,
            hash: "ab".into(),
            xdr: "AAAA".into(),
            max_time_s: 1_000,
            ledger_noted: 50,
            state: EnvelopeState::Submitted,
            bound_passed_at: None,
            sent: 1,
            ledger: None,
            result: None,
            payments: vec![],
            created_at: 0,
            updated_at: 0,
        }
    }

    fn absent(latest_ledger: u32, latest_close_time_s: i64, oldest_ledger: u32) -> LookUp {
        LookUp { status: LookUpStatus::NotFound, latest_ledger, latest_close_time_s, oldest_ledger }
    }

    #[test]
    fn rule_1_absent_before_the_bound_is_no_verdict() {
        assert_eq!(verdict(&envelope(), &absent(60, 999, 1)), Verdict::None);
        // Equality is still valid: a ledger that closes at the bound may include it.
        assert_eq!(verdict(&envelope(), &absent(60, 1_000, 1)), Verdict::None);
    }

    #[test]
    fn rule_1_absent_and_past_the_bound_in_one_answer_is_no_verdict() {
        assert_eq!(verdict(&envelope(), &absent(60, 1_001, 1)), Verdict::NoteBoundPassed { ledger: 60 });
    }

    #[test]
    fn rule_1_dead_takes_a_fresh_look_up_after_the_bound_was_seen_to_pass() {
        let noted = Envelope { bound_passed_at: Some(60), ..envelope() };
        assert_eq!(verdict(&noted, &absent(59, 990, 1)), Verdict::None, "a lagging server cannot tell");
        assert_eq!(verdict(&noted, &absent(60, 1_001, 51)), Verdict::HistoryTooShort { oldest: 51 });
        assert_eq!(verdict(&noted, &absent(60, 1_001, 50)), Verdict::Dead);
    }

    #[test]
    fn rule_1_the_record_is_a_verdict_even_after_the_bound() {
        let noted = Envelope { bound_passed_at: Some(60), ..envelope() };
        let found =
            LookUp { status: LookUpStatus::Success { ledger: 58 }, latest_ledger: 61, latest_close_time_s: 1_006, oldest_ledger: 1 };
        assert_eq!(verdict(&noted, &found), Verdict::Succeeded { ledger: 58 });
    }
}
