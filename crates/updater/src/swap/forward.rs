//! The way forward, from the pinned old image to the accepted replacement.

use lodeman_domain::container::ContainerId;
use lodeman_domain::digest::Digest;
use lodeman_domain::update::{OperationKind, Phase, Step};
use lodeman_engine::RestartPolicy;
use lodeman_engine::spec::{self, Plan};
use lodeman_store::{SealedSpec, SpecKind, Write};
use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::names::{PIN_TAG, pin_repository};
use super::perform::{Halt, Run};
use super::plan::Planned;
use super::{SwapRequest, commit, gate, hook, pull, verify};
use crate::locks::Locks;

/// Everything up to the acceptance. An error leaves the row at the phase that was reached.
pub(crate) async fn forward(
    run: &mut Run,
    locks: &Locks,
    stopping: &CancellationToken,
    request: &SwapRequest,
    planned: &Planned,
) -> Result<(), Halt> {
    prepare(run, request, planned).await?;
    if !run.journal.op.old_running {
        return exchange_stopped(run).await;
    }
    verify::hear_old(run).await;
    if stopping.is_cancelled() {
        return Err(Halt::Stopping);
    }
    gate::still_as_planned(run, Step::PreHook).await?;
    hook::before(run, &planned.old.labels(), stopping).await?;
    // From here to the start of the replacement the container is down.
    let permit = locks.dark_window().await;
    if stopping.is_cancelled() {
        return Err(Halt::Stopping);
    }
    gate::still_as_planned(run, Step::StopOld).await?;
    gate::nobody_else(run, planned).await?;
    gate::enough_space(run, Step::StopOld).await?;
    cut_over(run).await?;
    drop(permit);
    validate(run, stopping).await
}

/// Steps 2 to 5: nothing of the old container is changed.
async fn prepare(run: &mut Run, request: &SwapRequest, planned: &Planned) -> Result<(), Halt> {
    // Before the pull, which would make it worse, and again after it.
    gate::enough_space(run, Step::PinOldImage).await?;
    let pin = Call::Tag {
        image: run.journal.op.old_image_id.clone(),
        repository: pin_repository(run.journal.op.id),
        tag: PIN_TAG.to_owned(),
    };
    run.perform(Step::PinOldImage, pin).await?;
    let store = planned.info.image_store;
    let image = match request.kind {
        OperationKind::Update => pull::pull(run, store, &request.target, request.no_pull).await?,
        OperationKind::Restart => {
            let reason = "a restart makes no replacement".to_owned();
            return Err(Halt::Failed { step: Step::Pull, reason, gone: false });
        }
        OperationKind::Rollback => {
            // The state to go back to is on the host by its image id; whoever asked has made sure.
            let image = request.target.config.clone().unwrap_or_else(|| request.target.digest.clone());
            run.journal.change(|op| op.target_image_id = Some(image.clone()));
            pull::point(run, &request.target.reference, &image).await?;
            image
        }
    };
    run.advance(Phase::Pulled, "the image is on the host");
    gate::still_as_planned(run, Step::CreateNew).await?;
    gate::enough_space(run, Step::CreateNew).await?;
    let plan = planned.derive(request, Some(&image)).map_err(|error| Halt::Failed {
        step: Step::CreateNew,
        reason: error.to_string(),
        gone: false,
    })?;
    let hash = spec::plan_hash(&plan);
    run.journal.change(|op| op.new_plan_hash = Some(hash.clone()));
    let json = serde_json::to_value(&plan).unwrap_or_default();
    run.journal.also(Write::PutSpec(SealedSpec { op: run.journal.op.id, kind: SpecKind::New, json }));
    run.advance(Phase::Gated, "everything is checked");
    let id = match create(run, &plan, &hash, &image).await {
        // The reference can move between our tagging and the create; once more, then it is given up.
        Err(Halt::Failed { reason, .. })
            if run.deps.engine.find_container(&run.journal.op.temp_name).await.is_ok_and(|c| c.is_some()) =>
        {
            tracing::warn!(%reason, "making the replacement again");
            discard(run).await?;
            pull::point(run, &request.target.reference, &image).await?;
            create(run, &plan, &hash, &image).await?
        }
        other => other?,
    };
    for endpoint in &plan.networks {
        let call = Call::Connect { id: id.clone(), endpoint: endpoint.clone() };
        run.perform(Step::ConnectNew, call).await?;
    }
    as_planned(run, &plan, &id).await?;
    run.advance(Phase::Prepared, "the replacement is ready");
    Ok(())
}

async fn create(run: &mut Run, plan: &Plan, hash: &str, image: &Digest) -> Result<ContainerId, Halt> {
    let step = Step::CreateNew;
    let call = Call::Create {
        name: run.journal.op.temp_name.clone(),
        plan_hash: hash.to_owned(),
        image: image.clone(),
        platform: run.journal.op.platform.clone(),
        plan: Some(Box::new(plan.clone())),
    };
    let observed = run.perform(step, call).await?;
    let id: Option<ContainerId> = observed.get("id").and_then(|v| v.as_str()).and_then(|t| t.parse().ok());
    let id = id.ok_or(Halt::Unsettled { step })?;
    run.journal.change(|op| op.new_id = Some(id.clone()));
    Ok(id)
}

/// The replacement, fully connected, is what was asked for: an engine may drop a setting in silence.
async fn as_planned(run: &Run, plan: &Plan, id: &ContainerId) -> Result<(), Halt> {
    let step = Step::CreateNew;
    let Ok(made) = run.deps.engine.inspect_container(id).await else { return Err(Halt::EngineLost { step }) };
    let differences = spec::matches_created(plan, &made);
    if differences.is_empty() {
        return Ok(());
    }
    let reason = format!("the engine made the replacement differently: {}", differences.join("; "));
    Err(Halt::Failed { step, reason, gone: false })
}

/// Removes a replacement that came out differently.
async fn discard(run: &mut Run) -> Result<(), Halt> {
    let found = run.deps.engine.find_container(&run.journal.op.temp_name).await;
    let Ok(Some(wrong)) = found else { return Ok(()) };
    if wrong.was_ever_started() {
        return Err(Halt::Failed {
            step: Step::RemoveNew,
            reason: format!("`{}` was started by someone else", wrong.name()),
            gone: false,
        });
    }
    run.perform(Step::RemoveNew, Call::Remove { id: wrong.id().clone() }).await.map(|_| ())
}

fn new_id(run: &Run) -> Result<ContainerId, Halt> {
    run.journal.op.new_id.clone().ok_or(Halt::Unsettled { step: Step::CreateNew })
}

/// Steps 8 to 12.
async fn cut_over(run: &mut Run) -> Result<(), Halt> {
    let old = run.journal.op.old_id.clone();
    if run.journal.op.old_paused {
        run.perform(Step::UnpauseOld, Call::Unpause { id: old.clone() }).await?;
    }
    let grace_seconds = run.journal.op.stop_grace_seconds;
    run.perform(Step::StopOld, Call::Stop { id: old.clone(), grace_seconds }).await?;
    run.advance(Phase::OldStopped, "the old container is down");
    exchange_names(run).await?;
    run.perform(Step::DisarmOld, Call::SetPolicy { id: old, policy: RestartPolicy::no() }).await?;
    run.advance(Phase::Armed, "the old container is disarmed");
    let started_before = started_at(run).await?;
    let call = Call::Start { id: new_id(run)?, started_before };
    run.perform(Step::StartNew, call).await?;
    run.advance(Phase::Started, "the replacement runs");
    run.journal.patient = false;
    Ok(())
}

async fn exchange_names(run: &mut Run) -> Result<(), Halt> {
    let op = &run.journal.op;
    let (old, retained, canonical) = (op.old_id.clone(), op.retained_name.clone(), op.canonical_name.clone());
    run.perform(Step::RenameOld, Call::Rename { id: old, name: retained }).await?;
    run.advance(Phase::OldRenamed, "the old container has its retained name");
    let call = Call::Rename { id: new_id(run)?, name: canonical };
    run.perform(Step::RenameNew, call).await?;
    run.advance(Phase::NewRenamed, "the replacement has the name");
    Ok(())
}

async fn started_at(run: &Run) -> Result<String, Halt> {
    let step = Step::StartNew;
    match run.deps.engine.inspect_container(&new_id(run)?).await {
        Ok(found) => Ok(found.started_at().to_owned()),
        Err(error) if error.is_not_found() => Err(Halt::Failed {
            step,
            reason: "the replacement was removed by someone else".to_owned(),
            gone: true,
        }),
        Err(_) => Err(Halt::EngineLost { step }),
    }
}

/// An update of a container that does not run: it is exchanged and left stopped, unproven.
async fn exchange_stopped(run: &mut Run) -> Result<(), Halt> {
    gate::still_as_planned(run, Step::RenameOld).await?;
    exchange_names(run).await?;
    let old = run.journal.op.old_id.clone();
    run.perform(Step::DisarmOld, Call::SetPolicy { id: old, policy: RestartPolicy::no() }).await?;
    run.advance(Phase::Armed, "the old container is disarmed");
    commit::commit(run).await
}

/// Judges the replacement with what is left of the budget, and accepts it.
pub(crate) async fn validate(run: &mut Run, stopping: &CancellationToken) -> Result<(), Halt> {
    let id = new_id(run)?;
    verify::judge(run, &id, stopping).await?;
    if run.journal.op.old_paused {
        run.perform(Step::PauseNew, Call::Pause { id }).await?;
    }
    commit::commit(run).await?;
    hook::after(run, stopping).await;
    Ok(())
}
