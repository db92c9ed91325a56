//! Stopping a container and starting it again, as an operation: whatever interrupts it in between, the
//! container comes up.
//!
//! Forward there is one step, the stop. From its intent on the way is back: start, and see whether it stays
//! up. Nothing is made, renamed or removed.

use lodeman_domain::container::RunState;
use lodeman_domain::image::ImageReference;
use lodeman_domain::update::{Direction, Operation, Phase, Step};
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::ContainerInspect;
use lodeman_store::StoreError;

use super::back::hold_for;
use super::call::Call;
use super::finish::{Ending, finish};
use super::journal::Journal;
use super::perform::{Halt, Run};
use super::restore::start_up;
use super::verify::explained_exit;
use super::{SwapError, SwapReport, Swapper, gate, plan};
use crate::locks::{ContainerGuard, DarkPermit};

impl Swapper {
    /// Stops a container that runs, and starts it again. Whoever asks holds the container's lock, on a task
    /// that nobody drops.
    ///
    /// # Errors
    /// [`SwapError`] when it was not begun; nothing was touched then.
    pub async fn restart(
        &self,
        key: &WorkloadKey,
        by: &str,
        _held: &ContainerGuard,
    ) -> Result<SwapReport, SwapError> {
        if self.stopping().is_cancelled() {
            return Err(SwapError::Stopping);
        }
        self.finish_soak(key).await?;
        let mut run = begin(self, key, by).await?;
        let ended = match stop(self, &mut run).await {
            Ok(_permit) => come_back(&mut run, true, "it was interrupted").await,
            Err(halt) => Err(halt),
        };
        let ending = match ended {
            Ok(ending) => ending,
            Err(halt) => self.turn(&mut run, halt).await,
        };
        Ok(ending.report(run.journal.op.id))
    }
}

async fn begin(swapper: &Swapper, key: &WorkloadKey, by: &str) -> Result<Run, SwapError> {
    let deps = swapper.deps();
    let name = key.name.to_string();
    let refused = |reason: &str| SwapError::Refused { name: name.clone(), reason: reason.to_owned() };
    let missing = || SwapError::NoSuchContainer { name: name.clone() };
    let old = deps.engine.find_container(&key.name).await?.ok_or_else(missing)?;
    if old.auto_remove() {
        return Err(refused("the engine removes it as soon as it stops"));
    }
    let info = deps.engine.info().await?;
    let image = old.image_id().ok_or_else(|| refused("the engine does not tell its image"))?;
    // Only for the record: nothing is pulled or made.
    let written: Option<ImageReference> = old.image_reference().parse().ok();
    let reference = match written {
        Some(reference) => reference,
        None => "unnamed".parse().map_err(|_| refused("its image has no name"))?,
    };
    let op =
        Operation { by_person: Some(by.to_owned()), ..plan::row(deps, key, &old, image, reference, &info) };
    match Journal::create(deps.store.clone(), deps.clock.clone(), op, Vec::new()).await {
        Ok(journal) => Ok(Run::new(deps.clone(), journal)),
        Err(StoreError::Conflict { .. }) => {
            let holder = deps.store.find_open_operation(key).await?;
            let operation = holder.map_or_else(|| "of another process".to_owned(), |o| o.id.to_string());
            Err(SwapError::Busy { name, operation })
        }
        Err(error) => Err(error.into()),
    }
}

/// Held until the container runs again: so many may be down at once.
async fn stop(swapper: &Swapper, run: &mut Run) -> Result<DarkPermit, Halt> {
    let permit = swapper.locks().dark_window().await;
    if swapper.stopping().is_cancelled() {
        return Err(Halt::Stopping);
    }
    gate::still_as_planned(run, Step::StopOld).await?;
    let id = run.journal.op.old_id.clone();
    if inspect(run).await?.state() == Some(RunState::Paused) {
        run.perform(Step::UnpauseOld, Call::Unpause { id: id.clone() }).await?;
    }
    let grace_seconds = run.journal.op.stop_grace_seconds;
    run.perform(Step::StopOld, Call::Stop { id, grace_seconds }).await?;
    run.advance(Phase::OldStopped, "the container is down");
    Ok(permit)
}

async fn inspect(run: &Run) -> Result<ContainerInspect, Halt> {
    let step = Step::StartOld;
    match run.deps.engine.inspect_container(&run.journal.op.old_id).await {
        Ok(found) => Ok(found),
        Err(error) if error.is_not_found() => {
            let reason = "the container was removed by someone else".to_owned();
            Err(Halt::Failed { step, reason, gone: true })
        }
        Err(_) => Err(Halt::EngineLost { step }),
    }
}

/// Starts the container where it was stopped by this operation, and ends the operation by what is seen.
/// `otherwise` is why, where it was not restarted.
pub(crate) async fn come_back(run: &mut Run, was_stopped: bool, otherwise: &str) -> Result<Ending, Halt> {
    run.journal.change(|op| op.direction = Direction::Back);
    run.journal.flush().await?;
    run.wait_out_doubt().await;
    let started = if was_stopped { start_up(run).await } else { Ok(()) };
    let reason = match started {
        Ok(()) => None,
        Err(Halt::Failed { reason, gone: true, .. }) => return end(run, Phase::External, Some(reason)).await,
        // It was started and ended by itself: that is its own, unless the engine took it down.
        Err(Halt::Failed { reason, .. }) if run.refused().is_none() => {
            let down = inspect(run).await?;
            if is_excused(run, &down).await {
                // Once: after a reboot every later exit would be explained by it as well.
                run.journal.change(|op| op.restarted_after_explained_exit = true);
                run.journal.flush().await?;
                return Err(Halt::EngineLost { step: Step::StartOld });
            }
            Some(reason)
        }
        Err(halt) => return hold_for(run, halt, "it cannot be started again").await,
    };
    let now = match inspect(run).await {
        Ok(now) => now,
        Err(Halt::Failed { reason, gone: true, .. }) => return end(run, Phase::External, Some(reason)).await,
        Err(halt) => return Err(halt),
    };
    let runs_anew = now.is_up() && now.started_at() != run.journal.op.old_started_at;
    // One that was frozen is asked to start over, and then runs.
    if reason.is_none() && runs_anew {
        return end(run, Phase::RolledBack, None).await;
    }
    let mut reason = reason.unwrap_or_else(|| otherwise.to_owned());
    if now.is_up() && !runs_anew {
        match freeze_again(run).await {
            Ok(()) => {}
            Err(halt @ (Halt::Failed { .. } | Halt::Unsettled { .. })) => {
                reason = format!("{reason}; it is not frozen again: {halt}");
            }
            Err(halt) => return Err(halt),
        }
    }
    end(run, Phase::Aborted, Some(reason)).await
}

/// Whether the engine, or the machine, took the container down after it was started, for the first time.
async fn is_excused(run: &Run, down: &ContainerInspect) -> bool {
    let op = &run.journal.op;
    !op.restarted_after_explained_exit
        && explained_exit(&*run.deps.engine, down, &op.boot_id, &run.deps.owner.boot_id).await
}

/// Freezes what this operation thawed in order to stop it, and did not stop.
async fn freeze_again(run: &mut Run) -> Result<(), Halt> {
    if !run.journal.op.old_paused {
        return Ok(());
    }
    let steps = run.deps.store.list_steps(run.journal.op.id).await?;
    if steps.iter().any(|step| step.step == Step::UnpauseOld) {
        let id = run.journal.op.old_id.clone();
        run.perform(Step::PauseOld, Call::Pause { id }).await?;
    }
    Ok(())
}

async fn end(run: &mut Run, phase: Phase, reason: Option<String>) -> Result<Ending, Halt> {
    run.journal.change(|op| {
        op.reason = reason;
        op.held_because = None;
    });
    run.advance(phase, "the restart has ended");
    let ending = Ending::of(run);
    finish(run, &ending).await?;
    Ok(ending)
}
