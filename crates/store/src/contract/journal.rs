//! The update journal.

use lodeman_domain::update::{Direction, Phase, StepOutcome};
use serde_json::json;

use super::{commit, refused, sample};
use crate::{SpecKind, Store, Write};

/// The lock of record: while an operation is open, held ones included, no other begins on its container.
pub async fn only_one_open_operation_owns_a_container(store: &dyn Store) {
    let mut first = sample::operation(1, "web");
    commit(store, vec![Write::InsertOperation(Box::new(first.clone()))]).await;
    let second = || Write::InsertOperation(Box::new(sample::operation(2, "web")));
    for phase in Phase::ALL.iter().filter(|phase| !phase.is_terminal()) {
        first.phase = *phase;
        commit(store, vec![Write::SaveOperation(Box::new(first.clone()))]).await;
        first.version += 1;
        refused(store, vec![second()], "lock of record").await;
        let found = store.find_open_operation(&sample::key("web")).await.expect("a read");
        assert_eq!(found.as_ref(), Some(&first), "in phase {phase}");
    }
    let other = sample::operation(3, "db");
    commit(store, vec![Write::InsertOperation(Box::new(other.clone()))]).await;
    let open = store.list_open_operations().await.expect("a read");
    assert_eq!(open, [first.clone(), other.clone()], "another container is free, the oldest comes first");
    let again = Write::InsertOperation(Box::new(first.clone()));
    refused(store, vec![again], "operation").await;
    first.phase = Phase::RolledBack;
    commit(store, vec![Write::SaveOperation(Box::new(first.clone()))]).await;
    commit(store, vec![second()]).await;
    let open: Vec<_> = store.list_open_operations().await.expect("a read").iter().map(|op| op.id).collect();
    assert_eq!(open, [sample::operation(2, "web").id, other.id]);
    // An ended operation can be taken up again only while nobody else has its container.
    first.version += 1;
    first.phase = Phase::Held;
    refused(store, vec![Write::SaveOperation(Box::new(first))], "lock of record").await;
}

/// Every field survives, whether it is decided at once or later.
pub async fn a_saved_operation_is_read_back_whole(store: &dyn Store) {
    let mut op = sample::operation(1, "web");
    commit(store, vec![Write::InsertOperation(Box::new(op.clone()))]).await;
    assert_eq!(store.find_operation(op.id).await.expect("a read"), Some(op.clone()));
    op.phase = Phase::RollingBack;
    op.direction = Direction::Back;
    op.target_image_id = Some(sample::digest(7));
    op.image_was_new = true;
    op.new_id = Some(sample::container_id(8));
    op.new_plan_hash = Some("plan".into());
    op.validate_used_ms = 1_234;
    op.restarted_after_explained_exit = true;
    op.recoveries = 2;
    op.reason = Some("unhealthy: \"quoted\", ünïcode".into());
    op.dark_ms = Some(987);
    op.updated_at = sample::at(5);
    op.committed_at = Some(sample::at(4));
    commit(store, vec![Write::SaveOperation(Box::new(op.clone()))]).await;
    op.version = 1;
    assert_eq!(store.find_operation(op.id).await.expect("a read"), Some(op));
}

/// Of two who read the same row, the second to save it is refused.
pub async fn the_loser_of_a_race_for_a_row_is_told(store: &dyn Store) {
    let op = sample::operation(1, "web");
    commit(store, vec![Write::InsertOperation(Box::new(op.clone()))]).await;
    let (mut winner, mut loser) = (op.clone(), op.clone());
    winner.phase = Phase::Pulled;
    loser.phase = Phase::Aborted;
    commit(store, vec![Write::SaveOperation(Box::new(winner))]).await;
    refused(store, vec![Write::SaveOperation(Box::new(loser))], "operation").await;
    let stored = store.find_operation(op.id).await.expect("a read").expect("it is there");
    assert_eq!((stored.phase, stored.version), (Phase::Pulled, 1));
    let unknown = sample::operation(9, "gone");
    refused(store, vec![Write::SaveOperation(Box::new(unknown))], "operation").await;
}

/// The short id in a container's name leads to its operation, terminal or not, by host.
pub async fn a_short_id_finds_the_latest_operation(store: &dyn Store) {
    let mut first = sample::operation(1, "web");
    first.phase = Phase::Cleaned;
    let mut later = sample::operation(1 | 1 << 40, "web");
    later.phase = Phase::Aborted;
    assert_eq!(first.id.op8(), later.id.op8(), "the two share their last digits");
    for op in [&first, &later] {
        commit(store, vec![Write::InsertOperation(Box::new(op.clone()))]).await;
    }
    let op8 = first.id.op8();
    let found = store.find_operation_by_op8(&first.host, &op8).await.expect("a read");
    assert_eq!(found, Some(later));
    let elsewhere = lodeman_domain::workload::HostId("elsewhere".into());
    assert_eq!(store.find_operation_by_op8(&elsewhere, &op8).await.expect("a read"), None);
}

/// A settled outcome stands; an unknown one may still be settled.
pub async fn a_step_settles_once_and_an_unknown_one_may_be_settled_later(store: &dyn Store) {
    let op = sample::operation(1, "web");
    let intents = (1..=2).map(|seq| Write::InsertIntent(sample::step(&op, seq)));
    let writes = std::iter::once(Write::InsertOperation(Box::new(op.clone()))).chain(intents);
    commit(store, writes.collect()).await;
    let outcome = |seq, outcome| Write::RecordOutcome {
        op: op.id,
        seq,
        at: sample::at(9),
        outcome,
        observed: json!({ "running": false }),
    };
    commit(store, vec![outcome(1, StepOutcome::Unknown)]).await;
    commit(store, vec![outcome(1, StepOutcome::Ok)]).await;
    refused(store, vec![outcome(1, StepOutcome::Failed)], "step").await;
    refused(store, vec![outcome(3, StepOutcome::Ok)], "step").await;
    let steps = store.list_steps(op.id).await.expect("a read");
    let mut settled = sample::step(&op, 1);
    settled.outcome = Some(StepOutcome::Ok);
    settled.outcome_at = Some(sample::at(9));
    settled.observed = Some(json!({ "running": false }));
    assert_eq!(steps, [settled, sample::step(&op, 2)]);
}

/// Two intents cannot have one number.
pub async fn a_taken_step_number_is_a_conflict(store: &dyn Store) {
    let op = sample::operation(1, "web");
    let intent = || Write::InsertIntent(sample::step(&op, 1));
    commit(store, vec![Write::InsertOperation(Box::new(op.clone())), intent()]).await;
    refused(store, vec![intent()], "step").await;
}

/// Specs come back exactly, large numbers and nulls included; a second of a kind replaces the first.
pub async fn specs_are_read_back_and_dropped(store: &dyn Store) {
    let op = sample::operation(1, "web");
    let old = sample::spec(&op, SpecKind::Old, "one");
    let new = sample::spec(&op, SpecKind::New, "two");
    let newer = sample::spec(&op, SpecKind::New, "three");
    // The order within a list of writes does not matter.
    let writes = vec![Write::PutSpec(old.clone()), Write::InsertOperation(Box::new(op.clone()))];
    commit(store, writes).await;
    commit(store, vec![Write::PutSpec(new)]).await;
    commit(store, vec![Write::PutSpec(newer.clone())]).await;
    let said = sample::spec(&op, SpecKind::LastWords, "four");
    commit(store, vec![Write::PutSpec(said.clone())]).await;
    let found = store.find_spec(op.id, SpecKind::LastWords).await.expect("a read").expect("it is there");
    assert_eq!(found.json, said.json);
    let found = store.find_spec(op.id, SpecKind::Old).await.expect("a read").expect("it is there");
    assert_eq!(found.json, old.json);
    let found = store.find_spec(op.id, SpecKind::New).await.expect("a read").expect("it is there");
    assert_eq!(found.json, newer.json);
    commit(store, vec![Write::DropSpecs(op.id)]).await;
    for kind in [SpecKind::Old, SpecKind::New, SpecKind::LastWords] {
        assert!(store.find_spec(op.id, kind).await.expect("a read").is_none());
    }
    assert!(store.find_operation(op.id).await.expect("a read").is_some(), "the row itself stays");
}

/// What belongs to an operation cannot be without it.
pub async fn steps_and_specs_of_no_operation_are_refused(store: &dyn Store) {
    let op = sample::operation(1, "web");
    refused(store, vec![Write::InsertIntent(sample::step(&op, 1))], "operation").await;
    refused(store, vec![Write::PutSpec(sample::spec(&op, SpecKind::Old, "x"))], "operation").await;
    refused(store, vec![Write::PutRollbackPoint(sample::rollback_point(&op, 1))], "operation").await;
    assert_eq!(store.list_steps(op.id).await.expect("a read"), []);
    assert_eq!(store.list_rollback_points().await.expect("a read"), []);
}
