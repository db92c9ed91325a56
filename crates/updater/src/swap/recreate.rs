//! The old container made anew from its recorded spec, by its image's id: where the engine cannot start
//! the original, or where nothing else is left.
//!
//! It is made under the temporary name, connected, and only then takes the original's place. The original
//! is disarmed and keeps its retained name; nothing here removes it.

use lodeman_domain::container::ContainerId;
use lodeman_domain::image::ImageReference;
use lodeman_domain::update::{Operation, Recreation, Step};
use lodeman_engine::spec::Plan;
use lodeman_engine::{ContainerInspect, EngineError, RestartPolicy};
use lodeman_store::{SpecKind, StoreError};
use serde_json::Value;

use super::back::take_away;
use super::call::Call;
use super::perform::{Halt, Run};
use crate::deps::Deps;

/// How often one operation makes the old container anew at most.
pub(crate) const MAX_RECREATIONS: u32 = 3;

/// The container that was made anew, by id or, where its id was never recorded, by its temporary name.
pub(crate) async fn find_recreated(
    deps: &Deps,
    op: &Operation,
) -> Result<Option<ContainerInspect>, EngineError> {
    match &op.recreation {
        None => Ok(None),
        Some(Recreation { id: Some(id), .. }) => match deps.engine.inspect_container(id).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        },
        Some(Recreation { id: None, .. }) => {
            let found = deps.engine.find_container(&op.temp_name).await?;
            Ok(found.filter(|c| op.new_id.as_ref() != Some(c.id()) && *c.id() != op.old_id))
        }
    }
}

pub(crate) async fn found(run: &Run) -> Result<Option<ContainerInspect>, Halt> {
    find_recreated(&run.deps, &run.journal.op).await.map_err(|_| Halt::EngineLost { step: Step::RecreateOld })
}

/// The original, where it still exists.
pub(crate) async fn original(run: &Run) -> Result<Option<ContainerInspect>, Halt> {
    match run.deps.engine.inspect_container(&run.journal.op.old_id).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(_) => Err(Halt::EngineLost { step: Step::RecreateOld }),
    }
}

/// Whether one more may be made.
pub(crate) fn may_try(op: &Operation) -> bool {
    op.recreation.as_ref().is_none_or(|r| r.tries < MAX_RECREATIONS)
}

/// Makes it, or goes on where that was interrupted, until it has the name and runs as the original did.
pub(crate) async fn recreate(run: &mut Run) -> Result<(), Halt> {
    let plan = plan(run).await?;
    let id = match found(run).await? {
        Some(there) => there.id().clone(),
        None => create(run, &plan).await?,
    };
    remember(run, Some(id.clone()));
    for endpoint in &plan.networks {
        let call = Call::Connect { id: id.clone(), endpoint: endpoint.clone() };
        run.perform(Step::ConnectNew, call).await?;
    }
    let op = run.journal.op.clone();
    if original(run).await?.is_some() {
        let call = Call::SetPolicy { id: op.old_id.clone(), policy: RestartPolicy::no() };
        run.perform(Step::DisarmOld, call).await?;
        let call = Call::Rename { id: op.old_id.clone(), name: op.retained_name.clone() };
        run.perform(Step::RenameOld, call).await?;
    }
    // One that was parked after an earlier try was disarmed.
    let (name, maximum_retry_count) = op.old_restart_policy.clone();
    let policy = RestartPolicy { name, maximum_retry_count };
    run.perform(Step::RearmOld, Call::SetPolicy { id: id.clone(), policy }).await?;
    let call = Call::Rename { id: id.clone(), name: op.canonical_name.clone() };
    run.perform(Step::RenameNew, call).await?;
    if op.old_running {
        start(run, &id).await?;
    }
    Ok(())
}

async fn start(run: &mut Run, id: &ContainerId) -> Result<(), Halt> {
    let step = Step::StartOld;
    if original(run).await?.is_some_and(|c| c.is_up()) {
        let reason = "the original container runs after all".to_owned();
        return Err(Halt::Failed { step, reason, gone: false });
    }
    let now = match run.deps.engine.inspect_container(id).await {
        Ok(now) => now,
        Err(error) if error.is_not_found() => {
            let reason = "the container made anew was removed by someone else".to_owned();
            return Err(Halt::Failed { step, reason, gone: true });
        }
        Err(_) => return Err(Halt::EngineLost { step }),
    };
    if !now.is_up() {
        let call = Call::Start { id: id.clone(), started_before: now.started_at().to_owned() };
        run.perform(step, call).await?;
    }
    if run.journal.op.old_paused {
        run.perform(Step::PauseOld, Call::Pause { id: id.clone() }).await?;
    }
    Ok(())
}

/// Takes away what was made anew, so that the original can have its place back. Only where there is an
/// original: the last candidate stays whatever it does.
pub(crate) async fn undo(run: &mut Run) -> Result<(), Halt> {
    if original(run).await?.is_none() {
        let reason = "the original container is gone".to_owned();
        return Err(Halt::Failed { step: Step::RemoveNew, reason, gone: true });
    }
    if let Some(there) = found(run).await? {
        take_away(run, &there).await?;
    }
    remember(run, None);
    Ok(())
}

fn remember(run: &mut Run, id: Option<ContainerId>) {
    run.journal.change(|op| {
        let tries = op.recreation.as_ref().map_or(1, |r| r.tries);
        op.recreation = Some(Recreation { tries, id });
    });
}

async fn create(run: &mut Run, plan: &Plan) -> Result<ContainerId, Halt> {
    let step = Step::RecreateOld;
    let mut plan = plan.clone();
    if let Some(reference) = reference(run).await? {
        plan.spec.0.insert("Image".to_owned(), Value::String(reference));
    }
    // Durable with the intent: from here on what has the temporary name is this.
    run.journal.change(|op| {
        let tries = op.recreation.as_ref().map_or(0, |r| r.tries) + 1;
        op.recreation = Some(Recreation { tries, id: None });
    });
    let op = &run.journal.op;
    let call = Call::Create {
        name: op.temp_name.clone(),
        plan_hash: lodeman_engine::spec::plan_hash(&plan),
        image: op.old_image_id.clone(),
        platform: op.platform.clone(),
        plan: Some(Box::new(plan)),
    };
    let made = run.perform(step, call).await?;
    let id = made.get("id").and_then(|v| v.as_str()).and_then(|text| text.parse().ok());
    id.ok_or(Halt::Unsettled { step })
}

/// The reference the container was made with, where that means its image again: so the container goes on
/// following it. Otherwise it is made by the image's id.
async fn reference(run: &mut Run) -> Result<Option<String>, Halt> {
    let op = run.journal.op.clone();
    if let Ok(parsed) = op.old_reference.parse::<ImageReference>()
        && parsed.digest().is_none()
        && let Some(tag) = parsed.effective_tag()
    {
        let repository = parsed.written_name().to_owned();
        let call = Call::Tag { image: op.old_image_id.clone(), repository, tag: tag.to_string() };
        // Made by its id, it would follow nothing any more: that is worth a second try.
        for _ in 0..2 {
            match run.perform(Step::TagTarget, call.clone()).await {
                Ok(_) => break,
                Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => {}
                Err(halt) => return Err(halt),
            }
        }
    }
    let means = run.deps.engine.inspect_image(&op.old_reference).await;
    Ok(means.is_ok_and(|image| *image.id() == op.old_image_id).then_some(op.old_reference))
}

async fn plan(run: &Run) -> Result<Plan, Halt> {
    let failed = |reason: String| Halt::Failed { step: Step::RecreateOld, reason, gone: false };
    let spec = match run.deps.store.find_spec(run.journal.op.id, SpecKind::Old).await {
        Ok(Some(spec)) => spec,
        Ok(None) | Err(StoreError::Sealed { .. }) => {
            return Err(failed("its recorded settings cannot be opened".to_owned()));
        }
        Err(error) => return Err(Halt::Journal(error)),
    };
    serde_json::from_value(spec.json)
        .map_err(|e| failed(format!("its recorded settings cannot be read: {e}")))
}
