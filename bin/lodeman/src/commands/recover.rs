//! `recover`: what brings interrupted operations to an end.

use lodeman_domain::update::{Outcome, Phase};
use lodeman_updater::control::Control;

use crate::cli::RecoverArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render::{self, Stage};

pub async fn run(
    control: &dyn Control,
    arguments: &RecoverArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if !arguments.apply {
        let plan = control.recovery_plan().await?;
        output.print(&plan, |view, plan| render::recovery(view, plan, Stage::Planned))?;
        // An update that stands and only keeps its old container for a while was not interrupted.
        let nothing =
            plan.operations.iter().all(|item| item.phase == Phase::Committed) && plan.orphans.is_empty();
        return Ok(if nothing { Exit::Done } else { Exit::RecoveryPending });
    }
    let done = control.recover().await?;
    output.print(&done, |view, done| render::recovery(view, done, Stage::Done))?;
    let is_settled = |outcome: Option<Outcome>| outcome.is_some_and(|outcome| outcome != Outcome::Held);
    let settled = done.operations.iter().all(|item| is_settled(item.outcome)) && done.orphans.is_empty();
    Ok(if settled { Exit::Done } else { Exit::NotUpdated })
}
