//! The store on SQLite: one file, one process. Writes go through one connection, one after the other; reads beside them.

mod dialect;
#[path = "../queries/mod.rs"]
mod queries;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Notify;

use crate::error::OpenError;

/// Connections for reads; writes have one of their own.
const READERS: u32 = 4;

/// A store on SQLite.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    reader: SqlitePool,
    notify: Arc<Notify>,
}

impl SqliteStore {
    /// Opens the file, makes it where there is none, and brings its schema up to date. Every commit is on disk when it
    /// is answered (`synchronous = FULL`).
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let name = path.as_ref().display().to_string();
        let options =
            options().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let connect = |error| OpenError::Connect(name.clone(), error);
        let writer = pool(1).connect_with(options.clone()).await.map_err(connect)?;
        let migrated = sqlx::migrate!("migrations/sqlite").run(&writer).await;
        migrated.map_err(|error| OpenError::from_migrate(&name, error))?;
        let reader = pool(READERS).connect_with(options).await.map_err(connect)?;
        Ok(Self { writer, reader, notify: Arc::new(Notify::new()) })
    }

    /// A store in memory: gone with its last clone. Reads and writes share one connection.
    pub async fn open_in_memory() -> Result<Self, OpenError> {
        let name = ":memory:".to_owned();
        let writer = pool(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options().in_memory(true))
            .await
            .map_err(|error| OpenError::Connect(name.clone(), error))?;
        let migrated = sqlx::migrate!("migrations/sqlite").run(&writer).await;
        migrated.map_err(|error| OpenError::from_migrate(&name, error))?;
        Ok(Self { reader: writer.clone(), writer, notify: Arc::new(Notify::new()) })
    }

    /// Told after each commit that made work due now. A hint: what is due is known by asking.
    pub fn notify(&self) -> Arc<Notify> {
        self.notify.clone()
    }

    /// Waits until work was made due, at most so long. A hint, as [`SqliteStore::notify`].
    pub async fn wait_for_work(&self, at_most_ms: u64) {
        let _timed_out = tokio::time::timeout(Duration::from_millis(at_most_ms), self.notify.notified()).await;
    }

    /// The connections that write: for tests and for maintenance.
    pub fn pool(&self) -> &SqlitePool {
        &self.writer
    }

    /// Closes every connection, once what is under way has ended.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    async fn work_was_made(&self) {
        self.notify.notify_waiters();
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(30))
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).busy_timeout(Duration::from_secs(10)).statement_cache_capacity(300)
}
