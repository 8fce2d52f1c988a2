//! Why a store cannot be opened. What goes wrong later is `StoreError` and `CommitError` of the domain.

use sqlx::migrate::MigrateError;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one.
    #[error("{0:?} is not the address of a database: write a path for SQLite, or postgres://user@host/name")]
    Address(String),
    /// No connection.
    #[error("the database {0} cannot be opened")]
    Connect(String, #[source] sqlx::Error),
    /// It was written by a newer Windlass.
    #[error("the database {0} has schema {1}, which this Windlass does not know: use the newer one that wrote it")]
    Newer(String, i64),
    /// Its schema was changed by hand, or by another build.
    #[error(
        "schema {1} of the database {0} is not the one that this Windlass has under that number: restore the database, or use the build that made it"
    )]
    Changed(String, i64),
    /// A migration failed.
    #[error("the schema of the database {0} cannot be brought up to date")]
    Migrate(String, #[source] MigrateError),
}

impl OpenError {
    pub(crate) fn from_migrate(database: &str, error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(database.to_owned(), version),
            MigrateError::VersionMismatch(version) => Self::Changed(database.to_owned(), version),
            other => Self::Migrate(database.to_owned(), other),
        }
    }
}
