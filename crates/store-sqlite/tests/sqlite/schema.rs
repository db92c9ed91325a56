//! Versions of the schema, and databases that are none.

use std::fs;

use lodeman_store::Store as _;
use lodeman_store_sqlite::OpenError;

use crate::common::{open, open_error, run, with_spec};

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.close().await;
    run(
        dir.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .await;
    let before = fs::read(dir.path().join("lodeman.db")).unwrap();
    let error = open_error(dir.path()).await;
    assert!(matches!(error, OpenError::NewerSchema { found: 9999, .. }), "{error}");
    assert!(error.to_string().contains("9999"));
    assert!(fs::read(dir.path().join("lodeman.db")).unwrap() == before, "nothing was changed");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lodeman.db");
    fs::write(&file, "these are notes, not tables; ".repeat(200)).unwrap();
    let error = open_error(dir.path()).await;
    assert!(matches!(error, OpenError::Database(_)), "{error}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("these are notes"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", "s3cret").await;
    with_spec(&store, 2, "db", "s3cret").await;
    store.close().await;
    run(dir.path(), "UPDATE update_op SET format = 99, phase = 'teleported' WHERE canonical_name = 'web'")
        .await;
    let store = open(dir.path()).await;
    let open_now = store.list_open_operations().await.unwrap();
    assert_eq!(open_now.len(), 1, "an operation of a newer version is not ours to touch");
    assert_eq!(open_now[0].canonical_name.as_str(), "db");
    let again = lodeman_store::contract::sample::operation(3, "web");
    let taken = store.commit(vec![lodeman_store::Write::InsertOperation(Box::new(again))]).await;
    assert!(taken.is_err(), "its lock of record holds all the same");
    store.close().await;
    run(dir.path(), "UPDATE update_op SET format = 1 WHERE canonical_name = 'web'").await;
    let store = open(dir.path()).await;
    let error = store.list_open_operations().await.unwrap_err();
    assert!(error.to_string().contains("teleported"), "{error}");
    store.close().await;
}
