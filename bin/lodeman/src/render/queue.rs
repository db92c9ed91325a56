//! What waits to be applied.

use lodeman_domain::queue::{QueueEntry, QueueState};

use super::{Cell, Paint, Table, View, plain, short_digest, time, when};

/// The queue.
pub fn queue(view: &View, entries: &[QueueEntry]) -> String {
    if entries.is_empty() {
        return "Nothing waits.\n".to_owned();
    }
    let mut table = Table::new(["NAME", "STATE", "REV", "RUNS", "WOULD RUN", "DIGEST", "FOUND", "NOTE"]);
    for entry in entries {
        let note = match (&entry.note, entry.retry_at) {
            (Some(note), Some(at)) => format!("{note}; again {}", time::relative(view.now, at)),
            (Some(note), None) => note.clone(),
            (None, Some(at)) => format!("again {}", time::relative(view.now, at)),
            (None, None) => String::new(),
        };
        table.push([
            Cell::new(Paint::Strong, entry.workload.name.as_str()),
            Cell::new(state_paint(entry.state), entry.state.as_str()),
            entry.revision.to_string().into(),
            entry.current_reference.as_str().into(),
            entry.target.reference.to_string().into(),
            short_digest(entry.target.digest.as_str()).into(),
            time::relative(view.now, entry.detected_at).into(),
            note.into(),
        ]);
    }
    table.render(view.style)
}

fn state_paint(state: QueueState) -> Paint {
    match state {
        QueueState::Pending | QueueState::Waiting => Paint::Warning,
        QueueState::Approved | QueueState::Running | QueueState::Done => Paint::Good,
        QueueState::Failed => Paint::Bad,
        _ => Paint::Faint,
    }
}

/// What was decided on one entry.
pub fn decided(view: &View, entry: &QueueEntry) -> String {
    let name = view.style.paint(Paint::Strong, entry.workload.name.as_str());
    let target = plain(&entry.target.reference.to_string());
    let digest = short_digest(entry.target.digest.as_str());
    let what = match entry.state {
        QueueState::Rejected => "is rejected, until something newer appears",
        QueueState::Ignored => "is never offered again",
        other => other.as_str(),
    };
    let found = when(view, entry.detected_at);
    format!("{name}: {target} ({digest}, found {found}) {what}.\n")
}
