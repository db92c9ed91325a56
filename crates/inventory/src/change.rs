//! What became different between two snapshots.

use std::sync::Arc;

use lodeman_domain::container::{ContainerId, ContainerName};

use crate::snapshot::{ContainerEntry, HostSnapshot};

/// Something that became different on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostChange {
    /// The whole host was looked at; what changed is told besides, except by the first look.
    Resynced,
    /// Another engine, or another image store of the same one, answers now: ids of before mean
    /// nothing there.
    EngineReplaced,
    /// A container that was not known.
    Appeared {
        /// Its id.
        id: ContainerId,
        /// Its name.
        name: ContainerName,
    },
    /// A container's process was started since the last look.
    Started {
        /// Its id.
        id: ContainerId,
        /// Its name.
        name: ContainerName,
    },
    /// A container's process ended.
    Stopped {
        /// Its id.
        id: ContainerId,
        /// Its name.
        name: ContainerName,
    },
    /// A container has a new name.
    Renamed {
        /// Its id.
        id: ContainerId,
        /// The name it had.
        from: ContainerName,
        /// The name it has.
        to: ContainerName,
    },
    /// Something else about a container: its health, its settings, its networks.
    Updated {
        /// Its id.
        id: ContainerId,
        /// Its name.
        name: ContainerName,
    },
    /// A container that is not there any more.
    Removed {
        /// The id it had.
        id: ContainerId,
        /// The name it had.
        name: ContainerName,
    },
    /// The names or the presence of images that containers were made from.
    Images,
}

impl HostChange {
    /// Whether there may be something to check that was not there before.
    #[must_use]
    pub fn calls_for_a_check(&self) -> bool {
        match self {
            Self::Appeared { .. } | Self::Started { .. } | Self::Renamed { .. } | Self::EngineReplaced => {
                true
            }
            Self::Resynced
            | Self::Stopped { .. }
            | Self::Updated { .. }
            | Self::Removed { .. }
            | Self::Images => false,
        }
    }
}

/// What became different from `old` to `new`.
pub(crate) fn between(old: &HostSnapshot, new: &HostSnapshot) -> Vec<HostChange> {
    let mut changes = Vec::new();
    for (id, entry) in &old.containers {
        if !new.containers.contains_key(id) {
            changes.push(HostChange::Removed { id: id.clone(), name: entry.name().clone() });
        }
    }
    for (id, entry) in &new.containers {
        match old.containers.get(id) {
            None => {
                let (id, name) = (id.clone(), entry.name().clone());
                if entry.inspect.is_up() {
                    changes.push(HostChange::Appeared { id: id.clone(), name: name.clone() });
                    changes.push(HostChange::Started { id, name });
                } else {
                    changes.push(HostChange::Appeared { id, name });
                }
            }
            Some(before) if Arc::ptr_eq(&before.inspect, &entry.inspect) => {}
            Some(before) => of_container(before, entry, &mut changes),
        }
    }
    if images_differ(old, new) {
        changes.push(HostChange::Images);
    }
    changes
}

fn of_container(before: &ContainerEntry, after: &ContainerEntry, changes: &mut Vec<HostChange>) {
    let (old, new) = (&before.inspect, &after.inspect);
    let (id, name) = (new.id().clone(), new.name().clone());
    let known = changes.len();
    if old.name() != new.name() {
        changes.push(HostChange::Renamed { id: id.clone(), from: old.name().clone(), to: name.clone() });
    }
    if new.is_up() && (!old.is_up() || old.started_at() != new.started_at()) {
        changes.push(HostChange::Started { id: id.clone(), name: name.clone() });
    } else if old.is_up() && !new.is_up() {
        changes.push(HostChange::Stopped { id: id.clone(), name: name.clone() });
    }
    if changes.len() == known && old != new {
        changes.push(HostChange::Updated { id, name });
    }
}

fn images_differ(old: &HostSnapshot, new: &HostSnapshot) -> bool {
    old.images.len() != new.images.len()
        || new.images.iter().any(|(id, facts)| {
            old.images
                .get(id)
                .is_none_or(|before| before.present != facts.present || before.inspect != facts.inspect)
        })
}
