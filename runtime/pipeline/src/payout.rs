//! What the outcome of a `process-withdrawal` run writes: the journal judges, not the guest (money rule 3).

use windlass_domain::commit::Write;
use windlass_domain::effect::{EffectRecord, Judgement, judge};
use windlass_domain::ids::TimeMs;
use windlass_domain::job::RunEnd;
use windlass_domain::lookup::Question;
use windlass_domain::ports::guest::{HookOutput, Payout};
use windlass_domain::ports::store::JobContext;
use windlass_domain::transaction::Transaction;
use windlass_domain::withdrawal::{self, WithdrawalEvent};

/// What becomes of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its outcome is what these writes say.
    Done(Vec<Write>),
    /// A new run, after at least so many milliseconds. `unknown`: when the tries are used up it is held, not dead, for an
    /// effect is open.
    Again {
        /// At least.
        delay_ms: u64,
        /// Is an effect's outcome unknown?
        unknown: bool,
    },
    /// The outcome is unknown: the `payout-status` hook is asked.
    LookUp,
    /// Held for a person: why.
    Held(String),
}

/// Purely: from the job's whole journal, the run's end (none when it was cut off) and what the hook returned.
pub(crate) fn fate(context: &JobContext, journal: &[EffectRecord], end: Option<&RunEnd>, output: Option<&HookOutput>, now: TimeMs) -> Fate {
    let Some(before) = &context.transaction else { return Fate::Held("the job's transaction is gone".to_owned()) };
    match judge(journal, end, context.version.manifest.rail.effects) {
        Judgement::AsReturned => match output {
            Some(HookOutput::Payout(payout)) => done(before, &WithdrawalEvent::PaidOut(payout.clone()), now, external_id(payout)),
            _ => Fate::Held("the hook returned, and no payout came with it".to_owned()),
        },
        Judgement::Refuse(message) => done(before, &WithdrawalEvent::PayoutRefused { message: crate::printable(&message) }, now, None),
        Judgement::RunAgain(delay_ms) => Fate::Again { delay_ms, unknown: false },
        Judgement::RepeatWithSameKey => Fate::Again { delay_ms: 0, unknown: true },
        Judgement::Hold(reason) => Fate::Held(reason.to_owned()),
        Judgement::LookUp => Fate::LookUp,
    }
}

/// The rail has the payout, as a look-up found: the withdrawal goes on as it says.
pub(crate) fn looked_up(context: &JobContext, question: &Question, payout: &Payout, now: TimeMs) -> Fate {
    let Some(before) = &context.transaction else { return Fate::Held("the job's transaction is gone".to_owned()) };
    let id = external_id(payout).unwrap_or_default();
    done(before, &WithdrawalEvent::PaidOut(payout.clone()), now, Some(format!("found by a look-up of effect {:?}: {id}", question.effect)))
}

fn external_id(payout: &Payout) -> Option<String> {
    match payout {
        Payout::Paid { external_id } | Payout::InProgress { external_id, .. } | Payout::ReadyForPickup { external_id, .. } => {
            Some(external_id.clone())
        }
    }
}

fn done(before: &Transaction, event: &WithdrawalEvent, now: TimeMs, detail: Option<String>) -> Fate {
    match change(before, event, now, detail) {
        Ok(write) => Fate::Done(vec![write]),
        Err(reason) => Fate::Held(reason),
    }
}

/// The write that sets the withdrawal aside for a person.
pub(crate) fn hold(before: &Transaction, reason: &str, now: TimeMs) -> Option<Write> {
    change(before, &WithdrawalEvent::PayoutUnknown { message: reason.to_owned() }, now, Some(reason.to_owned())).ok()
}

fn change(before: &Transaction, event: &WithdrawalEvent, now: TimeMs, detail: Option<String>) -> Result<Write, String> {
    let after = withdrawal::step(before, event, now).map_err(|refused| refused.to_string())?;
    let changed = Write::changed(before, &after, event.name(), "driver", detail);
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use windlass_domain::deposit::DepositState;
    use windlass_domain::effect::EffectAnswer;
    use windlass_domain::job::{Hook, HookError};
    use windlass_domain::manifest::UnknownEffects::{self, Hold, Idempotent, LookUp};
    use windlass_domain::transaction::State;
    use windlass_domain::withdrawal::WithdrawalState;

    use super::*;
    use crate::samples::{deposit, job_context};

    fn received() -> Transaction {
        Transaction { state: State::Withdrawal(WithdrawalState::Received), ..deposit(1, DepositState::Ready) }
    }

    /// One effect that was answered so; 0: not at all.
    fn sent(status: u16) -> Vec<EffectRecord> {
        let answer = (status > 0).then(|| EffectAnswer::Complete { status, sealed_response: String::new() });
        let context = job_context(Hook::ProcessWithdrawal, Some(received()), Hold);
        let (tenant, job) = (context.job.tenant, context.job.id);
        let (name, key, request_digest) = ("payout".into(), "k".into(), "d".into());
        vec![EffectRecord { tenant, job, run: 1, name, key, request_digest, intended_at: 0, answer }]
    }

    /// In a word: the withdrawal's state, `again`, `again, unknown`, or `held`.
    fn word(fate: Fate) -> String {
        match fate {
            Fate::Done(writes) => match &writes[..] {
                [Write::Transaction { before, after, history }] => {
                    assert_eq!((*before, history.from, history.to), ((received().state, 1), Some(received().state), after.state));
                    after.state.as_str().to_owned()
                }
                other => panic!("{other:?}"),
            },
            Fate::Again { delay_ms, unknown } => format!("again after {delay_ms}{}", if unknown { ", unknown" } else { "" }),
            Fate::LookUp => "look up".to_owned(),
            Fate::Held(_) => "held".to_owned(),
        }
    }

    /// The journal, the run's end, what the hook returned, the rail, and the fate in a word.
    type Row<'a> = (Vec<EffectRecord>, Option<&'a RunEnd>, Option<&'a HookOutput>, UnknownEffects, &'static str);

    #[test]
    fn rule_3_the_fate_of_a_payout() {
        let paid = HookOutput::Payout(Payout::Paid { external_id: "p1".into() });
        let under_way = HookOutput::Payout(Payout::InProgress { external_id: "p1".into(), eta: None });
        let (refused, later) = (RunEnd::Refused(HookError::Refused("no\0".into())), RunEnd::Refused(HookError::TryLater(7)));
        let trap = RunEnd::Trapped(String::new());
        let returned = RunEnd::Returned;
        let rows: Vec<Row<'_>> = vec![
            (vec![], Some(&returned), Some(&paid), Hold, "completed"),
            (sent(201), Some(&returned), Some(&paid), Hold, "completed"),
            (sent(202), Some(&returned), Some(&under_way), Hold, "payout_in_progress"),
            (vec![], Some(&returned), Some(&HookOutput::Nothing), Hold, "held"),
            (vec![], Some(&returned), None, Hold, "held"),
            (vec![], Some(&refused), None, Hold, "refused"),
            (sent(422), Some(&refused), None, Hold, "refused"),
            (sent(422), Some(&later), None, Hold, "again after 7"),
            (vec![], Some(&trap), None, Hold, "again after 0"),
            (vec![], None, None, Hold, "again after 0"),
            (sent(200), Some(&trap), None, Idempotent, "held"),
            (sent(200), None, None, Hold, "again after 0, unknown"),
            (sent(422), Some(&returned), Some(&paid), Hold, "held"),
            (sent(0), None, None, Hold, "held"),
            (sent(0), None, None, LookUp, "look up"),
            (sent(0), None, None, Idempotent, "again after 0, unknown"),
            (sent(503), Some(&returned), Some(&paid), Idempotent, "again after 0, unknown"),
        ];
        for (journal, end, output, rail, expected) in rows {
            let context = job_context(Hook::ProcessWithdrawal, Some(received()), rail);
            assert_eq!(word(fate(&context, &journal, end, output, 5)), expected, "{journal:?} {end:?} {rail:?}");
        }
    }

    #[test]
    fn rule_3_what_does_not_fit_is_held() {
        let paid = HookOutput::Payout(Payout::Paid { external_id: "p1".into() });
        let done = Transaction { state: State::Withdrawal(WithdrawalState::Completed), ..received() };
        for transaction in [None, Some(done)] {
            let context = job_context(Hook::ProcessWithdrawal, transaction, Hold);
            assert_eq!(word(fate(&context, &sent(201), Some(&RunEnd::Returned), Some(&paid), 5)), "held");
        }
        assert!(matches!(hold(&received(), "why", 5), Some(Write::Transaction { after, .. }) if after.message.as_deref() == Some("why")));
        assert_eq!(hold(&deposit(1, DepositState::Ready), "why", 5), None);
    }
}
