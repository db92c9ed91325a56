//! The way back: the old container where it was, as it was.

use lodeman_domain::container::{ContainerId, RunState};
use lodeman_domain::update::{Direction, OperationKind, Phase, Step};
use lodeman_engine::{ContainerInspect, RestartPolicy};

use super::call::Call;
use super::finish::{Ending, finish};
use super::names::pin_name;
use super::perform::{Halt, Run};
use super::refusal::Cause;
use super::restart::come_back;
use super::restore::{dark_ms, restore, restore_name, start_old};
use super::verify::keep_last_words;

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
    if run.journal.op.kind == OperationKind::Restart {
        let was_stopped = run.journal.patient;
        return come_back(run, was_stopped, &reason).await;
    }
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
            let image_fault = is_images_fault(run, halt);
            back(run, &reason, image_fault).await
        }
    }
}

/// Whether a replacement that did not come up, or did not stay up, tells against its image. A full disk or
/// a port that someone took does not.
pub(crate) fn is_images_fault(run: &Run, halt: &Halt) -> bool {
    matches!(halt, Halt::Failed { step: Step::StartNew, gone: false, .. })
        && !matches!(run.refused(), Some(Cause::NoSpace | Cause::PortTaken))
}

fn touches_old(step: Step) -> bool {
    matches!(step, Step::PreHook | Step::StopOld | Step::UnpauseOld | Step::CreateNew | Step::RenameOld)
}

/// Removes the replacement, starts the old container where it was stopped, and ends the operation.
pub(crate) async fn abort(run: &mut Run, plan: Abort) -> Result<Ending, Halt> {
    run.journal.change(|op| {
        op.direction = Direction::Back;
        op.reason = Some(plan.reason.clone());
    });
    run.journal.flush().await?;
    let undone = match remove_new(run).await {
        Ok(()) => {
            run.wait_out_doubt().await;
            restore_name(run).await
        }
        Err(halt) => Err(halt),
    };
    let undone = match undone {
        Ok(()) if plan.start_old => start_old(run).await,
        other => other,
    };
    match undone {
        Ok(()) => {}
        // It needs more than was thought: the whole way back, and where that fails a person.
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => return back(run, &plan.reason, false).await,
        Err(halt) => return Err(halt),
    }
    unpin(run).await?;
    run.advance(plan.phase, &plan.reason);
    let ending = Ending { interrupted: plan.interrupted, ..Ending::of(run) };
    finish(run, &ending).await?;
    Ok(ending)
}

/// U1 to U10.
pub(crate) async fn back(run: &mut Run, reason: &str, image_fault: bool) -> Result<Ending, Halt> {
    run.journal.patient = true;
    // Whoever began to go back knew why; a later look only adds to it.
    run.journal.change(|op| op.image_fault |= image_fault);
    let op = &run.journal.op;
    let on_its_way = op.phase == Phase::RollingBack || is_held_on_its_way(run);
    if !on_its_way {
        run.journal.change(|op| {
            op.direction = Direction::Back;
            op.reason = Some(reason.to_owned());
            op.held_because = None;
        });
        run.advance(Phase::RollingBack, &format!("going back: {reason}"));
        run.journal.flush().await?;
    }
    let new = find_new(run).await?.filter(ContainerInspect::was_ever_started);
    let ran = new.is_some();
    if let Some(new) = new {
        keep_last_words(run, &new).await;
    }
    if let Err(halt) = remove_new(run).await {
        return hold_for(run, halt, "the replacement cannot be taken away").await;
    }
    run.wait_out_doubt().await;
    if let Err(halt) = restore(run).await {
        return hold_for(run, halt, "the old container cannot be put back").await;
    }
    let dark_ms = dark_ms(run).await;
    run.journal.change(|op| {
        op.dark_ms = dark_ms;
        op.held_because = None;
    });
    unpin(run).await?;
    run.advance(Phase::RolledBack, "the old container runs again");
    let ending = Ending { ran, ..Ending::of(run) };
    finish(run, &ending).await?;
    Ok(ending)
}

/// Held on the way back, and taken up again: it stays held until it has come through.
pub(crate) fn is_held_on_its_way(run: &Run) -> bool {
    let op = &run.journal.op;
    op.phase == Phase::Held && op.direction == Direction::Back
}

/// Takes our name off the old image. Refused while nothing else names it: the janitor does it later.
async fn unpin(run: &mut Run) -> Result<(), Halt> {
    match run.perform(Step::Unpin, Call::Untag { name: pin_name(run.journal.op.id) }).await {
        Ok(_) | Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => Ok(()),
        Err(halt) => Err(halt),
    }
}

/// Holds for what cannot be got over now; what only interrupts goes on to the caller.
pub(crate) async fn hold_for(run: &mut Run, halt: Halt, what: &str) -> Result<Ending, Halt> {
    match halt {
        Halt::Failed { .. } | Halt::Unsettled { .. } => hold(run, &format!("{what}: {halt}")).await,
        halt => Err(halt),
    }
}

/// Stops with the safest candidate in place, and asks a person. What can still come right by itself
/// is tried again by the janitor.
pub(crate) async fn hold(run: &mut Run, reason: &str) -> Result<Ending, Halt> {
    if run.journal.op.phase == Phase::Held {
        if run.journal.op.held_because.as_deref() != Some(reason) {
            tracing::error!(operation = %run.journal.op.id, "still held: {reason}");
            run.journal.change(|op| op.held_because = Some(reason.to_owned()));
        }
        run.journal.flush().await?;
        return Ok(Ending::of(run));
    }
    run.journal.change(|op| op.held_because = Some(reason.to_owned()));
    run.advance(Phase::Held, reason);
    let ending = Ending::of(run);
    finish(run, &ending).await?;
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
        // What has the name then is the old container made anew.
        None if op.recreation.is_some() => Ok(None),
        None => run.deps.engine.find_container(&op.temp_name).await,
    };
    found.map_err(|_| Halt::EngineLost { step: Step::RemoveNew })
}

/// U4 and U5.
pub(crate) async fn remove_new(run: &mut Run) -> Result<(), Halt> {
    match find_new(run).await? {
        Some(new) => take_away(run, &new).await,
        None => Ok(()),
    }
}

/// Stops and removes a container that this operation made. One that cannot be removed is disarmed and
/// parked for the janitor; one that cannot be stopped is an error.
pub(crate) async fn take_away(run: &mut Run, made: &ContainerInspect) -> Result<(), Halt> {
    let id = made.id().clone();
    if made.pid() != 0 || made.is_up() || made.state() == Some(RunState::Restarting) {
        stop_made(run, &id).await?;
        note_end(run, &id).await;
    }
    match run.perform(Step::RemoveNew, Call::Remove { id: id.clone() }).await {
        Ok(_) => Ok(()),
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => park(run, &id).await,
        Err(halt) => Err(halt),
    }
}

/// An accepted replacement served until now: only from here on is the container down.
async fn note_end(run: &mut Run, id: &ContainerId) {
    if run.journal.op.committed_at.is_none() {
        return;
    }
    let ended = run.deps.engine.inspect_container(id).await.ok().and_then(|made| made.finished_at());
    run.journal.change(|op| op.served_until = op.served_until.or(ended));
}

async fn stop_made(run: &mut Run, id: &ContainerId) -> Result<(), Halt> {
    let grace_seconds = run.journal.op.stop_grace_seconds.min(10);
    match run.perform(Step::StopNew, Call::Stop { id: id.clone(), grace_seconds }).await {
        Ok(_) | Err(Halt::Failed { gone: true, .. }) => Ok(()),
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => {
            run.perform(Step::StopNew, Call::Kill { id: id.clone() }).await.map(|_| ())
        }
        Err(halt) => Err(halt),
    }
}

async fn park(run: &mut Run, id: &ContainerId) -> Result<(), Halt> {
    let temp = run.journal.op.temp_name.clone();
    run.perform(Step::DisarmNew, Call::SetPolicy { id: id.clone(), policy: RestartPolicy::no() }).await?;
    run.perform(Step::ParkNew, Call::Rename { id: id.clone(), name: temp }).await.map(|_| ())
}
