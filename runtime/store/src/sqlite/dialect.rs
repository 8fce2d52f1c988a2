//! What SQLite says differently.

use std::collections::HashMap;
use std::sync::OnceLock;

use sqlx::error::DatabaseError;

use super::SqliteStore;
use crate::schema::constraints;

/// The engine.
pub(super) type Db = sqlx::Sqlite;
/// The store of this engine.
pub(super) type Store = SqliteStore;

/// The rows of parameter 1, a JSON array, as a table with the one column `value`.
pub(super) const ITEMS: &str = "(SELECT value FROM json_each($1)) AS items";
/// The database's clock, in milliseconds.
pub(super) const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
/// Locks chosen rows of `work`: nothing to do, since one connection writes.
pub(super) const LOCK_WORK: &str = "";
/// Locks the chosen rows: nothing to do either.
pub(super) const LOCK: &str = "";
/// 32 random hex digits.
pub(super) const RANDOM: &str = "lower(hex(randomblob(16)))";
/// Begins a transaction that is going to write: one that reads first fails at once (517) where another has written since.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// The name of the constraint that refused, as the schema has it.
pub(super) fn constraint(error: &dyn DatabaseError) -> Option<String> {
    let message = error.message();
    if let Some(columns) = message.strip_prefix("UNIQUE constraint failed: ") {
        return Some(unique().get(columns).cloned().unwrap_or_else(|| columns.to_owned()));
    }
    if let Some(name) = message.strip_prefix("CHECK constraint failed: ") {
        return Some(name.to_owned());
    }
    if let Some(column) = message.strip_prefix("NOT NULL constraint failed: ") {
        return Some(format!("{}_not_null", column.replace('.', "_")));
    }
    if message.starts_with("FOREIGN KEY constraint failed") {
        return Some("foreign_key".to_owned());
    }
    message.ends_with("_append_only").then(|| message.to_owned())
}

/// May the same be tried again at once? (5 and 6, busy and locked, whatever their extension.)
pub(super) fn is_transient(error: &dyn DatabaseError) -> bool {
    let code: i64 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    matches!(code & 0xff, 5 | 6)
}

/// `table.a, table.b` of each unique constraint, and its name.
fn unique() -> &'static HashMap<String, String> {
    static NAMES: OnceLock<HashMap<String, String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let all = constraints(crate::SQLITE_SCHEMA).into_iter().filter(crate::Constraint::is_unique);
        all.map(|one| {
            let columns: Vec<String> = one.columns.iter().map(|column| format!("{}.{column}", one.table)).collect();
            (columns.join(", "), one.name)
        })
        .collect()
    })
}
