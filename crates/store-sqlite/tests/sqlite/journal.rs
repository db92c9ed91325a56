//! The journal under load, and when nobody waits for its answer.

use std::sync::Arc;

use lodeman_domain::update::Phase;
use lodeman_store::contract::sample;
use lodeman_store::{Store as _, StoreError, Write};

use crate::common::open;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_begin_at_once_one_gets_the_container() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()).await);
    let tasks: Vec<_> = (1..=20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let op = sample::operation(n, "web");
                store.commit(vec![Write::InsertOperation(Box::new(op))]).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(StoreError::Conflict { what: "lock of record" }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((won, store.list_open_operations().await.unwrap().len()), (1, 1));
    store.close().await;
}

#[tokio::test]
async fn a_commit_whose_caller_went_away_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut op = sample::operation(1, "web");
    store.commit(vec![Write::InsertOperation(Box::new(op.clone()))]).await.unwrap();
    op.phase = Phase::Pulled;
    let writes = vec![Write::SaveOperation(Box::new(op.clone())), Write::InsertIntent(sample::step(&op, 1))];
    {
        let commit = store.commit(writes);
        poll_once(commit).await;
    }
    // The writer serves one after another, so this comes after it.
    store.commit(vec![Write::PutSetting { key: "k".into(), value: "v".into() }]).await.unwrap();
    let phase = store.find_operation(op.id).await.unwrap().unwrap().phase;
    let steps = store.list_steps(op.id).await.unwrap().len();
    assert_eq!((phase, steps), (Phase::Pulled, 1));
    store.close().await;
}

/// Polls a future once, then drops it.
async fn poll_once<T>(future: impl Future<Output = T>) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_reader_sees_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..200 {
        let value = n.to_string();
        store.commit(vec![Write::PutSetting { key: "n".into(), value: value.clone() }]).await.unwrap();
        assert_eq!(store.list_settings().await.unwrap(), [("n".to_owned(), value)]);
    }
    store.close().await;
}
