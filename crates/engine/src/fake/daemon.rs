//! The engine itself going down and coming back: which containers survive it, and which are started.

use lodeman_domain::container::{ContainerId, RunState};

use super::state::{Actor, State};

/// How an engine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// Asked to: it stops its containers first, unless they survive its restarts.
    Clean,
    /// Killed: what still runs is stopped by the engine when it comes back, unless containers
    /// survive its restarts.
    Killed,
    /// The machine loses power: every process is gone.
    PowerCut,
}

impl State {
    /// Takes the engine down.
    pub(super) fn go_down(&mut self, how: Shutdown) {
        if !self.up {
            return;
        }
        if !self.options.live_restore || how == Shutdown::PowerCut {
            let up: Vec<ContainerId> = self
                .ids(|state| matches!(state, RunState::Running | RunState::Paused | RunState::Restarting));
            for id in up {
                self.end_with_engine(&id, how);
            }
        }
        for container in self.containers.values_mut() {
            // A stop that was under way is forgotten with the engine that ran it.
            container.pending_stop = None;
        }
        self.up = false;
        for subscriber in self.subscribers.values_mut() {
            subscriber.broken = true;
        }
    }

    fn ids(&self, wanted: impl Fn(RunState) -> bool) -> Vec<ContainerId> {
        self.containers.values().filter(|c| wanted(c.state)).map(|c| c.id.clone()).collect()
    }

    /// Its process ends because the engine does: not by request, and nobody restarts it now.
    fn end_with_engine(&mut self, id: &ContainerId, how: Shutdown) {
        let finished = self.date();
        self.release(id);
        let Some(container) = self.containers.get_mut(id) else { return };
        container.run += 1;
        container.exit_code = match how {
            Shutdown::PowerCut => 255,
            Shutdown::Clean | Shutdown::Killed => {
                container.behaviour.stops_after.map_or(137, |_| container.behaviour.stop_code)
            }
        };
        container.state = RunState::Exited;
        container.pid = 0;
        container.up_since = None;
        container.finished_at = Some(finished);
        // The stop that a killed engine makes up for counts as one on request.
        container.stopped_by_hand = how == Shutdown::Killed && container.policy() == "unless-stopped";
        container.listed_as = None;
    }

    /// Brings the engine back.
    pub(super) fn come_up(&mut self) {
        if self.up {
            return;
        }
        self.up = true;
        self.generation += 1;
        self.leaked_ports.clear();
        if self.disk_full {
            // A list read from a database that could not be written stays empty.
            for container in self.containers.values_mut() {
                container.missing_from_list = true;
            }
        }
        let doomed: Vec<ContainerId> = self
            .containers
            .values()
            .filter(|c| c.auto_remove() && !c.is_up())
            .map(|c| c.id.clone())
            .collect();
        for id in doomed {
            let _ = self.remove(&id, true);
        }
        let starting: Vec<ContainerId> =
            self.containers.values().filter(|c| starts_with_engine(c)).map(|c| c.id.clone()).collect();
        for id in starting {
            if self.launch(&id).is_ok()
                && let Some(container) = self.containers.get_mut(&id)
            {
                container.stopped_by_hand = false;
            }
        }
        self.judge_state(Actor::Engine);
    }
}

/// Whether the engine starts a container when it comes up. One that was never started, never.
fn starts_with_engine(container: &super::container::Container) -> bool {
    let ended = matches!(container.state, RunState::Exited | RunState::Restarting);
    ended && container.started_at.is_some() && eligible(container)
}

/// Whether a restart of the engine would bring this container up, as it is now.
pub(super) fn eligible(container: &super::container::Container) -> bool {
    if container.started_at.is_none() {
        return false;
    }
    match container.policy() {
        // Even after it was stopped on request.
        "always" => true,
        "unless-stopped" => !container.stopped_by_hand,
        "on-failure" => !container.stopped_by_hand && (container.is_up() || container.exit_code != 0),
        _ => false,
    }
}
