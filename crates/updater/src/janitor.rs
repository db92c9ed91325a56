//! Clearing up behind operations: old containers whose time is over, pins nobody needs, images no
//! rollback needs, and starts that could not succeed yet.

use std::collections::HashSet;

use jiff::SignedDuration;
use lodeman_domain::update::{Direction, Operation, Phase, Step};
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{StoreError, Write};

use crate::swap::call::Call;
use crate::swap::journal::Journal;
use crate::swap::names::{PIN_PREFIX, Role, parse_derived, pin_name};
use crate::swap::perform::{Halt, Run};
use crate::swap::{Swapper, clean};

/// Clears up once.
///
/// # Errors
/// [`StoreError`] when the journal cannot be read. What the engine refuses is left for the next time.
pub async fn tidy(swapper: &Swapper) -> Result<(), StoreError> {
    let deps = swapper.deps();
    for op in deps.store.list_open_operations().await? {
        match op.phase {
            Phase::Committed if soak_is_over(swapper, &op) => end_soak(swapper, op).await?,
            Phase::Held if op.direction == Direction::Back || op.committed_at.is_some() => {
                retry_held(swapper, op).await?;
            }
            _ => {}
        }
    }
    if let Err(error) = remove_leftovers(swapper).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "leftovers are looked at again later");
    }
    drop_expired(swapper).await?;
    if let Err(error) = unpin(swapper).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "pins are looked at again later");
    }
    Ok(())
}

fn key(op: &Operation) -> WorkloadKey {
    WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() }
}

fn soak_is_over(swapper: &Swapper, op: &Operation) -> bool {
    let config = &swapper.deps().swap;
    // An exchanged container that was not running is not proven: its old one is kept longer.
    let kept = if op.old_running { config.soak } else { config.rollback_lifetime };
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    op.committed_at.is_none_or(|at| swapper.deps().clock.now().duration_since(at) >= kept)
}

async fn end_soak(swapper: &Swapper, op: Operation) -> Result<(), StoreError> {
    let deps = swapper.deps();
    let Some(_guard) = swapper.locks().try_container(&key(&op)) else { return Ok(()) };
    let steps = deps.store.list_steps(op.id).await?;
    let name = op.canonical_name.clone();
    let mut run = Run::new(deps.clone(), Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps));
    match clean(&mut run).await {
        Ok(()) => Ok(()),
        Err(Halt::Journal(error)) => Err(error),
        Err(halt) => {
            tracing::warn!(container.name = %name, "the old container is kept: {halt}");
            Ok(())
        }
    }
}

/// An operation that is held only because one start did not succeed completes by itself once it can.
async fn retry_held(swapper: &Swapper, op: Operation) -> Result<(), StoreError> {
    let Some(_guard) = swapper.locks().try_container(&key(&op)) else { return Ok(()) };
    let id = op.id;
    match crate::recover::recover_held(swapper, op).await {
        Ok(_) => Ok(()),
        Err(crate::recover::RecoverError::Store(error)) => Err(error),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, operation = %id, "still held");
            Ok(())
        }
    }
}

/// Removes what an ended operation of ours left under a name of its own: a replacement that could not be
/// removed then, or that a lost request made later. Only what does not run, and never the container
/// that has, or had, the canonical name.
async fn remove_leftovers(swapper: &Swapper) -> Result<(), crate::recover::RecoverError> {
    let deps = swapper.deps();
    for container in deps.engine.list_containers().await? {
        let Some((name, op8)) = container
            .name()
            .and_then(|n| Some((n, parse_derived(n)?)))
            .and_then(|(name, (_, role, op8))| (role == Role::New).then(|| (name.clone(), op8.to_owned())))
        else {
            continue;
        };
        let Some(op) = deps.store.find_operation_by_op8(&deps.host, &op8).await? else { continue };
        let ended = op.phase.is_terminal() || op.phase == Phase::Committed;
        let is_accepted = op.new_id.as_ref() == Some(&container.id) && op.committed_at.is_some();
        if !ended || is_accepted || name != op.temp_name || container.id == op.old_id {
            continue;
        }
        let Some(_guard) = swapper.locks().try_container(&key(&op)) else { continue };
        let found = match deps.engine.inspect_container(&container.id).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        if found.is_up() || found.pid() != 0 {
            continue;
        }
        let steps = deps.store.list_steps(op.id).await?;
        let mut run =
            Run::new(deps.clone(), Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps));
        match run.perform(Step::RemoveNew, Call::Remove { id: container.id }).await {
            Ok(_) => {
                run.journal.flush().await?;
                tracing::info!(container.name = %name, "removed a leftover");
            }
            Err(halt) => tracing::debug!(container.name = %name, "the leftover stays: {halt}"),
        }
    }
    Ok(())
}

async fn drop_expired(swapper: &Swapper) -> Result<(), StoreError> {
    let deps = swapper.deps();
    let now = deps.clock.now();
    let mut writes = Vec::new();
    for point in deps.store.list_rollback_points().await? {
        if point.expires_at <= now {
            writes.push(Write::DropRollbackPoint(point.op));
            writes.push(Write::DropSpecs(point.op));
        }
    }
    if writes.is_empty() { Ok(()) } else { deps.store.commit(writes).await }
}

/// Takes off pins that neither a rollback point nor an open operation needs, and removes images that
/// then have no name and no use. Never forced; a refusal is respected.
async fn unpin(swapper: &Swapper) -> Result<(), crate::recover::RecoverError> {
    let deps = swapper.deps();
    let open = deps.store.list_open_operations().await?;
    // Between its plan and its acceptance an operation may rely on any image.
    if open.iter().any(|op| !matches!(op.phase, Phase::Committed | Phase::Held)) {
        return Ok(());
    }
    let points = deps.store.list_rollback_points().await?;
    let mut needed: HashSet<String> = points.iter().map(|p| p.pin.clone()).collect();
    needed.extend(open.iter().map(|op| pin_name(op.id)));
    let containers = deps.engine.list_containers().await?;
    for image in deps.engine.list_images().await? {
        let (pins, others): (Vec<&String>, Vec<&String>) =
            image.repo_tags.iter().partition(|t| t.starts_with(PIN_PREFIX));
        if pins.is_empty() || pins.iter().any(|pin| needed.contains(*pin)) {
            continue;
        }
        let used = containers.iter().any(|c| c.image_id.as_ref() == Some(&image.id))
            || points.iter().any(|p| p.image_id == image.id);
        let only_pins = others.iter().all(|t| t.starts_with("<none>"));
        if only_pins && !used && !deps.swap.image_cleanup {
            // Without its last name the image would go, and it is to be kept.
            continue;
        }
        for pin in pins {
            if let Err(error) = deps.engine.remove_image(pin).await {
                tracing::debug!(error = &error as &dyn std::error::Error, %pin, "the pin stays");
            }
        }
        if only_pins && !used && deps.engine.inspect_image(image.id.as_str()).await.is_ok() {
            match deps.engine.remove_image(image.id.as_str()).await {
                Ok(()) => {
                    tracing::info!(image = %image.id, "removed an image that no rollback needs any more");
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, image = %image.id, "the image stays");
                }
            }
        }
    }
    Ok(())
}
