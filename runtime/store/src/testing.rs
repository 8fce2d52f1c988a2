//! Fresh databases of both engines, for tests of this crate and of others (feature `testing`).
//!
//! PostgreSQL: one cluster for the test process, in a temporary folder, made by the `initdb` and `pg_ctl` on the path. It is
//! migrated once, into a template that each test gets a copy of. A small shell that waits for this process stops it,
//! however the process ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::sync::OnceCell;
use windlass_domain::ports::store::AdminStore;

use crate::{PostgresStore, SqliteStore};

/// What the test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database of the process' cluster.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// An empty, migrated database.
pub struct TestDb {
    /// The store on it.
    pub store: Arc<dyn AdminStore>,
    /// Path of the file, or address of the database: opening it again gives a second store on the same data.
    pub url: String,
    /// For statements that no store would make.
    pub raw: Raw,
    _folder: Option<tempfile::TempDir>,
}

/// A connection past the store.
#[derive(Debug, Clone)]
pub enum Raw {
    /// SQLite.
    Sqlite(SqliteStore),
    /// PostgreSQL.
    Postgres(PostgresStore),
}

impl Raw {
    /// Runs a statement; the database's message when it refuses.
    pub async fn execute(&self, sql: &str) -> Result<u64, String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(store) => sqlx::query(sql).execute(store.pool()).await.map(|done| done.rows_affected()),
            Self::Postgres(store) => sqlx::query(sql).execute(store.pool()).await.map(|done| done.rows_affected()),
        }
        .map_err(|error| error.to_string())
    }

    /// The one integer that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(store) => sqlx::query_scalar(sql).fetch_one(store.pool()).await,
            Self::Postgres(store) => sqlx::query_scalar(sql).fetch_one(store.pool()).await,
        }
        .expect("the query gives one integer")
    }
}

/// An empty, migrated database on an engine.
pub async fn fresh(engine: Engine) -> TestDb {
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let path = folder.path().join("windlass.db");
            let store = SqliteStore::open(&path).await.expect("a new file can be opened");
            let url = path.display().to_string();
            TestDb { store: Arc::new(store.clone()), url, raw: Raw::Sqlite(store), _folder: Some(folder) }
        }
        Engine::Postgres => {
            let url = fresh_postgres().await;
            let store = PostgresStore::connect(&url).await.expect("a new database can be opened");
            TestDb { store: Arc::new(store.clone()), url, raw: Raw::Postgres(store), _folder: None }
        }
    }
}

/// Address of a new database, copied from the migrated template.
pub async fn fresh_postgres() -> String {
    static CLUSTER: OnceCell<PathBuf> = OnceCell::const_new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let folder = CLUSTER.get_or_init(start_cluster).await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    create_database(folder, &format!("CREATE DATABASE {name} TEMPLATE template_windlass")).await;
    address(folder, &name)
}

fn address(folder: &Path, database: &str) -> String {
    format!("postgres://postgres@localhost/{database}?host={}", folder.display())
}

/// Copies of one template are made one after the other by the server: tried until it is this one's turn.
async fn create_database(folder: &Path, sql: &str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(&address(folder, "postgres")).await.expect("the cluster answers");
    let mut tries = 0;
    while let Err(error) = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await {
        tries += 1;
        assert!(tries < 100 && error.to_string().contains("being accessed"), "{sql}: {error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connection.close().await.expect("the connection closes");
}

async fn start_cluster() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("windlass-pg-").tempdir().expect("a temporary folder can be made").keep();
    let data = folder.join("data");
    // PostgreSQL refuses to run as root; a test that runs as root gives the folder to `nobody`.
    let as_other = is_root();
    if as_other {
        run(Command::new("chown").arg("nobody").arg(&folder));
    }
    let command = |program: &str| {
        if as_other {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", program]);
            command
        } else {
            Command::new(program)
        }
    };
    run(command("initdb").args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data));
    let settings = format!("-c listen_addresses= -c max_connections=300 -c unix_socket_directories={}", folder.display());
    run(command("pg_ctl").arg("-D").arg(&data).arg("-l").arg(folder.join("log")).args(["-w", "-o", &settings, "start"]));
    watch(&folder, &data, as_other);
    create_database(&folder, "CREATE DATABASE template_windlass").await;
    PostgresStore::connect(&address(&folder, "template_windlass")).await.expect("the template can be migrated").close().await;
    folder
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id can be run");
    id.stdout.starts_with(b"0\n")
}

fn run(command: &mut Command) {
    // Files and not pipes: the server keeps what it inherits.
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").status();
    let done = done.unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(done.success(), "{command:?} failed: {done}");
}

/// Stops the cluster and removes its folder once this process is gone.
fn watch(folder: &Path, data: &Path, as_other: bool) {
    let stop = if as_other { "setpriv --reuid=nobody --regid=nogroup --clear-groups pg_ctl" } else { "pg_ctl" };
    let script = format!("while kill -0 \"$1\" 2>/dev/null; do sleep 0.2; done; {stop} -D \"$2\" -m immediate stop; rm -rf \"$3\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", &std::process::id().to_string()]).arg(data).arg(folder);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    drop(command.spawn().expect("sh can be run"));
}
