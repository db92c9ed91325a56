//! What every store promises, and that a closed one is found again.

use std::sync::{Arc, Mutex};

use lodeman_domain::queue::QueueState;
use lodeman_domain::update::Phase;
use lodeman_store::contract::{self, sample};
use lodeman_store::{AccountStore as _, AccountWrite, SpecKind, Store, StoreError, Write};
use sqlx::Connection as _;

use crate::common::{open, raw, with_spec};

#[tokio::test]
async fn the_store_keeps_what_every_store_promises() {
    let dirs = Mutex::new(Vec::new());
    contract::all(async || {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        dirs.lock().unwrap().push(dir);
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
    assert!(dirs.lock().unwrap().len() > 20, "each part had a database of its own");
}

#[tokio::test]
async fn everything_is_found_again_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", "s3cret").await;
    let op = sample::operation(1, "web");
    let writes = vec![
        Write::InsertIntent(sample::step(&op, 1)),
        Write::InsertQueueEntry(Box::new(sample::entry(1, "web"))),
        Write::AppendHistory(sample::history("web", 1)),
        Write::AppendEvent(sample::event("web", 1)),
        AccountWrite::InsertFirstUser(sample::user(1, "ann")).into(),
    ];
    store.commit(writes).await.unwrap();
    store.close().await;
    let after = store.commit(vec![Write::DropSetting("x".into())]).await;
    assert!(matches!(after, Err(StoreError::Failed(_))), "a closed store refuses");

    let store = open(dir.path()).await;
    assert_eq!(store.list_open_operations().await.unwrap(), std::slice::from_ref(&op));
    assert_eq!(store.list_steps(op.id).await.unwrap(), [sample::step(&op, 1)]);
    let spec = store.find_spec(op.id, SpecKind::Old).await.unwrap().unwrap();
    assert_eq!(spec.json, sample::spec(&op, SpecKind::Old, "s3cret").json);
    assert_eq!(store.list_queue().await.unwrap(), [sample::entry(1, "web")]);
    assert_eq!(store.list_history(None, None, 9).await.unwrap()[0].row, sample::history("web", 1));
    assert_eq!(store.list_events(0, 9).await.unwrap()[0].event, sample::event("web", 1));
    assert_eq!(store.count_users().await.unwrap(), 1);
    store.close().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_when_the_process_ends_without_closing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    with_spec(&store, 1, "web", "s3cret").await;
    // The files as a kill at this moment leaves them: the log was not yet carried into the database.
    let copy = tempfile::tempdir().unwrap();
    for name in ["lodeman.db", "lodeman.db-wal", "secret.key"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let found = open(copy.path()).await;
    assert_eq!(found.list_open_operations().await.unwrap(), [sample::operation(1, "web")]);
    assert!(found.find_spec(sample::operation(1, "web").id, SpecKind::Old).await.unwrap().is_some());
    found.close().await;
    store.close().await;
}

#[tokio::test]
async fn the_lock_of_record_covers_exactly_what_is_not_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.close().await;
    let mut conn = raw(dir.path()).await;
    let mut index = async |name: &'static str| -> String {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?";
        sqlx::query_scalar(sql).bind(name).fetch_one(&mut conn).await.unwrap()
    };
    let lock = index("update_op_lock_of_record").await;
    for phase in Phase::ALL {
        assert_eq!(lock.contains(&format!("'{phase}'")), phase.is_terminal(), "{phase}");
    }
    let current = index("queue_entry_current").await;
    for state in QueueState::ALL {
        assert_eq!(current.contains(&format!("'{state}'")), state.is_current(), "{state}");
    }
    conn.close().await.unwrap();
}
