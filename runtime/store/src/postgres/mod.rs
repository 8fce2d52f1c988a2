//! The store on PostgreSQL: the engine of record, for as many processes as there are.

mod dialect;
#[path = "../queries/mod.rs"]
mod queries;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::error::OpenError;

/// Connections of one process.
const CONNECTIONS: u32 = 10;
/// A transaction that nobody goes on with is ended by the server, well before a lease of 60 s ends (money rule 7).
const IDLE_IN_TRANSACTION_MS: &str = "20000";
/// The channel that tells of work.
const CHANNEL: &str = "windlass_work";

/// A store on PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    notify: Arc<Notify>,
    listener: Arc<Listener>,
}

/// Ends the listening task with the last clone of its store.
#[derive(Debug)]
struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PostgresStore {
    /// Connects and brings the schema up to date. `url` is `postgres://user@host/name`.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Address(without_password(url)))?;
        let options = options
            .application_name("windlass")
            .options([("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS)])
            .statement_cache_capacity(300);
        let name = options.get_database().unwrap_or("postgres").to_owned();
        let connect = |error| OpenError::Connect(name.clone(), error);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options)
            .await
            .map_err(connect)?;
        let migrated = sqlx::migrate!("migrations/postgres").run(&pool).await;
        migrated.map_err(|error| OpenError::from_migrate(&name, error))?;
        let mut listener = PgListener::connect_with(&pool).await.map_err(connect)?;
        listener.listen(CHANNEL).await.map_err(connect)?;
        let notify = Arc::new(Notify::new());
        let task = tokio::spawn(listen(listener, notify.clone()));
        Ok(Self { pool, notify, listener: Arc::new(Listener(task.abort_handle())) })
    }

    /// Told when any process has made work due now. A hint: what is due is known by asking.
    pub fn notify(&self) -> Arc<Notify> {
        self.notify.clone()
    }

    /// Waits until work was made due, at most so long. A hint, as [`PostgresStore::notify`].
    pub async fn wait_for_work(&self, at_most_ms: u64) {
        let _timed_out = tokio::time::timeout(Duration::from_millis(at_most_ms), self.notify.notified()).await;
    }

    /// The connections: for tests and for maintenance.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes every connection, once what is under way has ended.
    pub async fn close(&self) {
        self.listener.0.abort();
        self.pool.close().await;
    }

    fn reader(&self) -> &PgPool {
        &self.pool
    }

    fn writer(&self) -> &PgPool {
        &self.pool
    }

    /// After the commit, and not in it: commits that notify wait for each other.
    async fn work_was_made(&self) {
        self.notify.notify_waiters();
        if let Err(error) = sqlx::query("NOTIFY windlass_work").execute(&self.pool).await {
            tracing::warn!(error = %error, "other processes could not be told of work; they find it when they ask");
        }
    }
}

/// Passes notifications on; a connection that was lost is made again by the listener.
async fn listen(mut listener: PgListener, notify: Arc<Notify>) {
    loop {
        match listener.recv().await {
            Ok(_) => notify.notify_waiters(),
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::warn!(error = %error, "listening for work failed; it is found by asking meanwhile");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// For messages: an address without what stands between `:` and `@`.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        _ => url.to_owned(),
    }
}
