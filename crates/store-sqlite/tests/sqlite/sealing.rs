//! Secrets on the medium.

use std::fs;
use std::path::Path;

use lodeman_store::contract::sample;
use lodeman_store::{SpecKind, Store as _, StoreError, Write};
use lodeman_store_sqlite::Sealing;

use crate::common::{open, open_with_key, run, with_spec};

const CANARY: &str = "canary-9f1c55aa-no-one-must-read-this";

fn contains(dir: &Path, needle: &str) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("the entry is there").path();
        if path.is_dir() {
            hits.extend(contains(&path, needle));
        } else if fs::read(&path)
            .expect("the file is readable")
            .windows(needle.len())
            .any(|w| w == needle.as_bytes())
        {
            hits.push(path.display().to_string());
        }
    }
    hits
}

async fn is_sealed(store: &lodeman_store_sqlite::SqliteStore, n: u64) -> bool {
    let found = store.find_spec(sample::operation(n, "any").id, SpecKind::Old).await;
    matches!(found, Err(StoreError::Sealed { what: "spec" }))
}

#[tokio::test]
async fn a_secret_in_a_spec_is_nowhere_in_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", CANARY).await;
    assert_eq!(contains(dir.path(), CANARY), Vec::<String>::new(), "in the log");
    let written = contains(dir.path(), "update_op_spec");
    assert!(!written.is_empty(), "the search does find what is there");
    store.close().await;
    assert_eq!(contains(dir.path(), CANARY), Vec::<String>::new(), "in the database");
}

#[tokio::test]
async fn swapped_ciphertexts_do_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", "one").await;
    with_spec(&store, 2, "db", "two").await;
    store.close().await;
    run(
        dir.path(),
        "CREATE TABLE t AS SELECT op_id, sealed FROM update_op_spec;
        UPDATE update_op_spec SET sealed = (SELECT sealed FROM t WHERE t.op_id <> update_op_spec.op_id);
        DROP TABLE t",
    )
    .await;
    let store = open(dir.path()).await;
    assert_eq!(store.sealing(), &Sealing::Ready);
    assert!(is_sealed(&store, 1).await && is_sealed(&store, 2).await);
    store.close().await;
}

#[tokio::test]
async fn without_its_key_nothing_is_opened_no_second_key_is_made_and_the_rest_works() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", CANARY).await;
    store.close().await;
    let key = dir.path().join("secret.key");
    let elsewhere = dir.path().join("kept");
    fs::rename(&key, &elsewhere).unwrap();

    let store = open(dir.path()).await;
    assert!(!key.exists(), "no second key");
    let Sealing::Unavailable { reason } = store.sealing() else { panic!("it must be told") };
    assert!(reason.contains("secret.key"), "{reason}");
    assert_eq!(store.sealing_problem().as_ref(), Some(reason), "the port says the same");
    assert!(is_sealed(&store, 1).await);
    let mut op = store.list_open_operations().await.unwrap().remove(0);
    op.phase = lodeman_domain::update::Phase::RollingBack;
    store.commit(vec![Write::SaveOperation(Box::new(op.clone()))]).await.expect("recovery can go on");
    let other = sample::operation(2, "db");
    let begin = vec![
        Write::InsertOperation(Box::new(other.clone())),
        Write::PutSpec(sample::spec(&other, SpecKind::Old, "x")),
    ];
    assert!(matches!(store.commit(begin).await, Err(StoreError::Sealed { .. })));
    assert_eq!(store.find_operation(other.id).await.unwrap(), None, "nothing new begins");
    store.close().await;

    fs::rename(&elsewhere, &key).unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.sealing(), &Sealing::Ready);
    assert!(store.find_spec(op.id, SpecKind::Old).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn another_key_is_noticed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with_key(dir.path(), &"1".repeat(64)).await;
    assert_eq!(store.sealing(), &Sealing::Ready);
    with_spec(&store, 1, "web", "one").await;
    store.close().await;
    assert!(!dir.path().join("secret.key").exists(), "a given key is written nowhere");
    for key in ["2".repeat(64), "none".to_owned()] {
        let store = open_with_key(dir.path(), &key).await;
        assert!(matches!(store.sealing(), Sealing::Unavailable { .. }));
        assert!(is_sealed(&store, 1).await);
        store.close().await;
    }
}

#[tokio::test]
async fn a_missing_key_is_made_anew_while_nothing_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.close().await;
    let key = dir.path().join("secret.key");
    let first = fs::read_to_string(&key).unwrap();
    open(dir.path()).await.close().await;
    assert_eq!(fs::read_to_string(&key).unwrap(), first, "a key is kept");
    fs::remove_file(&key).unwrap();
    open(dir.path()).await.close().await;
    assert_ne!(fs::read_to_string(&key).unwrap(), first);
}
