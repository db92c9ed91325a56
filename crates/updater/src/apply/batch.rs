//! Applying what is approved, those that others need first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use lodeman_domain::container::ContainerName;
use lodeman_domain::depend::DependencyGraph;
use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_domain::setting::Settings;
use lodeman_store::StoreError;

use super::{Attempt, settle, try_apply};
use crate::control::UpdateSummary;
use crate::swap::Swapper;

/// How many updates are prepared or judged side by side; how many containers may be down at once is
/// the swapper's own limit.
const SIDE_BY_SIDE: usize = 4;

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// The updates that were tried, and those that were held back, by name.
    pub updates: Vec<UpdateSummary>,
    /// Containers that were not touched because one that they need could not be updated, and why.
    pub held: BTreeMap<ContainerName, String>,
}

/// Applies all approved entries that `wanted` picks, level by level of `graph`: what others need comes
/// first, and where that fails they wait for the next time. What holds is asked of `current` before each,
/// so that a pause holds back those that have not begun.
///
/// # Errors
/// [`StoreError`] when the queue cannot be read.
pub async fn apply_approved(
    current: impl Fn() -> (Swapper, Arc<Settings>),
    soak: Option<Duration>,
    graph: &DependencyGraph,
    wanted: impl Fn(&QueueEntry) -> bool,
) -> Result<Batch, StoreError> {
    let mut due: Vec<QueueEntry> = current().0.deps().store.list_queue().await?;
    due.retain(|e| e.state == QueueState::Approved && wanted(e));
    let mut batch = Batch::default();
    let mut failed = BTreeSet::new();
    for groups in levels(due, graph) {
        let (current, known) = (&current, &failed);
        let ended: Vec<Group> = stream::iter(groups)
            .map(|group| apply_group(current, soak, graph, known, group))
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for group in ended {
            failed.extend(group.failed);
            batch.updates.extend(group.batch.updates);
            batch.held.extend(group.batch.held);
        }
    }
    batch.updates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(batch)
}

/// The entries by level, lowest first; within one, groups that need nothing of each other. Those of a
/// group need each other, and stand by name.
fn levels(due: Vec<QueueEntry>, graph: &DependencyGraph) -> Vec<Vec<Vec<QueueEntry>>> {
    let mut levels: BTreeMap<usize, Vec<Vec<QueueEntry>>> = BTreeMap::new();
    let mut cycles: BTreeMap<usize, Vec<QueueEntry>> = BTreeMap::new();
    for entry in due {
        let name = &entry.workload.name;
        match graph.cycle_of(name) {
            Some(cycle) => cycles.entry(cycle).or_default().push(entry),
            None => levels.entry(graph.level(name)).or_default().push(vec![entry]),
        }
    }
    for mut group in cycles.into_values() {
        group.sort_by(|a, b| a.workload.name.cmp(&b.workload.name));
        if let [first, _, ..] = group.as_slice() {
            let names: Vec<&str> = group.iter().map(|entry| entry.workload.name.as_str()).collect();
            let (level, names) = (graph.level(&first.workload.name), names.join(", "));
            tracing::warn!("containers need each other, so they are updated by name: {names}");
            levels.entry(level).or_default().push(group);
        } else if let Some(first) = group.first() {
            levels.entry(graph.level(&first.workload.name)).or_default().push(group);
        }
    }
    levels.into_values().collect()
}

/// What became of a group.
#[derive(Default)]
struct Group {
    batch: Batch,
    failed: BTreeSet<ContainerName>,
}

/// Applies the entries of a group one after the other.
async fn apply_group(
    current: &impl Fn() -> (Swapper, Arc<Settings>),
    soak: Option<Duration>,
    graph: &DependencyGraph,
    failed_before: &BTreeSet<ContainerName>,
    entries: Vec<QueueEntry>,
) -> Group {
    let mut group = Group::default();
    let mut failed = failed_before.clone();
    for entry in entries {
        let name = entry.workload.name.clone();
        let (swapper, settings) = current();
        if let Some(by) = graph.held_back_by(&name, &failed) {
            let why = format!("it needs {by}, whose update failed; it is looked at again by the next scan");
            group.batch.updates.push(hold(&swapper, &entry, &why).await);
            group.batch.held.insert(name, why);
        } else if let Some(Attempt { summary, failed: is_failed }) =
            try_apply(&swapper, &settings, soak, entry).await
        {
            group.batch.updates.push(summary);
            if is_failed {
                failed.insert(name.clone());
                group.failed.insert(name);
            }
        }
    }
    group
}

/// Leaves a container as it is until the next scan. What a person approved stays approved.
async fn hold(swapper: &Swapper, entry: &QueueEntry, why: &str) -> UpdateSummary {
    let by_person = entry.decided_by.is_some();
    let state = if by_person { QueueState::Approved } else { QueueState::Waiting };
    if entry.state != state || entry.note.as_deref() != Some(why) {
        settle(swapper, entry, state, why).await;
    }
    tracing::info!(container.name = %entry.workload.name, "held back: {why}");
    UpdateSummary {
        name: entry.workload.name.clone(),
        operation: None,
        outcome: None,
        target: Some(entry.target.reference.to_string()),
        dark_ms: None,
        reason: Some(why.to_owned()),
    }
}
