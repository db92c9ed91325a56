//! What the engine shows of an interrupted operation.

use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::update::{Direction, Operation, Step, StepOutcome, StepRecord};
use lodeman_engine::{ContainerInspect, EngineError};
use tokio::time::Instant;

use super::decide::{Facts, NewState, OldState};
use crate::deps::Deps;
use crate::swap::call::{Call, Check};
use crate::swap::perform::{DOUBT, Halt, Run};
use crate::swap::recreate::find_recreated;
use crate::swap::{config_hash, explained_exit};

/// Beyond its grace, how long an abandoned stop may still take effect.
const STOP_MARGIN: Duration = Duration::from_secs(15);

pub(crate) async fn gather(deps: &Deps, op: &Operation, steps: &[StepRecord]) -> Result<Facts, EngineError> {
    let old = find(deps, op).await?;
    let new = match &op.new_id {
        Some(id) => by_id(deps, id).await?,
        None if op.recreation.is_some() => None,
        None => deps.engine.find_container(&op.temp_name).await?,
    };
    let anew = find_recreated(deps, op).await?;
    let holder = deps.engine.find_container(&op.canonical_name).await?;
    let new_id = new.as_ref().map(|c| c.id().clone());
    let anew_id = anew.as_ref().map(|c| c.id().clone());
    let stranger_has_name = holder.as_ref().is_some_and(|c| {
        *c.id() != op.old_id && Some(c.id()) != new_id.as_ref() && Some(c.id()) != anew_id.as_ref()
    });
    let new_state = match &new {
        None => NewState::Gone,
        Some(c) if c.is_up() => NewState::Run,
        Some(c) if c.was_ever_started() => NewState::Down,
        Some(_) => NewState::NeverStarted,
    };
    let exit_explained = match &new {
        Some(c) if new_state == NewState::Down => {
            explained_exit(&*deps.engine, c, &op.boot_id, &deps.owner.boot_id).await
        }
        _ => false,
    };
    Ok(Facts {
        old: match &old {
            None => OldState::Gone,
            Some(c) if c.is_up() => OldState::Run,
            Some(_) => OldState::Down,
        },
        new: new_state,
        old_was_running: op.old_running,
        old_changed: old
            .as_ref()
            .is_some_and(|c| *c.name() != op.canonical_name || config_hash(c) != op.old_config_hash),
        stop_intended: intended(steps, Step::StopOld),
        start_intended: intended(steps, Step::StartNew),
        exit_explained,
        restarted_before: op.restarted_after_explained_exit,
        stranger_has_name,
        going_back: op.direction == Direction::Back,
        was_committed: op.committed_at.is_some(),
    })
}

async fn find(deps: &Deps, op: &Operation) -> Result<Option<ContainerInspect>, EngineError> {
    by_id(deps, &op.old_id).await
}

async fn by_id(
    deps: &Deps,
    id: &lodeman_domain::container::ContainerId,
) -> Result<Option<ContainerInspect>, EngineError> {
    match deps.engine.inspect_container(id).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn intended(steps: &[StepRecord], step: Step) -> bool {
    steps.iter().any(|s| s.step == step)
}

/// A stop whose client vanished still stops the container within its grace. Starting one before the
/// stop is spent would be undone, so it is waited out; it is never issued again on the way back.
pub(crate) async fn settle_stop(run: &mut Run, steps: &[StepRecord]) -> Result<(), Halt> {
    let Some(open) = steps.iter().rev().find(|s| s.step == Step::StopOld && s.is_open()) else {
        return Ok(());
    };
    let op = run.journal.op.clone();
    let grace = Duration::from_secs(op.stop_grace_seconds) + STOP_MARGIN;
    let since = run.deps.clock.now().duration_since(open.intent_at);
    let spent = Duration::try_from(since).unwrap_or(Duration::ZERO);
    let give_up = Instant::now() + grace.saturating_sub(spent);
    loop {
        match by_id(&run.deps, &op.old_id).await {
            Ok(Some(c)) if c.pid() != 0 && Instant::now() < give_up => {
                // The engine was restarted meanwhile: the pending stop died with it.
                if c.started_at() != op.old_started_at {
                    break;
                }
            }
            Ok(_) => break,
            Err(_) => return Err(Halt::EngineLost { step: Step::StopOld }),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    run.journal.settle(open.seq, StepOutcome::Failed, serde_json::json!("settled by recovery"));
    Ok(())
}

/// Any other call whose outcome is open, or whose answer was lost, may take effect a while later as well:
/// what undoes it waits for that. A call that shows its effect is over.
pub(crate) async fn settle_calls(run: &mut Run, steps: &[StepRecord]) -> Result<(), Halt> {
    let now = run.deps.clock.now();
    let rest = |since: Timestamp| {
        let spent = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
        DOUBT.saturating_sub(spent)
    };
    // A hook changes nothing that is undone.
    let is_hook = |s: &StepRecord| matches!(s.step, Step::PreHook | Step::PostHook);
    let lost = steps.iter().filter(|s| s.outcome == Some(StepOutcome::Unknown) && !is_hook(s));
    let doubt = lost.map(|s| rest(s.outcome_at.unwrap_or(s.intent_at))).max();
    if let Some(doubt) = doubt {
        run.doubt_for(doubt);
    }
    let Some(open) = steps.last().filter(|s| s.is_open()) else { return Ok(()) };
    let Ok(call) = serde_json::from_value::<Call>(open.args.clone()) else { return Ok(()) };
    if !call.is_on_a_container() {
        return Ok(());
    }
    let give_up = Instant::now() + rest(open.intent_at);
    while Instant::now() < give_up {
        match call.check(&*run.deps.engine).await {
            Ok(Check::Open(_)) => {}
            Ok(Check::Holds(_) | Check::Never(..)) => break,
            Err(_) => return Err(Halt::EngineLost { step: open.step }),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}
