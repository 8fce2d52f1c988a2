//! Guests: a closure for each hook, that does what a component would do through its host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt as _};
use windlass_domain::effect::Evidence;
use windlass_domain::ids::normalise_reference;
use windlass_domain::job::{Hook, HookError, Receipt, RunEnd};
use windlass_domain::ports::guest::{
    Answered, Call, DepositPoll, DepositUpdate, Guests, HookInput, HookOutput, HostFault, Intent, Payout, RunHost, RunOutcome,
    UnmatchedCredit,
};
use windlass_store::testing::Raw;

use crate::bank::{Bank, Reply};
use crate::faults::Faults;

/// One run, as a script sees it.
pub(crate) struct Run {
    pub(crate) call: Call,
    pub(crate) host: Arc<dyn RunHost>,
    bank: Arc<Bank>,
    faults: Arc<Faults>,
    raw: Raw,
}

pub(crate) type Script = Arc<dyn Fn(Run) -> BoxFuture<'static, RunOutcome> + Send + Sync>;

/// The scripts of all hooks, and the runs that were made.
pub(crate) struct FakeGuests {
    scripts: Mutex<BTreeMap<Hook, Script>>,
    runs: Mutex<Vec<(Hook, i64)>>,
}

impl FakeGuests {
    /// With scripts as a good integration's.
    pub(crate) fn new() -> Self {
        let guests = Self { scripts: Mutex::default(), runs: Mutex::default() };
        guests.on(Hook::PollPendingDeposits, |run| async move { poll(&run).await.unwrap_or_else(fault) });
        guests.on(Hook::AfterDeposit, |_| async { returned(HookOutput::Nothing) });
        guests.on(Hook::ProcessWithdrawal, |run| async move { pay(&run).await });
        guests
    }

    /// Another script for a hook.
    pub(crate) fn on<F: Future<Output = RunOutcome> + Send + 'static>(
        &self,
        hook: Hook,
        script: impl Fn(Run) -> F + Send + Sync + 'static,
    ) {
        self.scripts.lock().unwrap().insert(hook, Arc::new(move |run| script(run).boxed()));
    }

    /// Ordinals of the runs of a hook, in the order they were made.
    pub(crate) fn runs(&self, hook: Hook) -> Vec<i64> {
        self.runs.lock().unwrap().iter().filter(|(made, _)| *made == hook).map(|(_, ordinal)| *ordinal).collect()
    }
}

/// The port of one pipeline.
pub(crate) struct GuestsPort {
    pub(crate) guests: Arc<FakeGuests>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) raw: Raw,
}

#[async_trait]
impl Guests for GuestsPort {
    async fn run(&self, call: Call, host: Arc<dyn RunHost>) -> RunOutcome {
        let started = format!(
            "SELECT COUNT(*) FROM runs WHERE tenant = '{}' AND job_id = '{}' AND ordinal = {} AND ended_at IS NULL",
            call.tenant, call.job, call.run
        );
        assert_eq!(self.raw.number(&started).await, 1, "rule 3: the run's start is committed before its guest is called");
        let hook = call.input.hook();
        self.guests.runs.lock().unwrap().push((hook, call.run));
        let script = self.guests.scripts.lock().unwrap()[&hook].clone();
        script(Run { call, host, bank: self.bank.clone(), faults: self.faults.clone(), raw: self.raw.clone() }).await
    }
}

impl Run {
    /// A request that leaves without the host's knowledge of what comes of it.
    pub(crate) fn at_bank(&self, key: &str) -> Reply {
        self.bank.post(key)
    }

    /// Sends a named effect to the bank, as the sandbox does: the intent first, the answer recorded before it is seen.
    pub(crate) async fn send(&self, effect: &str, digest: &str) -> Result<Reply, RunEnd> {
        let key = match self.host.intend(effect, digest).await.map_err(end)? {
            Intent::Send { key } => key,
            Intent::Replay(response) => return Ok(Reply::Answer(response)),
            Intent::Refuse(reason) => return Err(RunEnd::Trapped(reason)),
        };
        let intended = format!(
            "SELECT COUNT(*) FROM effects WHERE tenant = '{}' AND job_id = '{}' AND run = {} AND name = '{effect}'
                AND idempotency_key = '{key}' AND answer IS NULL",
            self.call.tenant, self.call.job, self.call.run
        );
        assert_eq!(self.raw.number(&intended).await, 1, "rule 3: the intent is committed before the request leaves");
        let reply = self.faults.write("bank", async { self.bank.post(&key) }, || Reply::Silence).await;
        let answered = match &reply {
            Reply::Answer(response) => Answered::Complete(response.clone()),
            Reply::Silence => Answered::NoAnswer("the connection was closed".into()),
            Reply::NoConnection => Answered::NotSent("connection refused".into()),
        };
        self.host.answered(effect, answered).await.map_err(end)?;
        Ok(reply)
    }
}

/// Pays out with one effect, and says what the bank said.
pub(crate) async fn pay(run: &Run) -> RunOutcome {
    let HookInput::ProcessWithdrawal(payment, withdrawal) = &run.call.input else { panic!("{:?}", run.call.input) };
    assert_eq!(withdrawal.amount_in, Some(payment.amount));
    let reply = match run.send("payout", &format!("pay {:?} for {}", withdrawal.amount_out, withdrawal.id)).await {
        Ok(reply) => reply,
        Err(end) => return ended(end),
    };
    match reply {
        Reply::Answer(response) if response.status < 300 => paid(&String::from_utf8(response.body).unwrap()),
        Reply::Answer(response) if (400..500).contains(&response.status) => {
            ended(RunEnd::Refused(HookError::Refused("the bank says no".into())))
        }
        Reply::Answer(_) | Reply::Silence | Reply::NoConnection => ended(RunEnd::Refused(HookError::TryLater(0))),
    }
}

/// Reports the bank's credits after the cursor in `state`, and moves it.
async fn poll(run: &Run) -> Result<RunOutcome, HostFault> {
    let cursor = run.host.state_get("cursor").await?.map_or(0, |bytes| usize::from(bytes[0]));
    let mut found = DepositPoll::default();
    let credits = run.bank.credits();
    for credit in &credits[cursor..] {
        let (external_id, amount) = (credit.id.clone(), credit.amount);
        match run.host.find_pending(&[normalise_reference(&credit.reference)]).await?.first() {
            Some(deposit) => found.updates.push(DepositUpdate::Received { id: deposit.id.to_string(), amount, external_id }),
            None => found.unmatched.push(UnmatchedCredit { external_id, amount, reference: credit.reference.clone() }),
        }
    }
    let moved = credits.len() > cursor;
    let state_writes = if moved { vec![("cursor".to_owned(), Some(vec![u8::try_from(credits.len()).unwrap()]))] } else { vec![] };
    Ok(RunOutcome { state_writes, ..returned(HookOutput::DepositPoll(found)) })
}

/// A host's fault, as the sandbox reports it.
fn end(fault: HostFault) -> RunEnd {
    match fault {
        HostFault::LeaseLost => RunEnd::LeaseLost,
        HostFault::Failed(what) => RunEnd::HostFault(what),
    }
}

pub(crate) fn fault(fault: HostFault) -> RunOutcome {
    ended(end(fault))
}

pub(crate) fn ended(end: RunEnd) -> RunOutcome {
    RunOutcome { end, output: None, receipt: Receipt::default(), log: vec![], state_writes: vec![] }
}

pub(crate) fn returned(output: HookOutput) -> RunOutcome {
    RunOutcome { output: Some(output), ..ended(RunEnd::Returned) }
}

pub(crate) fn paid(external_id: &str) -> RunOutcome {
    returned(HookOutput::Payout(Payout::Paid { external_id: external_id.into() }))
}

pub(crate) fn try_later() -> RunOutcome {
    ended(RunEnd::Refused(HookError::TryLater(0)))
}

pub(crate) fn trap() -> RunOutcome {
    ended(RunEnd::Trapped("unreachable".into()))
}

/// What the effects of a job prove, all runs together.
pub(crate) fn proven(effects: &[windlass_domain::effect::EffectRecord]) -> Evidence {
    windlass_domain::effect::evidence(effects)
}
