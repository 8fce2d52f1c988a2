//! Asking the rail whether a payout was made: what follows when an effect's outcome is unknown and the rail declares
//! `look-up` (money rule 3). Purely: from the journal, what the `payout-status` hook said, and when it was asked.

use crate::effect::{EffectRecord, Evidence, by_name};
use crate::ids::TimeMs;
use crate::ports::guest::{Found, Payout};

/// What the hook is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The effect's name.
    pub effect: String,
    /// What was sent as `Idempotency-Key`.
    pub key: String,
    /// When the last request under the name was intended whose outcome is unknown: until then nothing that the rail says
    /// of it is final.
    pub sent_at: TimeMs,
    /// Is it the only effect of the job that may have done something?
    pub is_only: bool,
}

/// What has to be asked before anything is sent again: about the effect that is open, the one sent first if there are
/// several. None where none is open.
pub fn question(journal: &[EffectRecord]) -> Option<Question> {
    let evidence = by_name(journal);
    let first = journal.iter().find(|record| evidence.get(record.name.as_str()) == Some(&Evidence::Open))?;
    let open = journal.iter().filter(|record| record.name == first.name && record.evidence() == Evidence::Open);
    let may_have_acted = evidence.values().filter(|evidence| **evidence >= Evidence::SaidYes).count();
    Some(Question {
        effect: first.name.clone(),
        key: first.key.clone(),
        sent_at: open.map(|record| record.intended_at).max().unwrap_or(first.intended_at),
        is_only: may_have_acted == 1,
    })
}

/// What follows from a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rail has it: as this payout says.
    PaidOut(Payout),
    /// The rail never got it, and no request can still be on its way: it is sent again, with the same key.
    SendAgain,
    /// Not found, but too early to believe: asked again after so many milliseconds. No failed try.
    TooEarly(u64),
    /// No answer to the question: asked again with back-off, up to the limit, then held for a person.
    AskAgain,
    /// Held for a person.
    Hold(&'static str),
}

/// The table of look-ups. `found` is none where the hook refused, trapped or ran into a limit; `asked_at` is when the run
/// began; `not_found_after_ms` is what the rail declares.
pub fn judge_look_up(question: &Question, found: Option<&Found>, asked_at: TimeMs, not_found_after_ms: Option<u64>) -> Verdict {
    match (found, not_found_after_ms) {
        (Some(Found::Found(payout)), _) => Verdict::PaidOut(payout.clone()),
        (Some(Found::CannotTell) | None, _) => Verdict::AskAgain,
        (Some(Found::NotFound), None) => {
            Verdict::Hold("the rail does not find the payout, and does not declare after how long that is final")
        }
        (Some(Found::NotFound), Some(after_ms)) => {
            let passed_ms = u64::try_from(asked_at.saturating_sub(question.sent_at)).unwrap_or(0);
            match (after_ms.saturating_sub(passed_ms), question.is_only) {
                (0, true) => Verdict::SendAgain,
                (0, false) => Verdict::Hold("the rail does not find one effect of the payout, and another one may have been carried out"),
                (left_ms, _) => Verdict::TooEarly(left_ms),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::EffectAnswer;
    use crate::ids::{JobId, TenantId};

    fn record(run: i64, name: &str, intended_at: TimeMs, status: Option<u16>) -> EffectRecord {
        EffectRecord {
            tenant: TenantId::new("acme").unwrap(),
            job: JobId::from_bits([1; 16]),
            run,
            name: name.into(),
            key: format!("key of {name}"),
            request_digest: "d".into(),
            intended_at,
            answer: status.map(|status| EffectAnswer::Complete { status, sealed_response: String::new() }),
        }
    }

    #[test]
    fn rule_3_what_is_asked_by_table() {
        let asked =
            |effect: &str, sent_at, is_only| Some(Question { effect: effect.into(), key: format!("key of {effect}"), sent_at, is_only });
        for (journal, expected) in [
            (vec![], None),
            (vec![record(1, "a", 5, Some(201))], None),
            (vec![record(1, "a", 5, Some(422))], None),
            (vec![record(1, "a", 5, None)], asked("a", 5, true)),
            (vec![record(1, "a", 5, Some(503))], asked("a", 5, true)),
            // The latest request counts: it may still be on its way.
            (vec![record(1, "a", 5, None), record(2, "a", 9, Some(500))], asked("a", 9, true)),
            // A no to the repeat proves nothing about the first request.
            (vec![record(1, "a", 5, None), record(2, "a", 9, Some(422))], asked("a", 5, true)),
            (vec![record(1, "a", 5, None), record(2, "a", 9, Some(200))], None),
            (vec![record(1, "a", 5, Some(422)), record(1, "b", 6, None)], asked("b", 6, true)),
            (vec![record(1, "a", 5, Some(200)), record(1, "b", 6, None)], asked("b", 6, false)),
            (vec![record(1, "a", 5, None), record(1, "b", 6, None)], asked("a", 5, false)),
        ] {
            assert_eq!(question(&journal), expected, "{journal:?}");
        }
    }

    #[test]
    fn rule_3_look_ups_by_table() {
        let sure = Question { effect: "payout".into(), key: "k".into(), sent_at: 1_000, is_only: true };
        let unsure = Question { is_only: false, ..sure.clone() };
        let paid = Payout::Paid { external_id: "tr-1".into() };
        let under_way = Payout::InProgress { external_id: "tr-1".into(), eta: None };
        let found = |payout: &Payout| Some(Found::Found(payout.clone()));
        let two = "the rail does not find one effect of the payout, and another one may have been carried out";
        let undeclared = "the rail does not find the payout, and does not declare after how long that is final";
        for (question, answer, asked_at, after_ms, verdict) in [
            (&sure, found(&paid), 1_001, Some(500), Verdict::PaidOut(paid.clone())),
            (&unsure, found(&under_way), 1_001, Some(500), Verdict::PaidOut(under_way)),
            (&sure, found(&paid), 9_999, None, Verdict::PaidOut(paid)),
            (&sure, Some(Found::NotFound), 1_000, Some(500), Verdict::TooEarly(500)),
            (&sure, Some(Found::NotFound), 1_499, Some(500), Verdict::TooEarly(1)),
            (&sure, Some(Found::NotFound), 1_500, Some(500), Verdict::SendAgain),
            // A clock that went back proves nothing.
            (&sure, Some(Found::NotFound), 900, Some(500), Verdict::TooEarly(500)),
            (&unsure, Some(Found::NotFound), 1_499, Some(500), Verdict::TooEarly(1)),
            (&unsure, Some(Found::NotFound), 1_500, Some(500), Verdict::Hold(two)),
            (&sure, Some(Found::NotFound), 9_999, None, Verdict::Hold(undeclared)),
            (&sure, Some(Found::CannotTell), 9_999, Some(500), Verdict::AskAgain),
            (&sure, None, 9_999, Some(500), Verdict::AskAgain),
        ] {
            assert_eq!(judge_look_up(question, answer.as_ref(), asked_at, after_ms), verdict, "{question:?} {answer:?} {asked_at}");
        }
    }
}
