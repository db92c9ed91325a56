//! Going back because a person asks: to the retained old container, or to the recorded settings and
//! the image by its id. Whether it can be done is settled before anything is touched.

use std::time::Duration;

use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::Target;
use lodeman_domain::update::{OperationKind, Phase};
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::spec::Plan;
use lodeman_store::{BadDigest, RollbackPoint, SpecKind, Write};
use serde_json::Value;

use crate::control::{ControlError, ErrorKind, UpdateSummary};
use crate::swap::journal::Journal;
use crate::swap::perform::Run;
use crate::swap::{SpecSource, SwapReport, SwapRequest, Swapper, back};

/// Goes back to what the container ran before its last update.
///
/// # Errors
/// [`ControlError`] when there is nothing to go back to, or it cannot be had any more.
pub async fn roll_back(
    swapper: &Swapper,
    key: WorkloadKey,
    by: &str,
    soak: Option<Duration>,
) -> Result<UpdateSummary, ControlError> {
    let this = swapper.clone();
    let by = by.to_owned();
    // On a task of its own: a caller that goes away must not drop it in the middle.
    let ended = swapper.spawn(async move { roll_back_here(&this, &key, &by, soak).await }).await;
    ended.unwrap_or_else(|_| {
        Err(ControlError::new(ErrorKind::Internal, "the rollback ended without an answer"))
    })
}

async fn roll_back_here(
    swapper: &Swapper,
    key: &WorkloadKey,
    by: &str,
    soak: Option<Duration>,
) -> Result<UpdateSummary, ControlError> {
    let deps = swapper.deps();
    let open = deps.store.find_open_operation(key).await?;
    if let Some(op) = open {
        // A held operation waits for just this.
        let waits = matches!(op.phase, Phase::Committed | Phase::Held) && op.kind != OperationKind::Restart;
        if !waits {
            let message = format!("container `{}` is being changed by operation {}", key.name, op.id);
            return Err(ControlError::new(ErrorKind::Conflict, message));
        }
        let retained = deps.engine.inspect_container(&op.old_id).await;
        if retained.is_ok() {
            return to_retained(swapper, key, op, by).await;
        }
    }
    let point = deps.store.find_rollback_point(key).await?.ok_or_else(|| {
        let message = format!("there is nothing to go back to for container `{}`", key.name);
        ControlError::new(ErrorKind::NotFound, message)
    })?;
    to_point(swapper, key, &point, by, soak).await
}

async fn to_retained(
    swapper: &Swapper,
    key: &WorkloadKey,
    op: lodeman_domain::update::Operation,
    by: &str,
) -> Result<UpdateSummary, ControlError> {
    let deps = swapper.deps();
    let Some(_guard) = swapper.locks().try_container(key) else {
        return Err(ControlError::new(
            ErrorKind::Conflict,
            format!("container `{}` is being changed", key.name),
        ));
    };
    let steps = deps.store.list_steps(op.id).await?;
    let target = op.old_reference.clone();
    let mut journal = Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps);
    let by = by.to_owned();
    journal.change(|op| op.by_person = Some(by.clone()));
    journal.also(Write::DropRollbackPoint(journal.op.id));
    let mut run = Run::new(deps.clone(), journal);
    let ending = match back(&mut run, &format!("{by} asked to go back"), true).await {
        Ok(ending) => ending,
        Err(halt) => swapper.turn(&mut run, halt).await,
    };
    Ok(summary(key, Some(target), ending.report(run.journal.op.id)))
}

fn summary(key: &WorkloadKey, target: Option<String>, report: SwapReport) -> UpdateSummary {
    UpdateSummary {
        name: key.name.clone(),
        operation: Some(report.operation),
        outcome: Some(report.outcome),
        target,
        dark_ms: report.dark_ms,
        reason: report.reason,
    }
}

async fn to_point(
    swapper: &Swapper,
    key: &WorkloadKey,
    point: &RollbackPoint,
    by: &str,
    soak: Option<Duration>,
) -> Result<UpdateSummary, ControlError> {
    let deps = swapper.deps();
    let refused = |message: String| ControlError::new(ErrorKind::Refused, message);
    let reference: ImageReference = point
        .reference
        .parse()
        .map_err(|e| refused(format!("its recorded reference `{}` cannot be used: {e}", point.reference)))?;
    let _images = swapper.locks().keep_images().await;
    present(swapper, point, &reference).await?;
    let spec = deps.store.find_spec(point.op, SpecKind::Old).await?;
    let spec = spec.ok_or_else(|| refused("its recorded settings are gone".to_owned()))?;
    let mut plan: Plan = serde_json::from_value(spec.json)
        .map_err(|e| refused(format!("its recorded settings cannot be read: {e}")))?;
    // Recorded with the image's id; the container keeps following the reference the user wrote.
    plan.spec.0.insert("Image".to_owned(), Value::String(point.reference.clone()));
    let target = Target {
        reference,
        digest: point.image_id.clone(),
        manifest: point.manifest.clone().unwrap_or_else(|| point.image_id.clone()),
        config: Some(point.image_id.clone()),
        version: None,
        already_pulled: true,
    };
    let request = SwapRequest {
        key: key.clone(),
        kind: OperationKind::Rollback,
        target,
        spec: SpecSource::Recorded(Box::new(plan)),
        by: Some(by.to_owned()),
        grace: None,
        soak,
        no_pull: true,
        entry: None,
    };
    let report = swapper.swap(request).await.map_err(|e| crate::app::swap_error(&e))?;
    if report.outcome.is_accepted() {
        block_left_image(swapper, point, by).await?;
    }
    Ok(summary(key, Some(point.reference.clone()), report))
}

/// The image is on the host, or can be had again by its digest.
async fn present(
    swapper: &Swapper,
    point: &RollbackPoint,
    reference: &ImageReference,
) -> Result<(), ControlError> {
    let deps = swapper.deps();
    let missing = match deps.engine.inspect_image(point.image_id.as_str()).await {
        Ok(_) => return Ok(()),
        Err(error) if error.is_not_found() => true,
        Err(_) => false,
    };
    if !missing {
        return Err(ControlError::new(ErrorKind::Unavailable, "the container engine could not be asked"));
    }
    let info =
        deps.engine.info().await.map_err(|e| ControlError::new(ErrorKind::Unavailable, e.to_string()))?;
    let auth = deps.pull_auth.pull_auth(reference.repository()).await;
    for name in &point.repo_digests {
        let Ok(by_digest) = name.parse::<ImageReference>() else { continue };
        if by_digest.repository() != reference.repository() {
            continue;
        }
        let pulled =
            deps.engine.pull(&by_digest, &info.platform, auth.as_ref(), &lodeman_engine::SilentPull).await;
        if pulled.is_ok() && deps.engine.inspect_image(point.image_id.as_str()).await.is_ok() {
            return Ok(());
        }
    }
    let message = format!(
        "the image of the last state, {}, is not on the host and cannot be pulled; nothing was touched",
        point.image_id.short()
    );
    Err(ControlError::new(ErrorKind::Refused, message))
}

/// What a person went back from is not installed by itself again.
async fn block_left_image(swapper: &Swapper, point: &RollbackPoint, by: &str) -> Result<(), ControlError> {
    let deps = swapper.deps();
    let Some(left) = deps.store.find_operation(point.op).await? else { return Ok(()) };
    let Some(manifest) = left.target_manifest.clone() else { return Ok(()) };
    let bad = BadDigest {
        repository: left.target_reference.repository().clone(),
        manifest,
        index: left.target_digest.clone(),
        tag: left.target_reference.effective_tag(),
        reason: format!("{by} asked to go back"),
        operation: Some(left.id),
        at: deps.clock.now(),
    };
    Ok(deps.store.commit(vec![Write::PutBadDigest(bad)]).await?)
}
