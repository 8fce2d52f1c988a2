//! What PostgreSQL says differently.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

use super::PostgresStore;

/// The engine.
pub(super) type Db = sqlx::Postgres;
/// The store of this engine.
pub(super) type Store = PostgresStore;

/// The rows of parameter 1, a JSON array, as a table with the one column `value`.
pub(super) const ITEMS: &str = "(SELECT value FROM json_array_elements($1::json)) AS items";
/// The database's clock, in milliseconds.
pub(super) const NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
/// Locks chosen rows of `work`, and leaves those out that another claimer has.
pub(super) const LOCK_WORK: &str = "FOR UPDATE OF work SKIP LOCKED";
/// Locks the chosen rows against each other; rows that refer to them can still be written.
pub(super) const LOCK: &str = "FOR NO KEY UPDATE";
/// 32 random hex digits.
pub(super) const RANDOM: &str = "replace(CAST(gen_random_uuid() AS TEXT), '-', '')";
/// Begins a transaction that is going to write.
pub(super) const BEGIN: &str = "BEGIN";

/// The name of the constraint that refused, as the schema has it; foreign keys and missing values as SQLite tells them.
pub(super) fn constraint(error: &dyn DatabaseError) -> Option<String> {
    match error.code().as_deref() {
        Some("23502") => {
            let error = error.downcast_ref::<PgDatabaseError>();
            Some(format!("{}_{}_not_null", error.table().unwrap_or_default(), error.column().unwrap_or_default()))
        }
        Some("23503") => Some("foreign_key".to_owned()),
        // A value out of its column's range, or a text that is not one.
        Some(code) if code.starts_with("22") => Some("data_exception".to_owned()),
        _ => error.constraint().map(ToOwned::to_owned),
    }
}

/// May the same be tried again at once? (Serialization failure, deadlock, lock not available.)
pub(super) fn is_transient(error: &dyn DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03"))
}
