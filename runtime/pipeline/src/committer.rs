//! Group commit: decisions that end at about the same time are written by one database transaction.

use std::sync::Arc;

use tokio::sync::{Mutex, oneshot};
use windlass_domain::commit::{Commit, CommitError};
use windlass_domain::ports::store::DriverStore;

/// The most that one group holds.
const GROUP: usize = 256;

/// A commit, and where its outcome is told.
type Waiting = (Commit, oneshot::Sender<Result<(), CommitError>>);

/// Gathers commits while another group is being written.
pub struct Committer {
    store: Arc<dyn DriverStore>,
    waiting: std::sync::Mutex<Vec<Waiting>>,
    writing: Mutex<()>,
}

impl Committer {
    /// Over a store.
    pub fn new(store: Arc<dyn DriverStore>) -> Self {
        Self { store, waiting: std::sync::Mutex::default(), writing: Mutex::new(()) }
    }

    /// Commits one decision, perhaps together with others'. Whoever comes first writes for all that wait. A commit whose
    /// caller goes away may still be written.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let (tell, mut told) = oneshot::channel();
        self.waiting().push((commit, tell));
        let _writing = self.writing.lock().await;
        if let Ok(outcome) = told.try_recv() {
            return outcome;
        }
        // Ours is still among those that wait: the groups before it are written on the way.
        loop {
            let group: Vec<_> = {
                let mut waiting = self.waiting();
                let size = waiting.len().min(GROUP);
                waiting.drain(..size).collect()
            };
            if group.is_empty() {
                return Err(CommitError::Unavailable("the group that held this commit was dropped".to_owned()));
            }
            let (commits, tells): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            for (outcome, tell) in self.store.commit(commits).await.into_iter().zip(tells) {
                let _gone = tell.send(outcome);
            }
            if let Ok(outcome) = told.try_recv() {
                return outcome;
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
