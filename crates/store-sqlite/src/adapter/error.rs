//! From what SQLite says to what a caller does about it.

use lodeman_store::StoreError;

/// Primary result codes of SQLite, "Result and Error Codes".
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;

pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(BUSY | LOCKED) => StoreError::Busy(error.into()),
        Some(FULL) => StoreError::Full(error.into()),
        Some(CORRUPT | NOT_A_DATABASE) => {
            StoreError::Corrupt { what: "database", message: error.to_string() }
        }
        _ if matches!(error, sqlx::Error::PoolTimedOut) => StoreError::Busy(error.into()),
        _ => StoreError::Failed(error.into()),
    }
}

/// A unique key or a foreign key stood in the way: the guard on `what` does not hold.
pub(crate) fn conflict_on(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::Database(db) if db.is_unique_violation() => StoreError::Conflict { what },
        _ => store_error(error),
    }
}

/// As [`conflict_on`], where a foreign key that is violated means that there is no such account.
pub(crate) fn conflict_of_account(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::Database(db) if db.is_foreign_key_violation() => StoreError::Conflict { what: "user" },
        _ => conflict_on(what)(error),
    }
}

/// At the end of a transaction, foreign keys are all that can still be violated.
pub(crate) fn commit_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(db) if db.is_foreign_key_violation() => {
            StoreError::Conflict { what: "operation" }
        }
        _ => store_error(error),
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(db) = error else { return None };
    // The low byte of an extended code is the primary one.
    db.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
