//! Effects and what a run's journal means (money rule 3). The host judges by the journal, not by what the guest says.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::ids::{JobId, TenantId, TimeMs, TransactionId};
use crate::job::{HookError, RunEnd};
use crate::manifest::UnknownEffects;

/// The `Idempotency-Key` of a named effect: `HMAC-SHA-256(tenant key, transaction id 0x1F effect name)`, as 64 hex
/// digits. The same in every run for the transaction. When a person has a payout made again that came back, it is another
/// payout: 0x1F and the number of those that came back are appended, so that the rail does not give the first answer again.
pub fn idempotency_key(tenant_key: &[u8], transaction: &TransactionId, effect: &str, payouts_returned: i64) -> String {
    // HMAC takes keys of every length, so this cannot fail; an empty key is refused where tenants are made.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(tenant_key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(transaction.as_str().as_bytes());
    mac.update(&[0x1f]);
    mac.update(effect.as_bytes());
    if payouts_returned > 0 {
        mac.update(&[0x1f]);
        mac.update(payouts_returned.to_string().as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// One effect of one run: its intent, committed before the request left, and its answer, once there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// Whose.
    pub tenant: TenantId,
    /// Of which job.
    pub job: JobId,
    /// Of which run of the job.
    pub run: i64,
    /// The name that the guest gave it.
    pub name: String,
    /// What was sent as `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, URL, plain headers and body, in hex: a replay must ask for the same.
    pub request_digest: String,
    /// When the intent was committed.
    pub intended_at: TimeMs,
    /// The answer; none while it is on its way, or when the run was cut off.
    pub answer: Option<EffectAnswer>,
}

/// What came back for an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EffectAnswer {
    /// A complete answer, with this status. The body is kept sealed, for replay.
    Complete {
        /// HTTP status.
        status: u16,
        /// Headers and body, sealed at rest.
        sealed_response: String,
    },
    /// Certain that no byte of the request left: denied by policy, or no connection.
    NotSent(String),
    /// Sent, at least in part, and no complete answer came back.
    NoAnswer(String),
}

/// What the journal of a run says happened to its effects, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// No effect left.
    None,
    /// Every effect that left was answered by a status that means no.
    SaidNo,
    /// At least one was answered 2xx, and none is open.
    SaidYes,
    /// At least one left and has no complete answer, or one that proves nothing.
    Open,
}

impl EffectRecord {
    /// What this one effect proves.
    pub fn evidence(&self) -> Evidence {
        match &self.answer {
            None | Some(EffectAnswer::NoAnswer(_)) => Evidence::Open,
            Some(EffectAnswer::NotSent(_)) => Evidence::None,
            Some(EffectAnswer::Complete { status, .. }) => match status {
                200..=299 => Evidence::SaidYes,
                // 408 Request Timeout, 409 Conflict (a request with this key is under way) and 425 Too Early do not say
                // that nothing was or will be done.
                408 | 409 | 425 => Evidence::Open,
                400..=499 => Evidence::SaidNo,
                _ => Evidence::Open,
            },
        }
    }
}

/// The strongest evidence among a job's effects, given its records in the order of the runs.
///
/// What one run left open stays open until a later request under the same name, so with the same key, is answered 2xx. No
/// other answer proves anything about the first request: it may still be on its way, and 400, 404 or 422 may come from a
/// gateway, from a limit, or from a rail that knows the key already.
pub fn evidence(journal: &[EffectRecord]) -> Evidence {
    by_name(journal).into_values().max().unwrap_or(Evidence::None)
}

/// As [`evidence`], of each name.
pub(crate) fn by_name(journal: &[EffectRecord]) -> BTreeMap<&str, Evidence> {
    let mut by_name: BTreeMap<&str, Evidence> = BTreeMap::new();
    for record in journal {
        let seen = by_name.entry(&record.name).or_insert(Evidence::None);
        *seen = match (*seen, record.evidence()) {
            (Evidence::SaidYes, _) | (_, Evidence::SaidYes) => Evidence::SaidYes,
            (Evidence::Open, _) | (_, Evidence::Open) => Evidence::Open,
            (Evidence::SaidNo, _) | (_, Evidence::SaidNo) => Evidence::SaidNo,
            (Evidence::None, Evidence::None) => Evidence::None,
        };
    }
    by_name
}

/// What to do after a run of `process-withdrawal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// As the hook said.
    AsReturned,
    /// Nothing was paid and the rail refuses: `error` and its message, refundable.
    Refuse(String),
    /// Nothing was paid: a new run, after at least so many milliseconds.
    RunAgain(u64),
    /// Held for a person: possibly paid.
    Hold(&'static str),
    /// The outcome is unknown, and the rail carries out one request per key: a new run with the same keys.
    RepeatWithSameKey,
    /// The outcome is unknown: ask the `payout-status` hook (see [`crate::lookup`]).
    LookUp,
}

/// The table of money rule 3: a pure function of the journal, the run's end and what the rail declares.
///
/// `end` is none for a run that was cut off (a crash, a lost lease).
pub fn judge(journal: &[EffectRecord], end: Option<&RunEnd>, rail: UnknownEffects) -> Judgement {
    match (evidence(journal), end) {
        (Evidence::None, Some(RunEnd::Returned)) | (Evidence::SaidYes, Some(RunEnd::Returned)) => Judgement::AsReturned,
        (Evidence::None | Evidence::SaidNo, Some(RunEnd::Refused(HookError::Refused(message)))) => Judgement::Refuse(message.clone()),
        (Evidence::None | Evidence::SaidNo, Some(RunEnd::Refused(HookError::TryLater(delay_ms)))) => Judgement::RunAgain(*delay_ms),
        (Evidence::SaidNo, Some(RunEnd::Returned)) => Judgement::Hold("the rail said no, and the integration says it is paid"),
        (Evidence::None | Evidence::SaidNo, _) => Judgement::RunAgain(0),
        // A run that was cut off after the answer: its journal has what the guest was about to see, so the next run is
        // told the same and goes on from there; nothing is sent for that effect.
        (Evidence::SaidYes, None) => Judgement::RepeatWithSameKey,
        (Evidence::SaidYes, Some(_)) => Judgement::Hold("possibly paid: the rail accepted the payout, and the integration did not say so"),
        (Evidence::Open, _) => match rail {
            UnknownEffects::Idempotent => Judgement::RepeatWithSameKey,
            UnknownEffects::LookUp => Judgement::LookUp,
            UnknownEffects::Hold => Judgement::Hold("outcome unknown: the payout was sent and no answer came back"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(answer: Option<EffectAnswer>) -> EffectRecord {
        EffectRecord {
            tenant: TenantId::new("acme").unwrap(),
            job: JobId::from_bits([1; 16]),
            run: 1,
            name: "payout".into(),
            key: "k".into(),
            request_digest: "d".into(),
            intended_at: 0,
            answer,
        }
    }

    fn answered(status: u16) -> Vec<EffectRecord> {
        vec![record(Some(EffectAnswer::Complete { status, sealed_response: String::new() }))]
    }

    fn named(name: &str, answer: Option<EffectAnswer>) -> Vec<EffectRecord> {
        vec![EffectRecord { name: name.into(), ..record(answer) }]
    }

    #[test]
    fn rule_3_table() {
        use UnknownEffects::{Hold, Idempotent, LookUp};
        let refused = RunEnd::Refused(HookError::Refused("closed".into()));
        let later = RunEnd::Refused(HookError::TryLater(7));
        let trap = RunEnd::Trapped("x".into());
        let open = || vec![record(None)];
        let held_yes = Judgement::Hold("possibly paid: the rail accepted the payout, and the integration did not say so");
        let held_open = Judgement::Hold("outcome unknown: the payout was sent and no answer came back");
        let held_no = Judgement::Hold("the rail said no, and the integration says it is paid");
        let rows: Vec<(Vec<EffectRecord>, Option<&RunEnd>, UnknownEffects, Judgement)> = vec![
            (vec![], Some(&RunEnd::Returned), Hold, Judgement::AsReturned),
            (vec![], Some(&refused), Hold, Judgement::Refuse("closed".into())),
            (vec![], Some(&later), Hold, Judgement::RunAgain(7)),
            (vec![], Some(&trap), Hold, Judgement::RunAgain(0)),
            (vec![], Some(&RunEnd::TimedOut), Hold, Judgement::RunAgain(0)),
            (vec![], Some(&RunEnd::OutOfFuel), Hold, Judgement::RunAgain(0)),
            (vec![], None, Hold, Judgement::RunAgain(0)),
            (vec![record(Some(EffectAnswer::NotSent("denied".into())))], Some(&later), Hold, Judgement::RunAgain(7)),
            (answered(201), Some(&RunEnd::Returned), Hold, Judgement::AsReturned),
            (answered(200), Some(&refused), Idempotent, held_yes.clone()),
            (answered(200), Some(&later), Idempotent, held_yes.clone()),
            (answered(200), Some(&trap), Idempotent, held_yes.clone()),
            (answered(202), Some(&RunEnd::OutOfFuel), LookUp, held_yes),
            (answered(200), None, Hold, Judgement::RepeatWithSameKey),
            (answered(422), Some(&refused), Hold, Judgement::Refuse("closed".into())),
            (answered(422), Some(&later), Hold, Judgement::RunAgain(7)),
            (answered(422), Some(&trap), Hold, Judgement::RunAgain(0)),
            (answered(404), Some(&RunEnd::Returned), Hold, held_no),
            (open(), Some(&RunEnd::Returned), Hold, held_open.clone()),
            (open(), Some(&refused), Hold, held_open.clone()),
            (open(), None, Hold, held_open.clone()),
            (open(), None, Idempotent, Judgement::RepeatWithSameKey),
            (open(), Some(&later), Idempotent, Judgement::RepeatWithSameKey),
            (open(), None, LookUp, Judgement::LookUp),
            (answered(500), Some(&later), Hold, held_open.clone()),
            (answered(503), Some(&RunEnd::Returned), Hold, held_open.clone()),
            (answered(302), Some(&later), Hold, held_open.clone()),
            (answered(408), Some(&later), Hold, held_open.clone()),
            (answered(409), Some(&refused), Hold, held_open.clone()),
            (vec![record(Some(EffectAnswer::NoAnswer("reset".into())))], Some(&later), Hold, held_open.clone()),
            ([answered(200), named("second", None)].concat(), Some(&RunEnd::Returned), Hold, held_open),
            ([answered(422), answered(200)].concat(), Some(&RunEnd::Returned), Hold, Judgement::AsReturned),
            // What an earlier run left open stays open until the same key is answered.
            (open(), Some(&refused), Idempotent, Judgement::RepeatWithSameKey),
            ([open(), answered(200)].concat(), Some(&RunEnd::Returned), Idempotent, Judgement::AsReturned),
            ([open(), answered(422)].concat(), Some(&refused), Idempotent, Judgement::RepeatWithSameKey),
            ([open(), answered(404)].concat(), Some(&refused), Idempotent, Judgement::RepeatWithSameKey),
            ([open(), answered(401)].concat(), Some(&refused), Idempotent, Judgement::RepeatWithSameKey),
            ([open(), answered(429)].concat(), Some(&later), Idempotent, Judgement::RepeatWithSameKey),
            (
                [open(), vec![record(Some(EffectAnswer::NotSent("refused".into())))]].concat(),
                Some(&refused),
                Idempotent,
                Judgement::RepeatWithSameKey,
            ),
        ];
        for (index, (journal, end, rail, judgement)) in rows.into_iter().enumerate() {
            assert_eq!(judge(&journal, end, rail), judgement, "row {index}");
        }
    }

    #[test]
    fn rule_3_the_key_is_the_same_in_every_run() {
        let (a, b) = (TransactionId::from_bits([1; 16]), TransactionId::from_bits([2; 16]));
        let key = |secret: &[u8], transaction, effect, returned| idempotency_key(secret, transaction, effect, returned);
        assert_eq!(key(b"k", &a, "payout", 0), key(b"k", &a, "payout", 0));
        let others = [key(b"k", &b, "payout", 0), key(b"k", &a, "notify", 0), key(b"l", &a, "payout", 0), key(b"k", &a, "payout", 1)];
        assert!(others.iter().all(|other| *other != key(b"k", &a, "payout", 0)));
    }
}
