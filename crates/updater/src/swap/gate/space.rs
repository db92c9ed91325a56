//! Enough room on the engine's disk.
//!
//! On a full disk a stop still stops and nothing starts again (crash-safety contract, D17): so there has
//! to be room before the container goes down, and before anything is written at all.

use lodeman_domain::update::Step;

use crate::swap::perform::{Halt, Run};

/// Halts before `step` where the engine's disk is nearly full. What cannot be known is told, once in an
/// operation, and passes.
pub(in crate::swap) async fn enough_space(run: &Run, step: Step) -> Result<(), Halt> {
    let needed = run.deps.swap.space_reserve_bytes;
    if needed == 0 {
        return Ok(());
    }
    let space = match run.deps.engine.disk_space(&run.journal.op.old_id).await {
        Ok(Some(space)) => space,
        unknown => {
            if step == Step::PinOldImage {
                let why = unknown.err().map_or_else(String::new, |error| format!(" ({error})"));
                let message = format!("the free space of the engine's disk cannot be known from here{why}");
                run.tell(run.journal.op.phase, &message);
            }
            return Ok(());
        }
    };
    if space.free_bytes >= needed {
        return Ok(());
    }
    let reason = format!(
        "the engine's disk is nearly full: {} has {} free, {} are needed",
        space.path,
        mebibytes(space.free_bytes),
        mebibytes(needed)
    );
    Err(Halt::Failed { step, reason, gone: false })
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
