//! Doing what was decided, with the code that an operation in progress uses.

use std::time::Duration;

use lodeman_domain::update::{Direction, OperationKind, Phase, Step};

use super::decide::Action;
use crate::swap::call::Call;
use crate::swap::hook;
use crate::swap::perform::{Halt, Run};
use crate::swap::recreate::recreate;
use crate::swap::{
    Abort, Ending, Swapper, abort, back, clean, come_back, find_new, finish, hold, hold_for, is_images_fault,
    validate,
};

/// What is left of a budget at least, so that an interrupted judging means something.
const MIN_BUDGET: Duration = Duration::from_secs(10);

pub(crate) async fn act(
    swapper: &Swapper,
    run: &mut Run,
    action: Action,
    spent: bool,
) -> Result<Ending, Halt> {
    if spent {
        // Once more, but only towards a running container, then no further.
        return match action {
            Action::Abort { .. }
            | Action::RollBack { .. }
            | Action::RecreateOld
            | Action::FinishCommitted
            | Action::StayHeld
            | Action::AlreadyClean => carry_out(swapper, run, action).await,
            Action::ResumeValidation | Action::RestartNew => {
                back(run, "recovery was attempted three times", false).await
            }
            _ => hold(run, "recovery was attempted three times").await,
        };
    }
    carry_out(swapper, run, action).await
}

async fn carry_out(swapper: &Swapper, run: &mut Run, action: Action) -> Result<Ending, Halt> {
    match action {
        Action::Abort { start_old } if run.journal.op.kind == OperationKind::Restart => {
            come_back(run, start_old, "it was interrupted").await
        }
        Action::Abort { start_old } => {
            let reason = hook::interruption(run);
            abort(run, Abort { phase: Phase::Aborted, reason, interrupted: true, start_old }).await
        }
        Action::External { what } if run.journal.op.phase == Phase::Committed => external(run, what).await,
        Action::External { what } => {
            let plan = Abort {
                phase: Phase::External,
                reason: what.to_owned(),
                interrupted: false,
                start_old: false,
            };
            abort(run, plan).await
        }
        Action::RollBack { reason, image_fault } => {
            // Whoever began to go back knew why.
            let reason = run.journal.op.reason.clone().unwrap_or_else(|| reason.to_owned());
            back(run, &reason, image_fault).await
        }
        Action::ResumeValidation => {
            forward_phase(run).await?;
            judge(swapper, run).await
        }
        Action::RestartNew => {
            run.journal.change(|op| {
                op.restarted_after_explained_exit = true;
                op.validate_used_ms = 0;
            });
            start_new(run).await?;
            judge(swapper, run).await
        }
        Action::StartOnlyNew => {
            name_new(run).await?;
            start_new(run).await?;
            match judge(swapper, run).await {
                Err(Halt::Failed { reason, .. }) => {
                    hold(
                        run,
                        &format!("the old container is gone and the replacement is not healthy: {reason}"),
                    )
                    .await
                }
                other => other,
            }
        }
        Action::RecreateOld => recreate_old(run).await,
        Action::FinishCommitted => finish_committed(swapper, run).await,
        Action::RestartCommitted => {
            start_new(run).await?;
            finish_committed(swapper, run).await
        }
        Action::HoldCommitted => {
            hold(run, "post_commit_down: the accepted replacement went down; the old container is kept").await
        }
        Action::Hold { reason } => hold(run, &reason).await,
        Action::StayHeld | Action::AlreadyClean => {
            run.journal.flush().await?;
            Ok(Ending::of(run))
        }
    }
}

async fn external(run: &mut Run, what: &str) -> Result<Ending, Halt> {
    run.journal.change(|op| op.reason = Some(what.to_owned()));
    run.advance(Phase::External, what);
    let ending = Ending::of(run);
    finish(run, &ending).await?;
    Ok(ending)
}

/// The replacement is seen running: the row catches up, whatever was durable.
async fn forward_phase(run: &mut Run) -> Result<(), Halt> {
    let min = u64::try_from(MIN_BUDGET.as_millis()).unwrap_or(0);
    run.journal.change(|op| {
        op.direction = Direction::Forward;
        let left = op.validate_budget_ms.saturating_sub(op.validate_used_ms);
        if left < min.min(op.validate_budget_ms) {
            op.validate_used_ms = op.validate_budget_ms.saturating_sub(min);
        }
    });
    run.advance(Phase::Started, "the replacement runs");
    run.journal.flush().await?;
    Ok(())
}

async fn judge(swapper: &Swapper, run: &mut Run) -> Result<Ending, Halt> {
    run.journal.patient = false;
    match validate(run, swapper.stopping()).await {
        Ok(()) => Ok(Ending::of(run)),
        Err(halt @ (Halt::Journal(_) | Halt::EngineLost { .. })) => Err(halt),
        Err(Halt::Stopping) => Ok(Ending::open(run, "the server stops; judging goes on when it is back")),
        Err(halt) => {
            let old_there = run.deps.engine.inspect_container(&run.journal.op.old_id).await;
            match old_there {
                Ok(_) => {
                    let image_fault = is_images_fault(run, &halt);
                    back(run, &halt.to_string(), image_fault).await
                }
                Err(error) if error.is_not_found() => {
                    hold(run, &format!("there is nothing to go back to: {halt}")).await
                }
                Err(_) => Err(Halt::EngineLost { step: Step::StartNew }),
            }
        }
    }
}

async fn name_new(run: &mut Run) -> Result<(), Halt> {
    let op = run.journal.op.clone();
    let Some(id) = find_new_id(run).await? else { return Ok(()) };
    run.journal.change(|op| op.new_id = Some(id.clone()));
    run.perform(Step::RenameNew, Call::Rename { id, name: op.canonical_name }).await.map(|_| ())
}

async fn find_new_id(run: &Run) -> Result<Option<lodeman_domain::container::ContainerId>, Halt> {
    if let Some(id) = &run.journal.op.new_id {
        return Ok(Some(id.clone()));
    }
    Ok(find_new(run).await?.map(|c| c.id().clone()))
}

async fn start_new(run: &mut Run) -> Result<(), Halt> {
    let step = Step::StartNew;
    let Some(id) = find_new_id(run).await? else { return Err(Halt::Unsettled { step }) };
    let Ok(found) = run.deps.engine.inspect_container(&id).await else {
        return Err(Halt::EngineLost { step });
    };
    if !found.is_up() {
        let call = Call::Start { id, started_before: found.started_at().to_owned() };
        run.perform(step, call).await?;
    }
    if run.journal.op.phase != Phase::Committed {
        run.advance(Phase::Started, "the replacement runs");
    }
    Ok(())
}

/// Accepted: the janitor removes the old container when its time has come.
async fn finish_committed(swapper: &Swapper, run: &mut Run) -> Result<Ending, Halt> {
    if run.journal.op.phase == Phase::Held {
        run.journal.change(|op| {
            op.reason = None;
            op.held_because = None;
        });
        run.advance(Phase::Committed, "the accepted replacement runs again");
    }
    run.journal.flush().await?;
    hook::after(run, swapper.stopping()).await;
    let old = run.deps.engine.inspect_container(&run.journal.op.old_id).await;
    if old.is_err_and(|e| e.is_not_found()) {
        clean(run).await?;
    }
    Ok(Ending::of(run))
}

/// Neither container is there: the recorded settings, the image by its id.
async fn recreate_old(run: &mut Run) -> Result<Ending, Halt> {
    const GONE: &str = "both containers are gone";
    run.journal.patient = true;
    if !matches!(run.journal.op.phase, Phase::RollingBack | Phase::Held) {
        run.journal.change(|op| {
            op.direction = Direction::Back;
            op.reason = Some(GONE.to_owned());
        });
        run.advance(Phase::RollingBack, "making the old container anew: both containers are gone");
    }
    if let Err(halt) = recreate(run).await {
        return hold_for(run, halt, "both containers are gone and the old one cannot be made anew").await;
    }
    run.journal.change(|op| {
        op.reason = Some(format!("{GONE}; the old one was made anew"));
        op.held_because = None;
    });
    run.advance(Phase::RolledBack, "the old container was made anew from its recorded settings");
    let ending = Ending::of(run);
    finish(run, &ending).await?;
    Ok(ending)
}
