//! U6 to U9: the old container in its place and running, whatever stands in its way.
//!
//! A full disk is waited out, a taken port is named, and a container that the engine cannot start at all
//! is made anew beside the original. Nothing here removes the old container.

use std::time::Duration;

use lodeman_domain::image::ImageReference;
use lodeman_domain::update::{Phase, Step};
use lodeman_engine::RestartPolicy;
use tokio::time::Instant;

use super::back::remove_new;
use super::call::Call;
use super::perform::{Halt, Run};
use super::ports::{self, Holder};
use super::recreate;
use super::refusal::Cause;

/// How long a full disk is waited out before a person is asked.
const SPACE_PATIENCE: Duration = Duration::from_mins(10);
/// Between a refused start and the second try.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Puts the old container, or one made anew in its stead, in place and starts it where it ran.
pub(crate) async fn restore(run: &mut Run) -> Result<(), Halt> {
    // One that was being made anew is finished, unless the original came up meanwhile.
    if recreate::found(run).await?.is_some() {
        let original_runs = recreate::original(run).await?.is_some_and(|c| c.is_up());
        if !original_runs {
            return stand_in(run, "the engine could not start it").await;
        }
        recreate::undo(run).await?;
    }
    match put_back(run).await {
        Ok(()) => Ok(()),
        Err(halt) if run.refused().is_some() && is_start(&halt) => get_around(run, halt).await,
        Err(halt) => Err(halt),
    }
}

fn is_start(halt: &Halt) -> bool {
    matches!(halt, Halt::Failed { step: Step::StartOld, gone: false, .. })
}

/// Name, restart policy, start. A full disk is made room on, then waited out.
async fn put_back(run: &mut Run) -> Result<(), Halt> {
    let began = Instant::now();
    // What is held already is tried again by the janitor.
    let patience = if run.journal.op.phase == Phase::Held { Duration::ZERO } else { SPACE_PATIENCE };
    let mut pause = Duration::from_secs(1);
    let mut made_room = false;
    loop {
        let halt = match in_place(run).await {
            Ok(()) => return Ok(()),
            Err(halt) => halt,
        };
        if !matches!(halt, Halt::Failed { .. }) || run.refused() != Some(Cause::NoSpace) {
            return Err(halt);
        }
        if !made_room {
            made_room = true;
            tracing::error!(
                container.name = %run.journal.op.canonical_name,
                "the engine's disk is full: making room for the old container"
            );
            make_room(run).await?;
            continue;
        }
        if began.elapsed() >= patience {
            let reason = format!("the engine's disk is full; free some space ({halt})");
            return Err(blocked(&reason));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn blocked(reason: &str) -> Halt {
    Halt::Failed { step: Step::RestoreName, reason: reason.to_owned(), gone: false }
}

async fn in_place(run: &mut Run) -> Result<(), Halt> {
    let op = run.journal.op.clone();
    let call = Call::Rename { id: op.old_id.clone(), name: op.canonical_name };
    run.perform(Step::RestoreName, call).await?;
    let (name, maximum_retry_count) = op.old_restart_policy;
    let policy = RestartPolicy { name, maximum_retry_count };
    run.perform(Step::RearmOld, Call::SetPolicy { id: op.old_id, policy }).await?;
    if op.old_running { start_old(run).await } else { Ok(()) }
}

/// The replacement goes first, then the image that this operation brought, where nothing else uses it.
async fn make_room(run: &mut Run) -> Result<(), Halt> {
    remove_new(run).await?;
    let op = run.journal.op.clone();
    let (true, Some(image)) = (op.image_was_new, op.target_image_id) else { return Ok(()) };
    let needed = run.deps.store.list_open_operations().await?;
    if needed.iter().any(|o| o.id != op.id && o.target_image_id.as_ref() == Some(&image)) {
        return Ok(());
    }
    let Ok(found) = run.deps.engine.inspect_image(image.as_str()).await else { return Ok(()) };
    let ours = |name: &String| {
        let parsed: Option<ImageReference> = name.parse().ok();
        parsed.is_some_and(|n| {
            n.repository() == op.target_reference.repository()
                && (n.digest().is_some() || n.effective_tag() == op.target_reference.effective_tag())
        })
    };
    if !found.repo_tags().iter().filter(|t| !t.starts_with("<none>")).all(ours) {
        return Ok(());
    }
    // Never forced: the engine refuses where a container uses it.
    match run.perform(Step::DropTarget, Call::Untag { name: image.to_string() }).await {
        Ok(_) | Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => Ok(()),
        Err(halt) => Err(halt),
    }
}

/// The engine refused to start the old container, and not for want of space.
async fn get_around(run: &mut Run, halt: Halt) -> Result<(), Halt> {
    let hint = run.refused();
    let Some(old) = recreate::original(run).await? else { return Err(halt) };
    if let Some(holder) = ports::holder(run, &old).await? {
        if run.journal.op.new_id.as_ref() == Some(&holder.id) {
            remove_new(run).await?;
            return put_back(run).await;
        }
        return Err(blocked(&port_held(&holder)));
    }
    if hint == Some(Cause::PortTaken) {
        let ports: Vec<String> = ports::wanted(&old).iter().map(ToString::to_string).collect();
        return Err(blocked(&format!(
            "port_blocked: no container holds its host ports ({}) and the engine says that one is taken; \
             end the process that holds it, or restart the container engine",
            ports.join(", ")
        )));
    }
    if !recreate::may_try(&run.journal.op) {
        return Err(halt);
    }
    // Once may be chance.
    tokio::time::sleep(AGAIN_AFTER).await;
    let halt = match put_back(run).await {
        Ok(()) => return Ok(()),
        Err(again) if run.refused().is_some() && is_start(&again) => again,
        Err(other) => return Err(other),
    };
    tracing::error!(
        container.name = %run.journal.op.canonical_name,
        "the old container cannot be started ({halt}); making it anew from its recorded settings"
    );
    stand_in(run, &halt.to_string()).await
}

fn port_held(holder: &Holder) -> String {
    let Holder { name, port, .. } = holder;
    format!("port_blocked: its host port {port} is held by container `{name}`")
}

/// Has a container made anew take the place of the original; where that does not come up either, the
/// original is put back, so that what can come right by itself does.
async fn stand_in(run: &mut Run, why: &str) -> Result<(), Halt> {
    run.wait_out_doubt().await;
    let failed = match recreate::recreate(run).await {
        Ok(()) => return Ok(()),
        Err(halt @ (Halt::Failed { .. } | Halt::Unsettled { .. })) => halt,
        Err(halt) => return Err(halt),
    };
    recreate::undo(run).await?;
    run.wait_out_doubt().await;
    match in_place(run).await {
        Ok(()) => Ok(()),
        Err(Halt::Failed { .. } | Halt::Unsettled { .. }) => {
            Err(blocked(&format!("it cannot be started ({why}), and one made anew cannot either: {failed}")))
        }
        Err(halt) => Err(halt),
    }
}

/// The renaming of the old container may have been the last thing asked. A name that someone else gave
/// it is theirs.
pub(crate) async fn restore_name(run: &mut Run) -> Result<(), Halt> {
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

/// U8 and U9: starts the old container unless it is up, and freezes it again where it was frozen.
pub(crate) async fn start_old(run: &mut Run) -> Result<(), Halt> {
    start_up(run).await?;
    if run.journal.op.old_paused {
        let id = run.journal.op.old_id.clone();
        run.perform(Step::PauseOld, Call::Pause { id }).await?;
    }
    Ok(())
}

/// U8: starts the old container unless it is up.
pub(crate) async fn start_up(run: &mut Run) -> Result<(), Halt> {
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
        let call = Call::Start { id, started_before: old.started_at().to_owned() };
        run.perform(Step::StartOld, call).await?;
    }
    Ok(())
}

/// How long the container was down, by the engine's own clock.
pub(crate) async fn dark_ms(run: &Run) -> Option<u64> {
    let old = run.deps.engine.inspect_container(&run.journal.op.old_id).await.ok()?;
    let up = match recreate::found(run).await.ok()? {
        Some(anew) => anew,
        None if old.started_at() == run.journal.op.old_started_at => return None,
        None => old.clone(),
    };
    let op = &run.journal.op;
    // Between its acceptance and its end the replacement served.
    let down = if op.committed_at.is_some() { op.served_until? } else { old.finished_at()? };
    u64::try_from(up.started_instant()?.duration_since(down).as_millis()).ok()
}
