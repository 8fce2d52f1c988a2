//! What can go wrong in a statement, and what it means for a commit and for a reader.

use windlass_domain::commit::CommitError;
use windlass_domain::ports::store::StoreError;

use super::dialect;

/// A statement or a guard failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// It means this for the commit.
    Commit(CommitError),
    /// Two commits were in each other's way: the same again may well work.
    Again(String),
    /// The database refused one statement, and it is no constraint's doing: others may well work.
    Refused(String),
}

impl Fault {
    /// A named constraint refuses.
    pub(super) fn conflict(constraint: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Commit(CommitError::Conflict { constraint: constraint.into(), detail: detail.into() })
    }

    /// A guarded row was changed meanwhile.
    pub(super) fn stale(what: impl Into<String>) -> Self {
        Self::Commit(CommitError::Stale(what.into()))
    }

    /// For the caller, once nothing more is tried.
    pub(super) fn into_commit_error(self) -> CommitError {
        match self {
            Self::Commit(error) => error,
            Self::Again(detail) | Self::Refused(detail) => CommitError::Unavailable(detail),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            if let Some(constraint) = dialect::constraint(database.as_ref()) {
                return Self::conflict(constraint, database.message());
            }
            if dialect::is_transient(database.as_ref()) {
                return Self::Again(database.message().to_owned());
            }
            return Self::Refused(database.message().to_owned());
        }
        Self::Commit(CommitError::Unavailable(error.to_string()))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Commit(CommitError::Conflict { constraint, detail }) => Self::Conflict { constraint, detail },
            Fault::Commit(CommitError::Unavailable(detail)) | Fault::Again(detail) | Fault::Refused(detail) => Self::Unavailable(detail),
            Fault::Commit(CommitError::Stale(what)) => Self::NotFound(what),
            Fault::Commit(CommitError::LeaseLost) => Self::Unavailable("a lease was asked for by a reader".to_owned()),
        }
    }
}
