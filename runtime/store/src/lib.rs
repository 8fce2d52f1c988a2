//! Windlass on SQL: migrations, queries, leases, for SQLite and PostgreSQL.
