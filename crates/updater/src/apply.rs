//! Applying queue entries: what was decided is looked at once more, then swapped.

mod batch;

use std::time::Duration;

use lodeman_domain::event::HistoryRow;
use lodeman_domain::label::read_labels;
use lodeman_domain::policy::{ContainerRules, Subject as PolicySubject, container_rules};
use lodeman_domain::queue::{QueueEntry, QueueState, Target};
use lodeman_domain::setting::Settings;
use lodeman_domain::update::{OperationKind, Outcome};
use lodeman_engine::{ContainerInspect, SilentPull};
use lodeman_store::Write;

use crate::control::UpdateSummary;
use crate::queue::save;
use crate::subject::Subject;
use crate::swap::{SpecSource, SwapError, SwapRequest, Swapper};

pub use batch::{Batch, apply_approved};

/// Applies one approved entry. `None` when it has to wait after all.
pub async fn apply(
    swapper: &Swapper,
    settings: &Settings,
    soak: Option<Duration>,
    entry: QueueEntry,
) -> Option<UpdateSummary> {
    try_apply(swapper, settings, soak, entry).await.map(|attempt| attempt.summary)
}

/// What became of an entry.
struct Attempt {
    summary: UpdateSummary,
    /// Whether it should have been applied and was not.
    failed: bool,
}

impl Attempt {
    fn new(summary: UpdateSummary) -> Self {
        // One that put itself off is as good as before.
        let is_fine = |outcome: Outcome| outcome.is_accepted() || outcome == Outcome::SkippedByHook;
        let failed = !summary.outcome.is_some_and(is_fine);
        Self { summary, failed }
    }

    /// Nothing was to be done any more.
    fn moot(summary: UpdateSummary) -> Self {
        Self { summary, failed: false }
    }
}

async fn try_apply(
    swapper: &Swapper,
    settings: &Settings,
    soak: Option<Duration>,
    entry: QueueEntry,
) -> Option<Attempt> {
    let name = entry.workload.name.clone();
    let target = Some(entry.target.reference.to_string());
    let failed = |reason: String| UpdateSummary {
        name: name.clone(),
        operation: None,
        outcome: None,
        target: target.clone(),
        dark_ms: None,
        reason: Some(reason),
    };
    let container = match swapper.deps().engine.find_container(&name).await {
        Ok(Some(container)) => container,
        Ok(None) => {
            settle(swapper, &entry, QueueState::Retired, "the container is gone").await;
            return Some(Attempt::moot(failed("the container is gone".to_owned())));
        }
        Err(error) => return Some(Attempt::new(failed(error.to_string()))),
    };
    if container.image_id().as_ref() != Some(&entry.current_image) {
        settle(swapper, &entry, QueueState::Retired, "the container runs another image meanwhile").await;
        return Some(Attempt::moot(failed("the container runs another image meanwhile".to_owned())));
    }
    let rules = rules(swapper, settings, &container);
    if entry.decided_by.is_none() && !may_act(swapper, settings, &rules) {
        return None;
    }
    // Its hook put it off until then.
    if entry.retry_at.is_some_and(|at| at > swapper.deps().clock.now()) {
        return None;
    }
    let request = SwapRequest {
        key: entry.workload.clone(),
        kind: OperationKind::Update,
        target: entry.target.clone(),
        spec: SpecSource::Derive,
        by: entry.decided_by.clone(),
        grace: Some(rules.grace_period.value),
        soak,
        no_pull: rules.no_pull,
        entry: Some(entry.clone()),
    };
    Some(Attempt::new(match swapper.swap(request).await {
        Ok(report) => UpdateSummary {
            name: name.clone(),
            operation: Some(report.operation),
            outcome: Some(report.outcome),
            target,
            dark_ms: report.dark_ms,
            reason: report.reason,
        },
        Err(error) => {
            if let SwapError::Refused { .. } | SwapError::NotCarried { .. } = &error {
                settle(swapper, &entry, QueueState::Failed, &error.to_string()).await;
                record_refusal(swapper, &entry, &error).await;
            }
            failed(error.to_string())
        }
    }))
}

/// The rules that hold for a container right now; the stored override has no say in how it is applied.
fn rules(swapper: &Swapper, settings: &Settings, container: &ContainerInspect) -> ContainerRules {
    let labels = container.labels();
    let written = container.image_reference();
    let reference = written.parse().ok();
    let subject = PolicySubject {
        name: container.name(),
        host: &swapper.deps().host,
        image: written,
        reference: reference.as_ref(),
        labels: &labels,
    };
    container_rules(None, &subject, &read_labels(&labels), settings)
}

/// What held back an automatic update a moment ago may do so again.
fn may_act(swapper: &Swapper, settings: &Settings, rules: &ContainerRules) -> bool {
    let now = swapper.deps().clock.now();
    !settings.paused && !settings.dry_run && rules.windows.value.is_open(now, settings.time_zone.zone())
}

async fn settle(swapper: &Swapper, entry: &QueueEntry, state: QueueState, note: &str) {
    let now = swapper.deps().clock.now();
    let moved = QueueEntry { state, note: Some(note.to_owned()), updated_at: now, ..entry.clone() };
    if let Err(error) = swapper.deps().store.commit(save(entry, moved, now)).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a queue entry could not be settled");
    }
}

/// An update that was refused before it began is in history all the same.
async fn record_refusal(swapper: &Swapper, entry: &QueueEntry, error: &SwapError) {
    let row = HistoryRow {
        workload: entry.workload.clone(),
        at: swapper.deps().clock.now(),
        operation: None,
        outcome: Outcome::Aborted,
        old_reference: entry.current_reference.clone(),
        old_image: entry.current_image.to_string(),
        new_reference: entry.target.reference.to_string(),
        new_digest: Some(entry.target.digest.to_string()),
        duration_ms: 0,
        dark_ms: None,
        reason: Some(error.to_string()),
        actor: entry.decided_by.clone().unwrap_or_else(|| "schedule".to_owned()),
        data_may_have_changed: false,
    };
    if let Err(error) = swapper.deps().store.commit(vec![Write::AppendHistory(row)]).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "history could not be written");
    }
}

/// Pulls a target without touching the container, once.
pub async fn pull_only(swapper: &Swapper, subject: &Subject, target: &Target) -> UpdateSummary {
    let deps = swapper.deps();
    let mut summary = UpdateSummary {
        name: subject.key.name.clone(),
        operation: None,
        outcome: Some(Outcome::Pulled),
        target: Some(target.reference.to_string()),
        dark_ms: None,
        reason: None,
    };
    if target.already_pulled {
        return summary;
    }
    let (Some(running), Ok(by_digest)) =
        (&subject.running_image, target.reference.at_digest(&target.digest).parse())
    else {
        return summary;
    };
    let _images = swapper.locks().keep_images().await;
    let auth = deps.pull_auth.pull_auth(target.reference.repository()).await;
    let pulled = deps.engine.pull(&by_digest, &running.platform, auth.as_ref(), &SilentPull).await;
    let result = match pulled {
        Ok(()) => point(swapper, target).await.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(reason) = result {
        summary.outcome = None;
        summary.reason = Some(reason);
        return summary;
    }
    let row = HistoryRow {
        workload: subject.key.clone(),
        at: deps.clock.now(),
        operation: None,
        outcome: Outcome::Pulled,
        old_reference: subject.written.clone(),
        old_image: subject.image_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        new_reference: target.reference.to_string(),
        new_digest: Some(target.digest.to_string()),
        duration_ms: 0,
        dark_ms: None,
        reason: None,
        actor: "schedule".to_owned(),
        data_may_have_changed: false,
    };
    if let Err(error) = deps.store.commit(vec![Write::AppendHistory(row)]).await {
        summary.reason = Some(error.to_string());
    }
    summary
}

async fn point(swapper: &Swapper, target: &Target) -> Result<(), lodeman_engine::EngineError> {
    let engine = &swapper.deps().engine;
    let Some(tag) = target.reference.effective_tag() else { return Ok(()) };
    let image = engine.inspect_image(&target.reference.at_digest(&target.digest)).await?;
    engine.tag_image(image.id(), target.reference.written_name(), tag.as_str()).await
}
