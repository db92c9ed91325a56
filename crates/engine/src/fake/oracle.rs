//! Judging every call at the moment it arrives: I1 (the last candidate) and I3 (one writer) of the
//! crash-safety contract, section 0.

use std::collections::{BTreeMap, BTreeSet};

use lodeman_domain::container::{ContainerId, ContainerName};

use super::container::Container;
use super::daemon::eligible;
use super::state::{Actor, State};
use crate::spec::is_reserved_name;

/// What the oracle has seen.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) violations: Vec<String>,
    /// Families that break a rule already, by rule: reported once, or not ours to report.
    known: BTreeSet<(&'static str, String)>,
}

/// Length from which a name may have been cut before an update's mark was appended.
const CUT: usize = 150;

impl State {
    /// The name that all containers of one workload share: what an update appends is cut off.
    pub(super) fn family_for(&self, name: &ContainerName) -> String {
        if !is_reserved_name(name) {
            return name.as_str().to_owned();
        }
        let text = name.as_str();
        // `__new__` and the eight digits after it.
        let head = &text[..text.len() - "__new__".len() - 8];
        let begins = head.get(..CUT);
        let known = self.containers.values().map(|c| &c.family);
        let whole = known.into_iter().find(|family| begins.is_some_and(|begins| family.starts_with(begins)));
        whole.cloned().unwrap_or_else(|| head.to_owned())
    }

    /// I3: never two of a family up, never two that the engine would start by itself.
    pub(super) fn judge_state(&mut self, actor: Actor) {
        let mut up: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
        let mut armed: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
        for container in self.containers.values().filter(|c| !c.auto_remove()) {
            if container.is_up() {
                up.entry(&container.family).or_default().push(container);
            }
            if eligible(container) {
                armed.entry(&container.family).or_default().push(container);
            }
        }
        let mut broken = BTreeMap::new();
        for (rule, families) in [("both run", up), ("both would be started by the engine", armed)] {
            for (family, members) in families.into_iter().filter(|(_, members)| members.len() > 1) {
                let names: Vec<&str> = members.iter().map(|c| c.name.as_str()).collect();
                broken.insert((rule, family.to_owned()), names.join(" and "));
            }
        }
        self.oracle.known.retain(|key| broken.contains_key(key));
        for (key, names) in broken {
            let fresh = self.oracle.known.insert(key.clone());
            if fresh && actor != Actor::Outsider {
                self.oracle.violations.push(format!("I3: {names}: {}", key.0));
            }
        }
    }

    /// I1: a container may go only if its family keeps one that is proven.
    pub(super) fn judge_removal(&mut self, id: &ContainerId) {
        let Some(doomed) = self.containers.get(id) else { return };
        let others = || self.containers.values().filter(|c| c.family == doomed.family && c.id != *id);
        let kept = others().any(|other| {
            let in_place = other.name.as_str() == doomed.family;
            other.standing.proven
                || (in_place && other.is_up())
                || (in_place && other.standing.made_while_down && !doomed.is_up())
        });
        let untried = doomed.started_at.is_none() && others().any(|c| c.started_at.is_some());
        if !kept && !untried {
            let message = format!("I1: `{}` is removed although nothing proven is left", doomed.name);
            self.oracle.violations.push(message);
            return;
        }
        // What stays in its place is the incumbent from now on.
        let family = doomed.family.clone();
        for other in self.containers.values_mut().filter(|c| c.family == family && c.id != *id) {
            other.standing.proven |=
                other.name.as_str() == family && (other.is_up() || other.standing.made_while_down);
        }
    }
}
