//! Leftovers that no journal row explains: the database was lost, or restored from a backup. Without
//! a journal their intent is not known, so by default they are only reported.

use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_engine::{ContainerEngine, EngineError, RestartPolicy};
use serde::{Deserialize, Serialize};

use crate::deps::Deps;
use crate::swap::names::{Role, parse_derived};

/// What is found under one canonical name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// The canonical name, as the leftovers spell it.
    pub canonical: String,
    /// The retained old container, if there is one.
    pub old: Option<ContainerId>,
    /// The prepared replacement, if there is one.
    pub new: Option<ContainerId>,
    /// What is found.
    pub finding: Finding,
}

/// What the leftovers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The name's container runs; a retained old one is left over.
    RunningWithOld,
    /// The name's container was never started; the old one is the proven one.
    NeverStartedWithOld,
    /// No container has the name; only the old one is there.
    OnlyOld,
    /// The name's container runs; a replacement that was never started is left over.
    RunningWithNew,
    /// Anything else.
    Unclear,
}

impl Finding {
    /// What a person can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::RunningWithOld => "remove the retained old container, or swap back to it",
            Self::NeverStartedWithOld | Self::OnlyOld => "restore the retained old container",
            Self::RunningWithNew => "remove the prepared replacement",
            Self::Unclear => "look at these containers",
        }
    }

    /// Whether the old container is the only proven one.
    #[must_use]
    pub fn can_be_restored(self) -> bool {
        matches!(self, Self::NeverStartedWithOld | Self::OnlyOld)
    }
}

/// Looks for leftovers.
///
/// # Errors
/// When engine or journal cannot be asked.
pub async fn find(deps: &Deps) -> Result<Vec<Orphan>, super::RecoverError> {
    let mut found: Vec<Orphan> = Vec::new();
    for container in deps.engine.list_containers().await? {
        let Some(name) = container.name() else { continue };
        let Some((stem, role, op8)) = parse_derived(name) else { continue };
        if deps.store.find_operation_by_op8(&deps.host, op8).await?.is_some() {
            continue;
        }
        let at = found.iter().position(|o| o.canonical == stem).unwrap_or_else(|| {
            let canonical = stem.to_owned();
            found.push(Orphan { canonical, old: None, new: None, finding: Finding::Unclear });
            found.len() - 1
        });
        let slot = if role == Role::Old { &mut found[at].old } else { &mut found[at].new };
        *slot = Some(container.id.clone());
    }
    for orphan in &mut found {
        orphan.finding = judge(&*deps.engine, orphan).await?;
    }
    Ok(found)
}

async fn judge(engine: &dyn ContainerEngine, orphan: &Orphan) -> Result<Finding, EngineError> {
    let Ok(name) = orphan.canonical.parse::<ContainerName>() else { return Ok(Finding::Unclear) };
    let holder = engine.find_container(&name).await?;
    Ok(match (holder, &orphan.old, &orphan.new) {
        (Some(c), Some(_), _) if c.is_up() => Finding::RunningWithOld,
        (Some(c), Some(_), _) if !c.was_ever_started() => Finding::NeverStartedWithOld,
        (None, Some(_), _) => Finding::OnlyOld,
        (Some(c), None, Some(_)) if c.is_up() => Finding::RunningWithNew,
        _ => Finding::Unclear,
    })
}

/// Puts the retained old container of `orphan` back in place. The never-started one that has its name
/// makes way; its restart policy is the one the old container had, so that is carried back.
///
/// # Errors
/// When the engine refuses or cannot be asked.
pub async fn restore(engine: &dyn ContainerEngine, orphan: &Orphan) -> Result<(), EngineError> {
    let (Some(old), Ok(name)) = (&orphan.old, orphan.canonical.parse::<ContainerName>()) else {
        return Ok(());
    };
    if !orphan.finding.can_be_restored() {
        return Ok(());
    }
    let mut policy: Option<RestartPolicy> = None;
    if let Some(holder) = engine.find_container(&name).await? {
        if holder.was_ever_started() || holder.id() == old {
            return Ok(());
        }
        policy = Some(holder.restart_policy());
        engine.remove_container(holder.id()).await?;
    } else if let Some(new) = &orphan.new {
        let prepared = engine.inspect_container(new).await?;
        if !prepared.was_ever_started() {
            policy = Some(prepared.restart_policy());
            engine.remove_container(new).await?;
        }
    }
    engine.rename(old, &name).await?;
    if let Some(policy) = policy {
        engine.set_restart_policy(old, &policy).await?;
    }
    engine.start(old).await
}
