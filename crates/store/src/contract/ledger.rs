//! History, outbox, ledgers and rollback points.

use lodeman_domain::event::EventKind;
use lodeman_domain::update::Phase;
use serde_json::Value;

use super::{commit, sample};
use crate::{BadDigest, FirstSeen, Store, Write};

/// Newest first, page by page, of one container or of all.
pub async fn history_is_paged_newest_first(store: &dyn Store) {
    for n in 1..=5 {
        let name = if n % 2 == 0 { "db" } else { "web" };
        commit(store, vec![Write::AppendHistory(sample::history(name, n))]).await;
    }
    let mut bare = sample::history("web", 6);
    (bare.operation, bare.new_digest, bare.dark_ms, bare.reason) = (None, None, None, None);
    commit(store, vec![Write::AppendHistory(bare.clone())]).await;
    assert_eq!(store.count_history().await.expect("a read"), 6);
    let page = store.list_history(None, None, 2).await.expect("a read");
    assert_eq!(page[0].row, bare);
    assert_eq!(page[1].row, sample::history("web", 5));
    let next = store.list_history(None, Some(page[1].seq), 2).await.expect("a read");
    let at: Vec<_> = next.iter().map(|h| h.row.at).collect();
    assert_eq!(at, [sample::at(4), sample::at(3)]);
    let of_one = store.list_history(Some(&sample::key("db")), None, 10).await.expect("a read");
    let at: Vec<_> = of_one.iter().map(|h| h.row.at).collect();
    assert_eq!(at, [sample::at(4), sample::at(2)]);
    let before = store.list_history(Some(&sample::key("db")), Some(of_one[0].seq), 10).await.expect("a read");
    assert_eq!(before.len(), 1);
}

/// Oldest first, after any number; a number is not used again once its event was dropped.
pub async fn events_are_numbered_without_gaps_in_order(store: &dyn Store) {
    for n in 1..=3 {
        commit(store, vec![Write::AppendEvent(sample::event("web", n))]).await;
    }
    let all = store.list_events(0, 10).await.expect("a read");
    let expected: Vec<_> = (1..=3).map(|n| sample::event("web", n)).collect();
    assert_eq!(all.iter().map(|e| e.event.clone()).collect::<Vec<_>>(), expected);
    assert!(all.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
    let rest = store.list_events(all[0].seq, 1).await.expect("a read");
    assert_eq!(rest, all[1..2]);
    store.sweep(sample::at(100)).await.expect("a sweep");
    let mut bare = sample::event("web", 101);
    (bare.kind, bare.workload, bare.operation, bare.data) = (EventKind::ScanStarted, None, None, Value::Null);
    commit(store, vec![Write::AppendEvent(bare.clone())]).await;
    let after = store.list_events(0, 10).await.expect("a read");
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].event, bare);
    assert!(after[0].seq > all[2].seq, "numbers are not used again");
}

/// The first reason stays; the block can be lifted; another repository is not concerned.
pub async fn a_blocked_digest_keeps_its_first_reason(store: &dyn Store) {
    let bad = BadDigest {
        repository: sample::repository(),
        manifest: sample::digest(1),
        index: Some(sample::digest(2)),
        tag: Some("1.3".parse().expect("a valid tag")),
        reason: "unhealthy".into(),
        operation: Some(sample::operation(1, "web").id),
        at: sample::at(1),
    };
    let again = BadDigest {
        reason: "another".into(),
        index: None,
        tag: None,
        operation: None,
        at: sample::at(2),
        ..bad.clone()
    };
    commit(store, vec![Write::PutBadDigest(bad.clone())]).await;
    commit(store, vec![Write::PutBadDigest(again.clone())]).await;
    let (repository, manifest) = (&bad.repository, &bad.manifest);
    let found = store.find_bad_digest(repository, manifest).await.expect("a read");
    assert_eq!(found.as_ref(), Some(&bad));
    let mut elsewhere = repository.clone();
    elsewhere.path.push_str("-other");
    assert_eq!(store.find_bad_digest(&elsewhere, manifest).await.expect("a read"), None);
    let other = BadDigest { repository: elsewhere.clone(), ..again };
    commit(store, vec![Write::PutBadDigest(other.clone())]).await;
    assert_eq!(store.list_bad_digests().await.expect("a read"), [bad.clone(), other.clone()]);
    let lift = Write::DropBadDigest { repository: repository.clone(), manifest: manifest.clone() };
    commit(store, vec![lift]).await;
    assert_eq!(store.list_bad_digests().await.expect("a read"), [other]);
}

/// A later sighting changes nothing, an earlier one does.
pub async fn the_earliest_sighting_stays(store: &dyn Store) {
    let seen = |seconds| FirstSeen {
        repository: sample::repository(),
        manifest: sample::digest(1),
        at: sample::at(seconds),
    };
    for (put, stays) in [(10, 10), (20, 10), (5, 5)] {
        commit(store, vec![Write::PutFirstSeen(seen(put))]).await;
        let found = store.find_first_seen(&sample::repository(), &sample::digest(1)).await.expect("a read");
        assert_eq!(found, Some(seen(stays)));
    }
}

/// One for each operation; the newest of a container is the one to go back to.
pub async fn the_newest_rollback_point_of_a_container_is_found(store: &dyn Store) {
    let ops = [sample::operation(1, "web"), sample::operation(2, "web"), sample::operation(3, "db")];
    for mut op in ops.clone() {
        op.phase = Phase::Cleaned;
        commit(store, vec![Write::InsertOperation(Box::new(op))]).await;
    }
    let points: Vec<_> = ops.iter().zip(1..).map(|(op, n)| sample::rollback_point(op, n)).collect();
    for point in &points {
        commit(store, vec![Write::PutRollbackPoint(point.clone())]).await;
    }
    assert_eq!(store.list_rollback_points().await.expect("a read"), points);
    let key = sample::key("web");
    assert_eq!(store.find_rollback_point(&key).await.expect("a read").as_ref(), Some(&points[1]));
    let mut kept = points[1].clone();
    kept.expires_at = sample::at(9_999);
    kept.manifest = None;
    commit(store, vec![Write::PutRollbackPoint(kept.clone())]).await;
    assert_eq!(store.find_rollback_point(&key).await.expect("a read"), Some(kept));
    commit(store, vec![Write::DropRollbackPoint(ops[1].id)]).await;
    assert_eq!(store.find_rollback_point(&key).await.expect("a read").as_ref(), Some(&points[0]));
}
