//! The target image on the host: by the digest that was decided on, never by its tag.

use lodeman_domain::digest::Digest;
use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::Target;
use lodeman_domain::update::{Step, StepOutcome};
use lodeman_engine::{ContainerEngine, EngineError, ImageInspect, ImageStore};
use serde_json::json;

use super::call::Call;
use super::perform::{Halt, Run};
use crate::progress::PullTeller;

/// The image of `target` where it is on the host already.
pub(crate) async fn find_target(
    engine: &dyn ContainerEngine,
    store: ImageStore,
    target: &Target,
) -> Result<Option<ImageInspect>, EngineError> {
    let by_digest = target.reference.at_digest(&target.digest);
    let by_id = match store {
        ImageStore::Classic => target.config.as_ref().map(ToString::to_string),
        ImageStore::Containerd => Some(target.digest.to_string()),
    };
    for name in std::iter::once(by_digest).chain(by_id) {
        match engine.inspect_image(&name).await {
            Ok(found) if is_target(&found, store, target) => return Ok(Some(found)),
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether the image is the one that was decided on, and not merely found under its name.
fn is_target(found: &ImageInspect, store: ImageStore, target: &Target) -> bool {
    match (store, &target.config) {
        (ImageStore::Classic, Some(config)) => found.id() == config,
        (ImageStore::Classic, None) => true,
        (ImageStore::Containerd, _) => *found.id() == target.digest || *found.id() == target.manifest,
    }
}

/// Pulls the target unless it is there, and points the user's reference at it.
pub(crate) async fn pull(
    run: &mut Run,
    store: ImageStore,
    target: &Target,
    no_pull: bool,
) -> Result<Digest, Halt> {
    let step = Step::Pull;
    let failed = |reason: String| Halt::Failed { step, reason, gone: false };
    let engine = run.deps.engine.clone();
    let found = find_target(&*engine, store, target).await.map_err(|e| failed(e.to_string()))?;
    let image = match found {
        Some(image) => image,
        None if no_pull => {
            return Err(failed("the image is not on the host and may not be pulled".to_owned()));
        }
        None => {
            fetch(run, target).await?;
            run.journal.change(|op| op.image_was_new = true);
            find_target(&*engine, store, target).await.map_err(|e| failed(e.to_string()))?.ok_or_else(
                || failed(format!("the engine did not pull {} but something else", target.digest)),
            )?
        }
    };
    let id = image.id().clone();
    run.journal.change(|op| op.target_image_id = Some(id.clone()));
    point(run, &target.reference, &id).await?;
    Ok(id)
}

/// Points the user's reference at `image`, as a pull by tag would have done.
pub(crate) async fn point(run: &mut Run, reference: &ImageReference, image: &Digest) -> Result<(), Halt> {
    let Some(tag) = reference.effective_tag() else { return Ok(()) };
    let repository = reference.written_name().to_owned();
    let call = Call::Tag { image: image.clone(), repository, tag: tag.to_string() };
    run.perform(Step::TagTarget, call).await.map(|_| ())
}

async fn fetch(run: &mut Run, target: &Target) -> Result<(), Halt> {
    let step = Step::Pull;
    let failed = |reason: String| Halt::Failed { step, reason, gone: false };
    let by_digest: ImageReference = target
        .reference
        .at_digest(&target.digest)
        .parse()
        .map_err(|e: lodeman_domain::image::ParseReferenceError| failed(e.to_string()))?;
    let platform = run.journal.op.platform.clone();
    let args = json!({ "reference": by_digest, "platform": platform });
    let seq = run.journal.begin(step, 1, args).await?;
    let auth = run.deps.pull_auth.pull_auth(target.reference.repository()).await;
    let teller = PullTeller {
        hub: run.deps.progress.clone(),
        operation: run.journal.op.id,
        name: run.journal.op.canonical_name.to_string(),
    };
    let engine = run.deps.engine.clone();
    match engine.pull(&by_digest, &platform, auth.as_ref(), &teller).await {
        Ok(()) => {
            run.journal.settle(seq, StepOutcome::Ok, json!({ "digest": target.digest }));
            Ok(())
        }
        Err(error) => {
            let reason = match error {
                EngineError::Refused { message, .. } => format!("the pull failed: {message}"),
                other => format!("the pull failed: {other}"),
            };
            run.journal.settle(seq, StepOutcome::Failed, json!(reason));
            if run.engine_answers().await { Err(failed(reason)) } else { Err(Halt::EngineLost { step }) }
        }
    }
}
