//! Jobs, their runs, and what the runs used, sent and logged.

pub(crate) mod list;
pub(crate) mod retry;
pub(crate) mod show;

use serde::Serialize;
use windlass_domain::job::Job;

use crate::time::iso;

/// A job as shown.
#[derive(Serialize)]
pub(crate) struct JobView {
    /// Why it waits or is dead: first, for it is what whoever reads a list of dead letters wants to know.
    message: Option<String>,
    id: String,
    hook: &'static str,
    transaction: Option<String>,
    version: i64,
    state: &'static str,
    run_count: i64,
    failures: i64,
    idle_polls: i64,
    created_at: String,
    updated_at: String,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            message: job.message,
            id: job.id.to_string(),
            hook: job.hook.as_str(),
            transaction: job.transaction.map(|id| id.to_string()),
            version: job.version.0,
            state: job.state.as_str(),
            run_count: job.runs,
            failures: job.failures,
            idle_polls: job.idle_polls,
            created_at: iso(job.created_at),
            updated_at: iso(job.updated_at),
        }
    }
}
