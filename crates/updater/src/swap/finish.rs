//! Recording how an operation ended: row, history, queue, ledger and events in one commit.

use jiff::SignedDuration;
use lodeman_domain::event::{EventKind, HistoryRow, Progress};
use lodeman_domain::queue::QueueState;
use lodeman_domain::update::{OperationId, OperationKind, Outcome, Phase, Recreation};
use lodeman_store::{BadDigest, Override, Write};

use super::SwapReport;
use super::perform::{Halt, Run};
use crate::queue::save;

/// When a failed attempt may be made again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How an operation ends.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
    pub(crate) dark_ms: Option<u64>,
    /// The replacement's image is at fault: its digest is not tried again by itself.
    pub(crate) image_fault: bool,
    /// It was interrupted, not refused: it is tried again.
    pub(crate) interrupted: bool,
    /// The replacement ran with the container's data.
    pub(crate) ran: bool,
}

impl Ending {
    /// The ending that the row's phase stands for.
    pub(crate) fn of(run: &Run) -> Self {
        let op = &run.journal.op;
        let outcome = match op.phase {
            Phase::Committed | Phase::Cleaned if op.kind == OperationKind::Rollback => Outcome::Restored,
            Phase::RolledBack if op.kind == OperationKind::Restart => Outcome::Restarted,
            // An accepted update that a person took back.
            Phase::RolledBack if op.committed_at.is_some() => Outcome::Restored,
            Phase::Committed | Phase::Cleaned if op.old_running => Outcome::Updated,
            Phase::Committed | Phase::Cleaned => Outcome::UpdatedUnproven,
            Phase::RolledBack => Outcome::RolledBack,
            Phase::External => Outcome::External,
            Phase::Aborted if op.skipped_by_hook => Outcome::SkippedByHook,
            Phase::Aborted => Outcome::Aborted,
            _ => Outcome::Held,
        };
        Self {
            outcome,
            reason: match outcome {
                Outcome::Held => op.held_because.clone().or_else(|| op.reason.clone()),
                _ => op.reason.clone(),
            },
            dark_ms: op.dark_ms,
            image_fault: op.image_fault && matches!(outcome, Outcome::RolledBack | Outcome::Restored),
            interrupted: false,
            ran: false,
        }
    }

    /// An operation that stays open, to be taken up again.
    pub(crate) fn open(run: &Run, reason: &str) -> Self {
        Self { outcome: Outcome::Held, reason: Some(reason.to_owned()), ..Self::of(run) }
    }

    pub(crate) fn report(self, operation: OperationId) -> SwapReport {
        SwapReport { operation, outcome: self.outcome, dark_ms: self.dark_ms, reason: self.reason }
    }
}

/// Records `ending`. The row's phase is set by the caller; everything commits together.
pub(crate) async fn finish(run: &mut Run, ending: &Ending) -> Result<(), Halt> {
    if run.journal.op.kind == OperationKind::Restart {
        return finish_restart(run, ending).await;
    }
    let op = run.journal.op.clone();
    let now = run.deps.clock.now();
    let key = run.journal.key();
    if ending.image_fault
        && let Some(manifest) = op.target_manifest.clone()
    {
        run.journal.also(Write::PutBadDigest(BadDigest {
            repository: op.target_reference.repository().clone(),
            manifest,
            index: op.target_digest.clone(),
            tag: op.target_reference.effective_tag(),
            reason: ending.reason.clone().unwrap_or_default(),
            operation: Some(op.id),
            at: now,
        }));
    }
    if matches!(ending.outcome, Outcome::RolledBack | Outcome::Restored)
        && let Some(policy) = run.deps.swap.rollback_policy
    {
        run.journal.also(Write::PutOverride(Override {
            workload: key.clone(),
            policy: policy.to_string(),
            by: "rollback_policy".to_owned(),
            at: now,
        }));
    }
    run.journal.also(Write::AppendHistory(HistoryRow {
        workload: key.clone(),
        at: now,
        operation: Some(op.id),
        outcome: ending.outcome,
        old_reference: op.old_reference.clone(),
        old_image: op.old_image_id.to_string(),
        new_reference: op.target_reference.to_string(),
        new_digest: op.target_digest.as_ref().map(ToString::to_string),
        duration_ms: u64::try_from(now.duration_since(op.created_at).as_millis()).unwrap_or(0),
        dark_ms: ending.dark_ms,
        reason: ending.reason.clone(),
        actor: op.by_person.clone().unwrap_or_else(|| "schedule".to_owned()),
        data_may_have_changed: ending.ran
            && matches!(ending.outcome, Outcome::RolledBack | Outcome::Restored),
    }));
    for write in queue_move(run, ending).await? {
        run.journal.also(write);
    }
    let message = sentence(&op.canonical_name, ending);
    let data = serde_json::json!({
        "outcome": ending.outcome, "reason": ending.reason, "dark_ms": ending.dark_ms,
    });
    let ended = run.journal.event(EventKind::OperationEnded, &message, data.clone());
    run.journal.also(Write::AppendEvent(ended));
    let alert = match &op.recreation {
        _ if ending.outcome == Outcome::Held => Some(message.clone()),
        Some(Recreation { id: Some(_), .. }) => Some(format!(
            "{}: the container as it was could not be started, so it was made anew from its recorded settings",
            op.canonical_name
        )),
        _ => None,
    };
    if let Some(alert) = alert {
        tracing::error!(container.name = %op.canonical_name, operation = %op.id, "{alert}");
        let alert = run.journal.event(EventKind::Alert, &alert, data);
        run.journal.also(Write::AppendEvent(alert));
    }
    run.journal.flush().await?;
    run.journal.patient = false;
    metrics::counter!("lodeman_updates_total", "outcome" => ending.outcome.as_str()).increment(1);
    if let Some(dark) = ending.dark_ms {
        #[expect(clippy::cast_precision_loss, reason = "a downtime in milliseconds is far below 2^52")]
        metrics::histogram!("lodeman_update_downtime_seconds").record(dark as f64 / 1000.0);
    }
    tracing::info!(container.name = %op.canonical_name, operation = %op.id, outcome = %ending.outcome, "{message}");
    run.deps.progress.send(Progress::Ended {
        operation: op.id,
        name: op.canonical_name.to_string(),
        outcome: ending.outcome,
        dark_ms: ending.dark_ms,
        reason: ending.reason.clone(),
    });
    Ok(())
}

/// A restart changes nothing of what a container runs: no history, no queue, no ledger.
async fn finish_restart(run: &mut Run, ending: &Ending) -> Result<(), Halt> {
    let name = run.journal.op.canonical_name.clone();
    let because = ending.reason.as_deref().unwrap_or("it was interrupted");
    let message = match ending.outcome {
        Outcome::Restarted => format!("Container restarted: {name}"),
        _ => format!("restart failed: {because}"),
    };
    tracing::info!(container.name = %name, operation = %run.journal.op.id, outcome = %ending.outcome, "{message}");
    let data = serde_json::json!({ "outcome": ending.outcome, "reason": ending.reason });
    if ending.outcome == Outcome::Held {
        let alert = run.journal.event(EventKind::Alert, &format!("{name}: {message}"), data.clone());
        run.journal.also(Write::AppendEvent(alert));
    }
    let ended = run.journal.event(EventKind::OperationEnded, &message, data);
    run.journal.also(Write::AppendEvent(ended));
    run.journal.flush().await?;
    run.journal.patient = false;
    Ok(())
}

/// Where the queue entry that led here goes, and the word of it.
async fn queue_move(run: &Run, ending: &Ending) -> Result<Vec<Write>, Halt> {
    let entry = run.deps.store.find_queue_entry(&run.journal.key()).await?;
    let Some(entry) = entry.filter(|e| e.operation == Some(run.journal.op.id)) else { return Ok(Vec::new()) };
    if entry.state != QueueState::Running {
        return Ok(Vec::new());
    }
    let now = run.deps.clock.now();
    let mut moved = entry.clone();
    moved.updated_at = now;
    moved.note.clone_from(&ending.reason);
    moved.state = match ending.outcome {
        outcome if outcome.is_accepted() => QueueState::Done,
        Outcome::External => QueueState::Retired,
        // A person's approval stays one; whatever is tried again by itself waits for that.
        Outcome::SkippedByHook if moved.decided_by.is_some() => QueueState::Approved,
        Outcome::SkippedByHook => QueueState::Waiting,
        Outcome::Aborted if ending.interrupted && run.journal.op.by_person.is_none() => QueueState::Approved,
        // A crash brought it back, not the image: it is tried again.
        Outcome::RolledBack
            if !ending.image_fault && run.journal.op.recoveries > 0 && run.journal.op.by_person.is_none() =>
        {
            QueueState::Approved
        }
        _ => QueueState::Failed,
    };
    let is_retried = match moved.state {
        QueueState::Failed => !ending.image_fault,
        _ => ending.outcome == Outcome::SkippedByHook,
    };
    if is_retried {
        moved.retry_at = now.saturating_add(RETRY_AFTER).ok();
    }
    Ok(save(&entry, moved, now))
}

fn sentence(name: &lodeman_domain::container::ContainerName, ending: &Ending) -> String {
    let because = ending.reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
    let down = ending.dark_ms.map(|ms| format!(", down for {ms} ms")).unwrap_or_default();
    match ending.outcome {
        Outcome::Updated => format!("{name} is updated{down}"),
        Outcome::UpdatedUnproven => format!("{name} is exchanged but was not running, so it is not proven"),
        Outcome::Restarted => format!("{name} is restarted{down}"),
        Outcome::Restored => format!("{name} is back at its earlier state{down}"),
        Outcome::RolledBack => format!("{name} is rolled back{down}{because}"),
        Outcome::External => format!("{name} was changed by someone else{because}"),
        Outcome::Aborted => format!("the update of {name} was given up{because}"),
        Outcome::SkippedByHook => format!("the update of {name} was put off{because}"),
        _ => format!("{name} needs a person{because}"),
    }
}
