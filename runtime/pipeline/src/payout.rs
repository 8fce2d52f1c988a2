//! What the outcome of a `process-withdrawal` run writes: the journal judges, not the guest (money rule 3).

use windlass_domain::commit::Write;
use windlass_domain::effect::{EffectRecord, Judgement, judge};
use windlass_domain::ids::TimeMs;
use windlass_domain::job::RunEnd;
use windlass_domain::lookup::Question;
use windlass_domain::ports::guest::{HookOutput, Payout};
use windlass_domain::ports::store::JobContext;
use windlass_domain::transaction::{History, Transaction};
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
        Payout::Paid { external_id } | Payout::InProgress { external_id, .. } | Payout::ReadyForPickup { external_id, .. } => Some(external_id.clone()),
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
    let history = History {
        version: after.version,
        from: Some(before.state),
        to: after.state,
        event: event.name().to_owned(),
        actor: "driver".to_owned(),
        detail,
        at: now,
    };
    Ok(Write::Transaction { before: (before.state, before.version), after: Box::new(after), history })
}
