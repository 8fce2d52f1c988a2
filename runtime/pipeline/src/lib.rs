//! The drivers: lease, decide, do one thing through one port, commit.
//!
//! Each driver claims a batch of rows of the queue, reads what they are about, decides for each purely, and commits all
//! of it at once. None takes more work than it can start now, and each can be stepped by a test.
//!
//! | driver | claims | does |
//! | --- | --- | --- |
//! | [`plan`] | an account with ready deposits | signs one envelope for up to 100 of them, or the making of their accounts |
//! | [`envelope`] | a live envelope | sends it, looks it up, carries the verdict out |
//! | [`trust`] | a deposit whose account cannot take the asset | looks again |
//! | [`watch`] | a network | reads its payments, matches them to withdrawals |
//! | [`expire`] | a transaction with a deadline | ends it, when its user did not pay in time |
//! | [`jobs`] | a job | runs its hook, judges the run by its journal |

mod committer;
mod contexts;
pub mod envelope;
pub mod expire;
mod host;
pub mod jobs;
mod lookup;
mod payout;
mod payouts;
pub mod plan;
mod poll;
mod receive;
#[cfg(test)]
mod samples;
pub mod trust;
pub mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as signal};
use windlass_domain::commit::{Commit, CommitError, Fence, Lease, Next, WorkKey, WorkKind, Write};
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::clock::{Clock, Random};
use windlass_domain::ports::guest::Guests;
use windlass_domain::ports::ledger::{EnvelopeBuilder, Ledger, LedgerError};
use windlass_domain::ports::secrets::{Sealer, SecretError, Signer};
use windlass_domain::ports::store::{DriverStore, StoreError};

pub use committer::Committer;

/// How the drivers go about it. Times are in the names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a lease lasts: longer than the longest run.
    pub lease_ms: u64,
    /// Between two polls of a tenant's bank that found nothing more.
    pub poll_interval_ms: u64,
    /// Between two readings of the ledger's payments at its end.
    pub watch_interval_ms: u64,
    /// Between two look-ups of an envelope that has no verdict.
    pub envelope_interval_ms: u64,
    /// Between two looks at an account that cannot take an asset.
    pub trust_interval_ms: u64,
    /// First delay after a failure; doubled with each.
    pub retry_base_ms: u64,
    /// How far ahead of now an envelope's upper time bound is set, in seconds. More than twice the time between ledgers.
    pub envelope_bound_s: i64,
    /// Rows that one claim takes.
    pub claim_limit: u32,
    /// Rows of one tenant that are leased at once, of each kind. Of jobs at most a quarter of `concurrent_runs` besides.
    pub claim_per_tenant: u32,
    /// Runs at once.
    pub concurrent_runs: u32,
    /// No run may use more than this, whatever the tenant's limits say.
    pub ceiling: RunLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease_ms: 60_000,
            poll_interval_ms: 5_000,
            watch_interval_ms: 1_000,
            envelope_interval_ms: 2_000,
            trust_interval_ms: 10_000,
            retry_base_ms: 1_000,
            envelope_bound_s: 180,
            claim_limit: 100,
            claim_per_tenant: 20,
            concurrent_runs: 32,
            ceiling: RunLimits::default(),
        }
    }
}

/// The ports that the drivers stand on.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is.
    pub store: Arc<dyn DriverStore>,
    /// One ledger per network passphrase.
    pub ledgers: BTreeMap<String, Arc<dyn Ledger>>,
    /// Builds envelopes.
    pub builder: Arc<dyn EnvelopeBuilder>,
    /// Signs them.
    pub signer: Arc<dyn Signer>,
    /// Opens secrets, seals journals.
    pub sealer: Arc<dyn Sealer>,
    /// Runs hooks.
    pub guests: Arc<dyn Guests>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Ids, seeds, jitter.
    pub random: Arc<dyn Random>,
}

/// A driver's step could not be made; it is made again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store did not answer.
    #[error("the step could not read or write the store")]
    Store(#[from] StoreError),
    /// A commit was not made.
    #[error("the step's commit was not made")]
    Commit(#[from] CommitError),
    /// The ledger did not answer.
    #[error("the ledger did not answer the step")]
    Ledger(#[from] LedgerError),
    /// A signature could not be made.
    #[error("the step could not sign")]
    Secret(#[from] SecretError),
}

/// The drivers together.
pub struct Pipeline {
    pub(crate) parts: Parts,
    pub(crate) settings: Settings,
    pub(crate) committer: Committer,
    wake: Notify,
}

impl Pipeline {
    /// Over these parts. Does nothing until it is stepped or run.
    pub fn new(parts: Parts, settings: Settings) -> Arc<Self> {
        let committer = Committer::new(parts.store.clone());
        Arc::new(Self { parts, settings, committer, wake: Notify::new() })
    }

    /// Something was committed that a driver should see now. Without it the drivers see it at their next look, within a
    /// second.
    pub fn wake(&self) {
        self.wake.notify_waiters();
    }

    /// Puts the host's own work into the queue: one watch per network.
    pub async fn prepare(&self) -> Result<(), StepError> {
        let watches = self.parts.ledgers.keys().map(|network| Commit {
            fence: None,
            writes: vec![Write::Work { key: WorkKey { tenant: None, kind: WorkKind::Watch, subject: network.clone() }, after_ms: 0 }],
        });
        for outcome in self.parts.store.commit(watches.collect()).await {
            outcome?;
        }
        Ok(())
    }

    /// One step of every driver, in the order of the money: for tests. The number of rows that were worked on.
    pub async fn step(self: &Arc<Self>) -> Result<usize, StepError> {
        Ok(self.step_watch().await?
            + self.step_jobs().await?
            + self.step_plan().await?
            + self.step_envelope().await?
            + self.step_trust().await?
            + self.step_expire().await?)
    }

    /// Runs every driver until the signal turns true; then runs that are under way are finished.
    pub async fn run(self: Arc<Self>, stop: signal::Receiver<bool>) {
        let prepared = self.prepare().await;
        if let Err(error) = prepared {
            tracing::error!(error = %chain(&error), "pipeline.prepare failed; the drivers start all the same");
        }
        let looped = |kind| self.clone().drive(kind, stop.clone());
        let jobs = self.clone().drive_jobs(stop.clone());
        tokio::join!(
            looped(WorkKind::Watch),
            looped(WorkKind::Plan),
            looped(WorkKind::Envelope),
            looped(WorkKind::Trust),
            looped(WorkKind::Expire),
            jobs
        );
    }

    async fn drive(self: Arc<Self>, kind: WorkKind, stop: signal::Receiver<bool>) {
        while !*stop.borrow() {
            let step = match kind {
                WorkKind::Watch => self.step_watch().await,
                WorkKind::Plan => self.step_plan().await,
                WorkKind::Envelope => self.step_envelope().await,
                WorkKind::Trust => self.step_trust().await,
                WorkKind::Expire => self.step_expire().await,
                WorkKind::Job => self.step_jobs().await,
            };
            match step {
                Ok(0) => self.idle(kind, stop.clone()).await,
                Ok(_) => self.wake(),
                Err(error) => {
                    tracing::warn!(driver = kind.as_str(), error = %chain(&error), "driver.step failed; trying again in a second");
                    self.pause(1_000, stop.clone()).await;
                }
            }
        }
    }

    /// Waits until the next row of the kind is due, a second has passed, or something woke the drivers.
    pub(crate) async fn idle(&self, kind: WorkKind, stop: signal::Receiver<bool>) {
        let due_ms = self.parts.store.next_due_ms(kind).await.ok().flatten().unwrap_or(1_000);
        // At least a little, so that a row that is leased elsewhere does not make us spin.
        self.pause(due_ms.clamp(20, 1_000), stop).await;
    }

    pub(crate) async fn pause(&self, milliseconds: u64, mut stop: signal::Receiver<bool>) {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(milliseconds)) => {}
            () = self.wake.notified() => {}
            _ = stop.changed() => {}
        }
    }

    /// The ledger of a network, or an error that names it.
    pub(crate) fn ledger(&self, network: &str) -> Result<&Arc<dyn Ledger>, StepError> {
        self.parts.ledgers.get(network).ok_or_else(|| {
            StepError::Ledger(LedgerError::Unavailable {
                url: network.to_owned(),
                reason: "this host has no ledger for the network".to_owned(),
            })
        })
    }

    /// Claims up to the settings' limits.
    pub(crate) async fn claim(&self, kind: WorkKind) -> Result<Vec<Lease>, StepError> {
        let Settings { claim_limit, claim_per_tenant, lease_ms, .. } = self.settings;
        Ok(self.parts.store.claim(kind, claim_limit, claim_per_tenant, lease_ms).await?)
    }

    /// Commits a batch of decisions; an item that fails is left to its lease's end, the others go on.
    pub(crate) async fn commit_all(&self, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        let subjects: Vec<String> =
            commits.iter().map(|commit| commit.fence.as_ref().map_or_else(String::new, |f| f.lease.work.subject.clone())).collect();
        for (outcome, subject) in self.parts.store.commit(commits).await.into_iter().zip(subjects) {
            if let Err(error) = outcome {
                tracing::warn!(work.subject = subject, error = %error, "a step's commit was not made; it is taken up again when its lease ends");
            }
        }
    }
}

/// A commit that only says what becomes of the leased row.
pub(crate) fn only(lease: &Lease, next: Next) -> Commit {
    under(lease, next, Vec::new())
}

/// A deciding commit under a lease.
pub(crate) fn under(lease: &Lease, next: Next, writes: Vec<Write>) -> Commit {
    Commit { fence: Some(Fence { lease: lease.clone(), next, observation: false }), writes }
}

/// A guest's text as it can be stored: a NUL, which no text column takes, is shown as the replacement character.
pub(crate) fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// An error and its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Waits for all of them at once; the answers are in order.
pub(crate) async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(futures).await
}
