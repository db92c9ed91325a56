//! Dropping what has outlived its use.

use lodeman_domain::queue::QueueState;
use lodeman_domain::update::Phase;

use super::{commit, sample};
use crate::{SpecKind, Store, Write};

/// Open operations, current entries, what a rollback needs, and everything young stay.
pub async fn a_sweep_drops_only_what_is_over_and_old(store: &dyn Store) {
    let op = |n: u64, name: &str, phase, updated| {
        let mut op = sample::operation(n, name);
        (op.phase, op.updated_at) = (phase, sample::at(updated));
        op
    };
    let old = op(1, "old", Phase::Cleaned, 10);
    let young = op(2, "young", Phase::RolledBack, 200);
    let held = op(3, "held", Phase::Held, 10);
    let kept = op(4, "kept", Phase::Cleaned, 10);
    let mut writes = Vec::new();
    for op in [&old, &young, &held, &kept] {
        writes.push(Write::InsertOperation(Box::new(op.clone())));
        writes.push(Write::InsertIntent(sample::step(op, 1)));
        writes.push(Write::PutSpec(sample::spec(op, SpecKind::Old, "secret")));
    }
    writes.push(Write::PutRollbackPoint(sample::rollback_point(&kept, 10)));
    let mut done = sample::entry(10, "old");
    done.state = QueueState::Done;
    let waiting = sample::entry(11, "held");
    for entry in [&done, &waiting] {
        writes.push(Write::InsertQueueEntry(Box::new(entry.clone())));
    }
    for seconds in [10, 200] {
        writes.push(Write::AppendHistory(sample::history("old", seconds)));
        writes.push(Write::AppendEvent(sample::event("old", seconds)));
    }
    commit(store, writes).await;

    let dropped = store.sweep(sample::at(100)).await.expect("a sweep");
    assert_eq!(dropped, 4, "an operation, an entry, a row of history and an event");
    assert_eq!(store.find_operation(old.id).await.expect("a read"), None);
    assert_eq!(store.list_steps(old.id).await.expect("a read"), []);
    assert!(store.find_spec(old.id, SpecKind::Old).await.expect("a read").is_none());
    for op in [young, held, kept] {
        let spec = store.find_spec(op.id, SpecKind::Old).await.expect("a read");
        assert!(spec.is_some(), "{} stays", op.canonical_name);
        assert_eq!(store.list_steps(op.id).await.expect("a read").len(), 1);
        assert_eq!(store.find_operation(op.id).await.expect("a read"), Some(op));
    }
    assert_eq!(store.list_queue().await.expect("a read"), [waiting]);
    assert_eq!(store.list_history(None, None, 10).await.expect("a read").len(), 1);
    assert_eq!(store.list_events(0, 10).await.expect("a read").len(), 1);
    assert_eq!(store.sweep(sample::at(100)).await.expect("a sweep"), 0, "once is enough");
}
