//! The drivers: lease, decide, do one thing, commit.
