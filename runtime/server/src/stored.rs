//! The store of either engine, opened by its address.

use std::sync::Arc;

use tokio::sync::Notify;
use windlass_domain::ports::store::AdminStore;
use windlass_store::{OpenError, PostgresStore, SqliteStore};

use crate::Database;

/// An open store.
pub(crate) enum Stored {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Stored {
    pub(crate) async fn open(database: &Database) -> Result<Self, OpenError> {
        match database {
            Database::InMemory => SqliteStore::open_in_memory().await.map(Self::Sqlite),
            Database::Sqlite(path) => SqliteStore::open(path).await.map(Self::Sqlite),
            Database::Postgres(url) => PostgresStore::connect(url).await.map(Self::Postgres),
        }
    }

    /// As the drivers and the API see it.
    pub(crate) fn port(&self) -> Arc<dyn AdminStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Told when work was made due, here or by another process.
    pub(crate) fn notify(&self) -> Arc<Notify> {
        match self {
            Self::Sqlite(store) => store.notify(),
            Self::Postgres(store) => store.notify(),
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
