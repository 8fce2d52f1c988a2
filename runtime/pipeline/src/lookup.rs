//! What a look-up's outcome writes: the run of `payout-status` belongs to the payout's job, and is judged by
//! [`windlass_domain::lookup`] (money rule 3).

use windlass_domain::commit::{Commit, Lease, Next, Write};
use windlass_domain::ids::TimeMs;
use windlass_domain::job::{Hook, Job, JobState, RunEnd};
use windlass_domain::lookup::{Question, Verdict, judge_look_up};
use windlass_domain::manifest::UnknownEffects;
use windlass_domain::ports::guest::{HookOutput, RunOutcome};
use windlass_domain::ports::store::JobContext;
use windlass_domain::retry;

use crate::payout::{Fate, looked_up};
use crate::{Pipeline, printable, under};

/// What the job has to ask before it sends anything again; none where it may run its own hook.
pub(crate) fn needed(context: &JobContext) -> Option<Question> {
    let asks = context.job.hook == Hook::ProcessWithdrawal && context.version.manifest.rail.effects == UnknownEffects::LookUp;
    asks.then(|| windlass_domain::lookup::question(&context.journal)).flatten()
}

impl Pipeline {
    /// `writes` are the run's end and what it wrote to `state`; `asked_at` is when it began.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one commit")]
    pub(crate) fn answered(
        &self,
        lease: &Lease,
        context: &JobContext,
        question: &Question,
        outcome: &RunOutcome,
        asked_at: TimeMs,
        mut writes: Vec<Write>,
        now: TimeMs,
    ) -> Commit {
        let found = match &outcome.output {
            Some(HookOutput::Found(found)) => Some(found),
            _ => None,
        };
        let job = &context.job;
        let goes_on = |after: Job| Write::Job { before: JobState::Open, after: Box::new(after) };
        match judge_look_up(question, found, asked_at, context.version.manifest.rail.not_found_after_ms) {
            Verdict::PaidOut(payout) => match looked_up(context, question, &payout, now) {
                Fate::Done(change) => {
                    let after = Job { state: JobState::Done, failures: 0, message: None, updated_at: now, ..job.clone() };
                    writes.extend(change);
                    writes.push(goes_on(after));
                    under(lease, Next::Done, writes)
                }
                Fate::Held(reason) => self.held(lease, context, &reason, writes, now),
                Fate::Again { .. } | Fate::LookUp => self.held(lease, context, "the look-up's answer cannot be carried out", writes, now),
            },
            Verdict::SendAgain => {
                let message = Some(format!("the rail never got effect {:?}: it is sent again", question.effect));
                writes.push(goes_on(Job { settled_runs: job.runs, message, updated_at: now, ..job.clone() }));
                under(lease, Next::After(0), writes)
            }
            Verdict::TooEarly(left_ms) => {
                let message =
                    Some(format!("the rail does not find effect {:?} yet: asked again when nothing can arrive any more", question.effect));
                writes.push(goes_on(Job { message, updated_at: now, ..job.clone() }));
                under(lease, Next::After(left_ms), writes)
            }
            Verdict::AskAgain => {
                let why = match &outcome.end {
                    RunEnd::Returned => "the rail cannot tell whether the payout was made".to_owned(),
                    end => format!("the look-up of the payout failed: {}", printable(&end.message())),
                };
                let failures = job.failures + 1;
                let policy = retry::policy(Hook::PayoutStatus, Some(&outcome.end), self.settings.retry_base_ms);
                if policy.is_used_up(failures) {
                    return self.held(lease, context, &format!("outcome unknown after {failures} tries: {why}"), writes, now);
                }
                let delay_ms = self.back_off(policy, failures, &outcome.end);
                writes.push(goes_on(Job { failures, message: Some(why), updated_at: now, ..job.clone() }));
                under(lease, Next::After(delay_ms), writes)
            }
            Verdict::Hold(reason) => self.held(lease, context, reason, writes, now),
        }
    }
}
