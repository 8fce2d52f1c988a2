//! Windlass on SQL: migrations, queries, leases, for SQLite and PostgreSQL.
//!
//! One text of queries (`queries/`) is compiled twice, as a module of [`sqlite`] and as one of [`postgres`]; what differs
//! between the engines is in their `dialect.rs`. A batch of commits is written with one statement per table: its rows go
//! in as one JSON parameter.

#![expect(clippy::duplicate_mod, reason = "the queries are one text, compiled for each engine")]

mod error;
pub mod postgres;
mod schema;
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::OpenError;
pub use postgres::PostgresStore;
pub use schema::{Constraint, constraints};
pub use sqlite::SqliteStore;

/// The schema's first and so far only migration, for SQLite.
pub const SQLITE_SCHEMA: &str = include_str!("../migrations/sqlite/0001_initial.sql");

/// The same for PostgreSQL.
pub const POSTGRES_SCHEMA: &str = include_str!("../migrations/postgres/0001_initial.sql");
