//! The queue: how a decision moves a container's entry, and what a person may do with it.

use jiff::Timestamp;
use lodeman_domain::clock::IdSource;
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::explain::{Action, Verdict};
use lodeman_domain::image::Tag;
use lodeman_domain::queue::{QueueEntry, QueueState, Target};
use lodeman_store::Write;

use crate::decide::Decision;
use crate::subject::Subject;

/// The writes that bring a container's queue entry in line with what was decided about it.
///
/// An entry that a person approved, or that is being applied, is left alone: what was approved is
/// what is installed, whatever was found since.
#[must_use]
pub fn follow(
    subject: &Subject,
    decision: &Decision,
    newer: &[Tag],
    entry: Option<&QueueEntry>,
    ids: &dyn IdSource,
    now: Timestamp,
) -> Vec<Write> {
    if entry.is_some_and(is_settled_by_person) {
        return Vec::new();
    }
    match &decision.verdict {
        Verdict::Unknown => Vec::new(),
        Verdict::UpToDate | Verdict::NotApplicable => entry.map(|e| retire(e, now)).unwrap_or_default(),
        Verdict::UpdateAvailable { target, action } => {
            let wanted = match action {
                Action::Apply => Some(QueueState::Approved),
                Action::Ask => Some(QueueState::Pending),
                Action::Wait => Some(QueueState::Waiting),
                Action::PullOnly | Action::Tell => None,
            };
            match (entry, wanted) {
                (Some(entry), wanted) if is_same(&entry.target, target) => {
                    keep(entry, wanted, target, decision, newer, now)
                }
                (entry, Some(state)) => replace(subject, entry, target, state, decision, newer, ids, now),
                // Told only: a rejected or failed entry keeps its memory, anything else has no use.
                (Some(entry), None) => retire(entry, now),
                (None, None) => Vec::new(),
            }
        }
    }
}

/// Whether an entry must not be moved by a scan.
fn is_settled_by_person(entry: &QueueEntry) -> bool {
    entry.state == QueueState::Running || (entry.state == QueueState::Approved && entry.decided_by.is_some())
}

fn is_same(a: &Target, b: &Target) -> bool {
    a.manifest == b.manifest && a.reference == b.reference
}

fn note(decision: &Decision) -> Option<String> {
    decision.reasons.first().map(|r| r.detail.clone())
}

fn keep(
    entry: &QueueEntry,
    wanted: Option<QueueState>,
    target: &Target,
    decision: &Decision,
    newer: &[Tag],
    now: Timestamp,
) -> Vec<Write> {
    let mut moved = entry.clone();
    moved.target = target.clone();
    moved.newer_versions = newer.to_vec();
    match (entry.state, wanted) {
        // A no, or a failure, is remembered until something newer appears or its time is over.
        (QueueState::Rejected, _)
        | (QueueState::Failed, None | Some(QueueState::Waiting | QueueState::Pending)) => {}
        (_, Some(state)) => {
            moved.state = state;
            moved.retry_at = if state == QueueState::Waiting { decision.next_at } else { None };
            moved.note = if state == QueueState::Waiting { note(decision) } else { None };
        }
        (_, None) => return retire(entry, now),
    }
    if moved == *entry {
        return Vec::new();
    }
    moved.updated_at = now;
    save(entry, moved, now)
}

#[expect(clippy::too_many_arguments, reason = "each is a fact of the new row")]
fn replace(
    subject: &Subject,
    old: Option<&QueueEntry>,
    target: &Target,
    state: QueueState,
    decision: &Decision,
    newer: &[Tag],
    ids: &dyn IdSource,
    now: Timestamp,
) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some(old) = old {
        let superseded = QueueEntry { state: QueueState::Superseded, updated_at: now, ..old.clone() };
        writes.push(Write::SaveQueueEntry {
            entry: Box::new(superseded),
            expect_revision: old.revision,
            expect_state: old.state,
        });
    }
    let Some(current_image) = subject.image_id.clone() else { return Vec::new() };
    let entry = QueueEntry {
        id: ids.next(),
        workload: subject.key.clone(),
        revision: old.map_or(1, |o| o.revision + 1),
        state,
        current_reference: subject.written.clone(),
        current_image,
        target: target.clone(),
        newer_versions: newer.to_vec(),
        detected_at: now,
        updated_at: now,
        decided_by: None,
        operation: None,
        note: if state == QueueState::Waiting { note(decision) } else { None },
        retry_at: if state == QueueState::Waiting { decision.next_at } else { None },
    };
    let message = format!("an update of {} exists: {}", subject.key.name, target.reference);
    let data = serde_json::json!({ "state": state, "revision": entry.revision, "digest": target.digest });
    writes.push(Write::InsertQueueEntry(Box::new(entry.clone())));
    writes.push(Write::AppendEvent(Event {
        kind: EventKind::UpdateAvailable,
        at: now,
        workload: Some(entry.workload),
        operation: None,
        message,
        data,
    }));
    writes
}

fn retire(entry: &QueueEntry, now: Timestamp) -> Vec<Write> {
    // What a person or a failure said is remembered as long as the same thing is on offer.
    let retired = QueueEntry { state: QueueState::Retired, updated_at: now, ..entry.clone() };
    save(entry, retired, now)
}

/// The writes that put `entry` in the place of `was`, and tell of it.
pub(crate) fn save(was: &QueueEntry, entry: QueueEntry, now: Timestamp) -> Vec<Write> {
    let event = Event {
        kind: EventKind::QueueChanged,
        at: now,
        workload: Some(entry.workload.clone()),
        operation: entry.operation,
        message: format!("the update of {} is {}", entry.workload.name, entry.state),
        data: serde_json::json!({ "state": entry.state, "revision": entry.revision }),
    };
    vec![
        Write::SaveQueueEntry {
            entry: Box::new(entry),
            expect_revision: was.revision,
            expect_state: was.state,
        },
        Write::AppendEvent(event),
    ]
}
