//! The queue.

use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_domain::update::OperationId;

use super::{commit, refused, sample};
use crate::{Store, Write};

fn save(entry: &QueueEntry, expect_revision: u64, expect_state: QueueState) -> Write {
    Write::SaveQueueEntry { entry: Box::new(entry.clone()), expect_revision, expect_state }
}

/// A second current entry of a container is refused, whichever way it would come to be.
pub async fn a_container_has_one_current_entry(store: &dyn Store) {
    let mut first = sample::entry(1, "web");
    commit(store, vec![Write::InsertQueueEntry(Box::new(first.clone()))]).await;
    let second = sample::entry(2, "web");
    for state in QueueState::ALL.iter().filter(|state| state.is_current()) {
        let before = first.state;
        first.state = *state;
        commit(store, vec![save(&first, 1, before)]).await;
        refused(store, vec![Write::InsertQueueEntry(Box::new(second.clone()))], "queue entry").await;
    }
    let before = first.state;
    first.state = QueueState::Superseded;
    let both = vec![save(&first, 1, before), Write::InsertQueueEntry(Box::new(second.clone()))];
    commit(store, both).await;
    let key = sample::key("web");
    assert_eq!(store.find_queue_entry(&key).await.expect("a read"), Some(second));
    first.state = QueueState::Pending;
    refused(store, vec![save(&first, 1, QueueState::Superseded)], "queue entry").await;
}

/// An approval counts for the revision that was shown, in the state it was shown in.
pub async fn a_decision_on_a_stale_revision_is_a_conflict(store: &dyn Store) {
    let mut entry = sample::entry(1, "web");
    commit(store, vec![Write::InsertQueueEntry(Box::new(entry.clone()))]).await;
    entry.revision = 2;
    entry.target.digest = sample::digest(99);
    entry.target.config = None;
    entry.target.version = None;
    entry.newer_versions = Vec::new();
    entry.updated_at = sample::at(50);
    commit(store, vec![save(&entry, 1, QueueState::Pending)]).await;
    let mut approved = entry.clone();
    approved.state = QueueState::Approved;
    approved.decided_by = Some("ann".into());
    approved.operation = Some(OperationId(sample::uuid(5)));
    approved.note = Some("at once".into());
    approved.retry_at = Some(sample::at(60));
    refused(store, vec![save(&approved, 1, QueueState::Pending)], "queue entry").await;
    refused(store, vec![save(&approved, 2, QueueState::Waiting)], "queue entry").await;
    let key = sample::key("web");
    assert_eq!(store.find_queue_entry(&key).await.expect("a read"), Some(entry));
    commit(store, vec![save(&approved, 2, QueueState::Pending)]).await;
    assert_eq!(store.find_queue_entry(&key).await.expect("a read"), Some(approved));
    let unknown = sample::entry(7, "gone");
    refused(store, vec![save(&unknown, 1, QueueState::Pending)], "queue entry").await;
}

/// By detection, then by name; what is over is not listed.
pub async fn the_queue_is_listed_by_detection(store: &dyn Store) {
    let (late, b, mut a, mut over) =
        (sample::entry(9, "cc"), sample::entry(2, "bb"), sample::entry(3, "aa"), sample::entry(1, "dd"));
    a.detected_at = b.detected_at;
    over.state = QueueState::Done;
    for entry in [&late, &b, &a, &over] {
        commit(store, vec![Write::InsertQueueEntry(Box::new(entry.clone()))]).await;
    }
    assert_eq!(store.list_queue().await.expect("a read"), [a, b, late]);
    assert_eq!(store.find_queue_entry(&over.workload).await.expect("a read"), None);
}
