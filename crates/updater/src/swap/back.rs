//! The way back: the old container where it was, as it was.

use lodeman_domain::container::ContainerId;
use lodeman_domain::update::{Direction, Phase, Step};
use lodeman_engine::{ContainerInspect, RestartPolicy};

use super::call::Call;
use super::finish::{Ending, finish};
use super::names::pin_name;
use super::perform::{Halt, Run};

/// How an operation that changed nothing lasting is ended.
#[derive(Debug, Clone)]
pub(crate) struct Abort {
    pub(crate) phase: Phase,
    pub(crate) reason: String,
    pub(crate) interrupted: bool,
    /// The old container was stopped by us and must run again.
    pub(crate) start_old: bool,
}

/// Chooses between giving up and going back, by what the halted step may have changed.
pub(crate) async fn turn(run: &mut Run, halt: &Halt) -> Result<Ending, Halt> {
    let reason = halt.to_string();
    let phase = run.journal.op.phase;
    let (old_gone, interrupted) = match halt {
        Halt::Failed { step, gone, .. } => (*gone && touches_old(*step), false),
        Halt::Stopping => (false, true),
        _ => (false, false),
    };
    match phase {
        Phase::Committed => hold(run, &reason).await,
        Phase::Planned | Phase::Pulled | Phase::Gated | Phase::Prepared => {
            let start_old = run.journal.patient && !old_gone;
            let ended = if old_gone { Phase::External } else { Phase::Aborted };
            abort(run, Abort { phase: ended, reason, interrupted, start_old }).await
        }
        _ => {
            let image_fault = matches!(halt, Halt::Failed { step: Step::StartNew, gone: false, .. });
            back(run, &reason, image_fault).await
        }
    }
}

fn touches_old(step: Step) -> bool {
    matches!(step, Step::StopOld | Step::UnpauseOld | Step::CreateNew | Step::RenameOld)
}

/// Removes the replacement, starts the old container where it was stopped, and ends the operation.
pub(crate) async fn abort(run: &mut Run, plan: Abort) -> Result<Ending, Halt> {
    run.journal.change(|op| {
        op.direction = Direction::Back;
        op.reason = Some(plan.reason.clone());
    });
    run.journal.flush().await?;
    remove_new(run).await?;
    restore_name(run).await?;
    if plan.start_old {
        start_old(run).await?;
    }
    unpin(run).await?;
    run.advance(plan.phase, &plan.reason);
    let ending = Ending { interrupted: plan.interrupted, ..Ending::of(run) };
    finish(run, &ending).await?;
    Ok(ending)
}

/// The renaming of the old container may have been the last thing asked. A name that someone else gave
/// it is theirs.
async fn restore_name(run: &mut Run) -> Result<(), Halt> {
    let op = run.journal.op.clone();
    match run.deps.engine.inspect_container(&op.old_id).await {
        Ok(old) if *old.name() == op.retained_name => {
            let call = Call::Rename { id: op.old_id, name: op.canonical_name };
            run.perform(Step::RestoreName, call).await.map(|_| ())
        }
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(_) => Err(Halt::EngineLost { step: Step::RestoreName }),
    }
}

/// U1 to U10.
pub(crate) async fn back(run: &mut Run, reason: &str, image_fault: bool) -> Result<Ending, Halt> {
    run.journal.patient = true;
    // Whoever began to go back knew why; a later look only adds to it.
    run.journal.change(|op| op.image_fault |= image_fault);
    if run.journal.op.phase != Phase::RollingBack {
        run.journal.change(|op| {
            op.direction = Direction::Back;
            op.reason = Some(reason.to_owned());
        });
        run.advance(Phase::RollingBack, &format!("going back: {reason}"));
        run.journal.flush().await?;
    }
    let ran = find_new(run).await?.is_some_and(|new| new.was_ever_started());
    remove_new(run).await?;
    let op = run.journal.op.clone();
    let canonical = Call::Rename { id: op.old_id.clone(), name: op.canonical_name.clone() };
    match run.perform(Step::RestoreName, canonical).await {
        Ok(_) => {}
        Err(Halt::Failed { reason, .. }) => {
            return hold(run, &format!("the name cannot be given back: {reason}")).await;
        }
        Err(Halt::Unsettled { step }) => return hold(run, &format!("`{step}` cannot be settled")).await,
        Err(halt) => return Err(halt),
    }
    rearm_old(run).await?;
    if op.old_running {
        match start_old(run).await {
            Ok(()) => {}
            Err(Halt::Failed { reason, .. }) => {
                return hold(run, &format!("the old container cannot be started: {reason}")).await;
            }
            Err(Halt::Unsettled { step }) => return hold(run, &format!("`{step}` cannot be settled")).await,
            Err(halt) => return Err(halt),
        }
    }
    let dark_ms = dark_ms(run).await;
    run.journal.change(|op| op.dark_ms = dark_ms);
    unpin(run).await?;
    run.advance(Phase::RolledBack, "the old container runs again");
    let ending = Ending { ran, ..Ending::of(run) };
    finish(run, &ending).await?;
    Ok(ending)
}

/// Takes our name off the old image. Refused while nothing else names it: the janitor does it later.
async fn unpin(run: &mut Run) -> Result<(), Halt> {
    match run.perform(Step::Unpin, Call::Untag { name: pin_name(run.journal.op.id) }).await {
        Ok(_) | Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => Ok(()),
        Err(halt) => Err(halt),
    }
}

async fn dark_ms(run: &Run) -> Option<u64> {
    let old = run.deps.engine.inspect_container(&run.journal.op.old_id).await.ok()?;
    if old.started_at() == run.journal.op.old_started_at {
        return None;
    }
    u64::try_from(old.started_instant()?.duration_since(old.finished_at()?).as_millis()).ok()
}

/// Stops with the safest candidate in place, and asks a person. What can still come right by itself
/// is tried again by the janitor.
pub(crate) async fn hold(run: &mut Run, reason: &str) -> Result<Ending, Halt> {
    let already = run.journal.op.phase == Phase::Held;
    run.journal.change(|op| op.reason = Some(reason.to_owned()));
    run.advance(Phase::Held, reason);
    let ending = Ending::of(run);
    if already {
        run.journal.flush().await?;
    } else {
        finish(run, &ending).await?;
    }
    Ok(ending)
}

/// The replacement, by id or, where its id was never recorded, by its temporary name.
pub(crate) async fn find_new(run: &Run) -> Result<Option<ContainerInspect>, Halt> {
    let op = &run.journal.op;
    let found = match &op.new_id {
        Some(id) => match run.deps.engine.inspect_container(id).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        },
        None => run.deps.engine.find_container(&op.temp_name).await,
    };
    found.map_err(|_| Halt::EngineLost { step: Step::RemoveNew })
}

/// U4 and U5. A replacement that cannot be removed is disarmed and parked for the janitor.
async fn remove_new(run: &mut Run) -> Result<(), Halt> {
    let Some(new) = find_new(run).await? else { return Ok(()) };
    let id = new.id().clone();
    if new.pid() != 0 || new.is_up() || new.state() == Some(lodeman_domain::container::RunState::Restarting) {
        stop_new(run, &id).await?;
    }
    match run.perform(Step::RemoveNew, Call::Remove { id: id.clone() }).await {
        Ok(_) => Ok(()),
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => park_new(run, &id).await,
        Err(halt) => Err(halt),
    }
}

async fn stop_new(run: &mut Run, id: &ContainerId) -> Result<(), Halt> {
    let grace_seconds = run.journal.op.stop_grace_seconds.min(10);
    match run.perform(Step::StopNew, Call::Stop { id: id.clone(), grace_seconds }).await {
        Ok(_) | Err(Halt::Failed { gone: true, .. }) => Ok(()),
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => {
            run.perform(Step::StopNew, Call::Kill { id: id.clone() }).await.map(|_| ())
        }
        Err(halt) => Err(halt),
    }
}

async fn park_new(run: &mut Run, id: &ContainerId) -> Result<(), Halt> {
    let temp = run.journal.op.temp_name.clone();
    run.perform(Step::DisarmNew, Call::SetPolicy { id: id.clone(), policy: RestartPolicy::no() }).await?;
    run.perform(Step::ParkNew, Call::Rename { id: id.clone(), name: temp }).await.map(|_| ())
}

async fn rearm_old(run: &mut Run) -> Result<(), Halt> {
    let op = &run.journal.op;
    let (name, maximum_retry_count) = op.old_restart_policy.clone();
    let call = Call::SetPolicy { id: op.old_id.clone(), policy: RestartPolicy { name, maximum_retry_count } };
    run.perform(Step::RearmOld, call).await.map(|_| ())
}

/// U8 and U9: starts the old container unless it is up, and freezes it again where it was frozen.
async fn start_old(run: &mut Run) -> Result<(), Halt> {
    let id = run.journal.op.old_id.clone();
    let old = match run.deps.engine.inspect_container(&id).await {
        Ok(old) => old,
        Err(error) if error.is_not_found() => {
            let reason = "the old container was removed by someone else".to_owned();
            return Err(Halt::Failed { step: Step::StartOld, reason, gone: true });
        }
        Err(_) => return Err(Halt::EngineLost { step: Step::StartOld }),
    };
    if !old.is_up() {
        let call = Call::Start { id: id.clone(), started_before: old.started_at().to_owned() };
        run.perform(Step::StartOld, call).await?;
    }
    if run.journal.op.old_paused {
        run.perform(Step::PauseOld, Call::Pause { id }).await?;
    }
    Ok(())
}
