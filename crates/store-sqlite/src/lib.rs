//! The persistence ports over SQLite.
