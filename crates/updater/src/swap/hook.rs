//! The hooks around a swap: which one runs, run at most once, and told.
//!
//! Before the update a hook runs in the old container, while nothing of it is changed yet and without the
//! right to have a container down; after it in the accepted replacement. Its intent is in the journal
//! before the engine is asked and is never repeated: what became of a hook that was cut off is not known.
//! What it writes may be secret, so it is kept sealed and reaches neither history nor log.

mod run_one;

use lodeman_domain::container::{ContainerId, Labels, RunState};
use lodeman_domain::event::EventKind;
use lodeman_domain::hook::{
    Hook, HookKey, HookPhase, HookReport, HookSource, HookVerdict, LONGEST_HOOK_TIMEOUT, OnFailure,
};
use lodeman_domain::label::read_labels;
use lodeman_domain::update::{OperationKind, Phase, Step, StepOutcome, StepRecord};
use lodeman_store::{StoreError, Write};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::perform::{Halt, Run};
use run_one::run_one;

/// Why an update ended that its hook asked to be put off.
pub(crate) const PUT_OFF: &str = "its pre-update hook asked for the update to be put off (exit code 75)";

/// Why an update ended whose process ended while its hook ran.
const INTERRUPTED: &str = "interrupted while its pre-update hook ran; what became of the hook is not known";

/// A hook that is to run, and where it comes from.
struct Chosen {
    hook: Hook,
    source: HookSource,
}

/// The hook of a phase: one that a person stored, else the one that the labels state.
async fn choose(run: &Run, phase: HookPhase, labels: &Labels) -> Result<Option<Chosen>, StoreError> {
    let op = &run.journal.op;
    if !run.deps.swap.hooks_enabled || op.kind != OperationKind::Update {
        return Ok(None);
    }
    let key = HookKey { host: op.host.clone(), name: op.canonical_name.to_string() };
    let stored = run.deps.store.list_hooks(&key).await?.into_iter().find(|set| set.phase == phase);
    if let Some(stored) = stored {
        // It is stored as it was asked for, however long that is.
        let timeout = stored.hook.timeout.min(LONGEST_HOOK_TIMEOUT);
        let hook = Hook { timeout, ..stored.hook };
        return Ok(Some(Chosen { hook, source: HookSource::Stored }));
    }
    if !run.deps.swap.labels_are_trusted {
        return Ok(None);
    }
    let hints = read_labels(labels);
    let hint = match phase {
        HookPhase::PreUpdate => hints.pre_update,
        HookPhase::PostUpdate => hints.post_update,
    };
    Ok(hint.map(|hint| Chosen { hook: hint.value, source: HookSource::Label }))
}

/// Step 7: runs the hook before the update in the old container. An error ends the update.
pub(super) async fn before(run: &mut Run, labels: &Labels, stopping: &CancellationToken) -> Result<(), Halt> {
    let failed = |reason: String| Halt::Failed { step: Step::PreHook, reason, gone: false };
    let chosen = choose(run, HookPhase::PreUpdate, labels).await;
    let chosen = chosen.map_err(|error| failed(format!("its hooks cannot be read: {error}")))?;
    let Some(Chosen { hook, source }) = chosen else { return Ok(()) };
    if stopping.is_cancelled() {
        return Err(Halt::Stopping);
    }
    let id = run.journal.op.old_id.clone();
    let found = run.deps.engine.inspect_container(&id).await;
    if found.is_ok_and(|found| found.state() == Some(RunState::Restarting)) {
        run.tell(run.journal.op.phase, "no pre-update hook: the container is between two starts");
        return Ok(());
    }
    let report = run_one(run, Step::PreHook, HookPhase::PreUpdate, source, &hook, &id, stopping).await?;
    match report.verdict {
        HookVerdict::Done => Ok(()),
        HookVerdict::Skip => {
            run.journal.change(|op| op.skipped_by_hook = true);
            Err(failed(PUT_OFF.to_owned()))
        }
        _ if stopping.is_cancelled() => Err(Halt::Stopping),
        // One whose end is not known may run yet, or have done half of its work: nothing is built on that.
        _ if report.verdict != HookVerdict::Unknown && hook.on_failure == OnFailure::Continue => Ok(()),
        _ => Err(Halt::Failed {
            step: Step::PreHook,
            reason: format!("its pre-update hook failed: {}", report.detail),
            gone: is_gone(run, &id).await,
        }),
    }
}

async fn is_gone(run: &Run, id: &ContainerId) -> bool {
    run.deps.engine.inspect_container(id).await.is_err_and(|error| error.is_not_found())
}

/// Whether a hook is to run once the replacement is accepted.
pub(super) async fn is_due(run: &Run) -> bool {
    if !run.journal.op.old_running || !run.deps.swap.hooks_enabled {
        return false;
    }
    // Where it cannot be told now it is asked again later.
    let Some(labels) = labels_of_new(run).await else { return true };
    choose(run, HookPhase::PostUpdate, &labels).await.map_or(true, |chosen| chosen.is_some())
}

async fn labels_of_new(run: &Run) -> Option<Labels> {
    let id = run.journal.op.new_id.as_ref()?;
    Some(run.deps.engine.inspect_container(id).await.ok()?.labels())
}

/// Step 15: runs the hook after the update, if that is still to be done. The update stands whatever comes
/// of it.
pub(crate) async fn after(run: &mut Run, stopping: &CancellationToken) {
    if !run.journal.op.post_hook_due || run.journal.op.phase != Phase::Committed || stopping.is_cancelled() {
        return;
    }
    if let Err(halt) = try_after(run, stopping).await {
        tracing::warn!(operation = %run.journal.op.id, "the post-update hook is left to recovery: {halt}");
    }
}

async fn try_after(run: &mut Run, stopping: &CancellationToken) -> Result<(), Halt> {
    let lost = Halt::EngineLost { step: Step::PostHook };
    let Some(id) = run.journal.op.new_id.clone() else { return Ok(()) };
    let Some(labels) = labels_of_new(run).await else { return Err(lost) };
    let chosen = choose(run, HookPhase::PostUpdate, &labels).await?;
    // Durable with the intent, so that it is never begun twice.
    run.journal.change(|op| op.post_hook_due = false);
    let Some(Chosen { hook, source }) = chosen else { return Ok(run.journal.flush().await?) };
    run_one(run, Step::PostHook, HookPhase::PostUpdate, source, &hook, &id, stopping).await?;
    Ok(())
}

/// What became of a hook during which the process ended is not known, and it is not run again.
pub(crate) fn settle(run: &mut Run, steps: &[StepRecord]) {
    for step in steps.iter().filter(|step| step.outcome.is_none()) {
        let phase = match step.step {
            Step::PreHook => HookPhase::PreUpdate,
            Step::PostHook => HookPhase::PostUpdate,
            _ => continue,
        };
        if phase == HookPhase::PreUpdate {
            run.journal.change(|op| op.reason = Some(INTERRUPTED.to_owned()));
        }
        run.journal.settle(step.seq, StepOutcome::Unknown, json!("settled by recovery"));
        let name = &run.journal.op.canonical_name;
        let message = format!(
            "the {phase} hook of {name}: it was cut off, what became of it is not known; it is not run again"
        );
        tell(run, phase, HookVerdict::Unknown, None, &message);
    }
}

/// Why recovery gives an update up.
pub(crate) fn interruption(run: &Run) -> String {
    let op = &run.journal.op;
    if op.skipped_by_hook {
        return PUT_OFF.to_owned();
    }
    op.reason.clone().filter(|reason| reason == INTERRUPTED).unwrap_or_else(|| "interrupted".to_owned())
}

/// Adds the event that tells of a hook.
fn tell(run: &mut Run, phase: HookPhase, verdict: HookVerdict, exit_code: Option<i64>, message: &str) {
    let data = json!({ "hook": phase, "verdict": verdict, "exit_code": exit_code });
    let event = run.journal.event(EventKind::HookEnded, message, data);
    run.journal.also(Write::AppendEvent(event));
}

/// In words, without anything that the hook wrote.
fn sentence(run: &Run, report: &HookReport) -> String {
    format!("the {} hook of {}: {}", report.phase, run.journal.op.canonical_name, report.detail)
}
