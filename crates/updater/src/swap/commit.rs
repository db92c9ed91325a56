//! Acceptance, and what follows it: only forward from here.

use jiff::SignedDuration;
use lodeman_domain::update::{Direction, Phase, Step};
use lodeman_store::{RollbackPoint, Write};

use super::call::Call;
use super::finish::{Ending, finish};
use super::hook;
use super::names::pin_name;
use super::perform::{Halt, Run};

/// The durable decision. Row, history, queue, rollback point and events are one commit.
pub(crate) async fn commit(run: &mut Run) -> Result<(), Halt> {
    let dark_ms = dark_ms(run).await;
    let post_hook_due = hook::is_due(run).await;
    let now = run.deps.clock.now();
    run.journal.change(|op| {
        op.dark_ms = dark_ms;
        op.post_hook_due = post_hook_due;
        op.committed_at = Some(now);
        op.direction = Direction::Forward;
    });
    let lifetime = SignedDuration::try_from(run.deps.swap.rollback_lifetime).unwrap_or(SignedDuration::MAX);
    let op = &run.journal.op;
    let point = RollbackPoint {
        op: op.id,
        workload: run.journal.key(),
        image_id: op.old_image_id.clone(),
        manifest: op.old_manifest.clone(),
        repo_digests: op.old_repo_digests.clone(),
        reference: op.old_reference.clone(),
        pin: pin_name(op.id),
        created_at: now,
        expires_at: now.saturating_add(lifetime).unwrap_or(now),
    };
    // One rollback point a container: the janitor takes the pins of the others off.
    let key = run.journal.key();
    for older in run.deps.store.list_rollback_points().await?.into_iter().filter(|p| p.workload == key) {
        run.journal.also(Write::DropRollbackPoint(older.op));
    }
    run.journal.also(Write::PutRollbackPoint(point));
    run.advance(Phase::Committed, "the replacement is accepted");
    let ending = Ending::of(run);
    finish(run, &ending).await
}

/// How long the container was down, by the engine's own clock.
pub(crate) async fn dark_ms(run: &Run) -> Option<u64> {
    let op = &run.journal.op;
    if !op.old_running {
        return None;
    }
    let down = run.deps.engine.inspect_container(&op.old_id).await.ok()?.finished_at()?;
    let up = run.deps.engine.inspect_container(op.new_id.as_ref()?).await.ok()?.started_instant()?;
    u64::try_from(up.duration_since(down).as_millis()).ok()
}

/// Steps 17 and 18: removes the old container, once the replacement is seen running.
pub(crate) async fn clean(run: &mut Run) -> Result<(), Halt> {
    let op = run.journal.op.clone();
    if op.old_running {
        let new = match &op.new_id {
            Some(id) => run.deps.engine.inspect_container(id).await,
            None => return Err(Halt::Unsettled { step: Step::RemoveOld }),
        };
        match new {
            Ok(found) if found.is_up() => {}
            Ok(_) => {
                let reason =
                    "post_commit_down: the replacement is down, so the old container is kept".to_owned();
                return Err(Halt::Failed { step: Step::RemoveOld, reason, gone: false });
            }
            Err(error) if error.is_not_found() => {
                let reason =
                    "the replacement was removed by someone else; the old container is kept".to_owned();
                return Err(Halt::Failed { step: Step::RemoveOld, reason, gone: true });
            }
            Err(_) => return Err(Halt::EngineLost { step: Step::RemoveOld }),
        }
    }
    run.perform(Step::RemoveOld, Call::Remove { id: op.old_id }).await?;
    run.advance(Phase::Cleaned, "the old container is removed");
    run.journal.flush().await?;
    Ok(())
}
