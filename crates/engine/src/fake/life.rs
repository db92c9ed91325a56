//! Starting, stopping and what happens in between.

use std::time::Duration;

use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use tokio::time::Instant;

use super::container::PendingStop;
use super::image::HealthScript;
use super::state::{Actor, Due, State, refused};
use crate::{EngineError, EventAction, RestartPolicy};

const START: &str = "start a container";

/// First pause before an automatic restart; it doubles up to a minute.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// A run longer than this makes the engine forget earlier restarts when it chooses a pause.
const STEADY_RUN: Duration = Duration::from_secs(10);

impl State {
    /// Starts a container on request. Starting what runs, or is about to be stopped, changes nothing.
    pub(super) fn start(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let container = self.get(START, id)?;
        match container.state {
            RunState::Running | RunState::Restarting => return Ok(()),
            RunState::Paused => return Err(refused(START, 409, "cannot start a paused container")),
            RunState::Removing | RunState::Dead => {
                return Err(refused(START, 409, "container is marked for removal and cannot be started"));
            }
            RunState::Created | RunState::Exited => {}
        }
        self.no_space(START)?;
        self.get(START, id)?.restart_count = 0;
        self.launch(id)?;
        self.get(START, id)?.stopped_by_hand = false;
        Ok(())
    }

    /// Starts its process: on request, by policy or after a restart of the engine.
    pub(super) fn launch(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let ready = self.prepare_launch(id);
        if let Err((status, code, message)) = ready {
            self.release(id);
            let container = self.get(START, id)?;
            container.exit_code = code;
            container.error.clone_from(&message);
            return Err(refused(START, status, message));
        }
        let now = self.now();
        let started = self.date();
        let pid = i64::try_from(self.next() % 30_000).unwrap_or(0) + 1000;
        let container = self.get(START, id)?;
        let before = container.state;
        container.run += 1;
        container.state = RunState::Running;
        container.pid = pid;
        container.exit_code = 0;
        container.error.clear();
        container.oom_killed = false;
        container.started_at = Some(started);
        container.up_since = Some(now);
        container.pending_stop = None;
        container.health = container.has_health_check().then_some("starting");
        let lines = container.behaviour.log_lines.clone();
        container.log.extend(lines);
        let behaviour = container.behaviour.clone();
        let checked = container.health.is_some();
        if let Some((span, code)) = behaviour.exits_after {
            self.plan(now + span, id, Due::Exit(code));
        }
        if checked {
            let verdicts: Vec<(Duration, &'static str)> = match behaviour.health {
                HealthScript::HealthyAfter(span) => vec![(span, "healthy")],
                HealthScript::UnhealthyAfter(span) => vec![(span, "unhealthy")],
                HealthScript::HealthyThenUnhealthy(first, then) => {
                    vec![(first, "healthy"), (then, "unhealthy")]
                }
                HealthScript::NeverDecided => Vec::new(),
            };
            for (span, verdict) in verdicts {
                self.plan(now + span, id, Due::Health(verdict));
            }
        }
        self.touched(id, before);
        self.emit(id, EventAction::Start);
        Ok(())
    }

    /// Takes addresses and ports. The error carries status, exit code and message.
    fn prepare_launch(&mut self, id: &ContainerId) -> Result<(), (u16, i64, String)> {
        let Some(container) = self.containers.get(id) else {
            return Err((404, 0, format!("No such container: {id}")));
        };
        for mode in [container.network_mode(), crate::spec::value::text(&container.host_config, "PidMode")] {
            let Some(other) = mode.strip_prefix("container:") else { continue };
            let provider = self.lookup(other);
            if !provider.is_some_and(super::container::Container::is_up) {
                let status = if provider.is_none() && !self.api_at_least((1, 45)) { 404 } else { 500 };
                let message = format!("cannot join network of a non running container: {other}");
                return Err((status, 128, message));
            }
        }
        if let Some(missing) =
            container.links.iter().find(|(target, _)| !self.containers.contains_key(target))
        {
            return Err((500, 128, format!("Cannot link to a removed container: {}", missing.1)));
        }
        if let Some(error) = container.behaviour.start_error.clone() {
            return Err((400, 127, error));
        }
        self.assign_addresses(START, id).map_err(|e| (e.status().unwrap_or(500), 128, e.to_string()))?;
        self.publish_ports(id).map_err(|message| (500, 128, message))
    }

    /// Asks a container to stop. Gives the moment at which it will be down; `None` when it is.
    pub(super) fn ask_to_stop(
        &mut self,
        id: &ContainerId,
        grace: Duration,
    ) -> Result<Option<Instant>, EngineError> {
        let now = self.now();
        let container = self.get("stop a container", id)?;
        if !matches!(container.state, RunState::Running | RunState::Paused | RunState::Restarting) {
            return Ok(None);
        }
        container.stopped_by_hand = true;
        if container.state == RunState::Restarting {
            self.finish(id, None);
            return Ok(None);
        }
        if container.state == RunState::Paused {
            container.state = RunState::Running;
            self.emit(id, EventAction::Unpause);
        }
        let container = self.get("stop a container", id)?;
        let (span, code) = match container.behaviour.stops_after {
            Some(obeys) if obeys <= grace => (obeys, container.behaviour.stop_code),
            _ => (grace, 137),
        };
        let asked = PendingStop { at: now + span, code };
        // A second request joins the first; a shorter grace ends it sooner.
        let pending = match container.pending_stop {
            Some(pending) if pending.at <= asked.at => pending,
            _ => asked,
        };
        container.pending_stop = Some(pending);
        self.plan(pending.at, id, Due::Stopped);
        Ok(Some(pending.at))
    }

    pub(super) fn kill(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        const KILL: &str = "kill a container";
        let container = self.get(KILL, id)?;
        if !container.is_up() {
            return Err(refused(KILL, 409, format!("Container {id} is not running")));
        }
        container.stopped_by_hand = true;
        self.finish(id, Some(137));
        Ok(())
    }

    pub(super) fn pause(&mut self, id: &ContainerId, pause: bool) -> Result<(), EngineError> {
        let action = if pause { "pause a container" } else { "unpause a container" };
        let container = self.get(action, id)?;
        let (from, to) =
            if pause { (RunState::Running, RunState::Paused) } else { (RunState::Paused, RunState::Running) };
        if container.state != from {
            return Err(refused(action, 409, format!("Container {id} is {:?}", container.state)));
        }
        container.state = to;
        self.touched(id, from);
        self.emit(id, if pause { EventAction::Pause } else { EventAction::Unpause });
        Ok(())
    }

    pub(super) fn rename(
        &mut self,
        actor: Actor,
        id: &ContainerId,
        name: &ContainerName,
    ) -> Result<(), EngineError> {
        const RENAME: &str = "rename a container";
        let own = self.get(RENAME, id)?.name.clone();
        if own == *name {
            return Err(refused(RENAME, 400, "Renaming a container with the same name as its current name"));
        }
        if let Some(holder) = self.by_name(name.as_str()) {
            let message =
                format!("The container name \"/{name}\" is already in use by container {}", holder.id);
            return Err(refused(RENAME, 409, message));
        }
        self.no_space(RENAME)?;
        let family = self.family_for(name);
        let container = self.get(RENAME, id)?;
        container.name = name.clone();
        if actor != Actor::Lodeman {
            container.family = family;
        }
        let state = container.state;
        self.touched(id, state);
        self.emit(id, EventAction::Rename);
        Ok(())
    }

    pub(super) fn set_policy(&mut self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        const UPDATE: &str = "update a container";
        let auto_remove = self.get(UPDATE, id)?.auto_remove();
        if auto_remove && !policy.is_no() {
            return Err(refused(
                UPDATE,
                409,
                "Restart policy cannot be updated because AutoRemove is enabled",
            ));
        }
        self.no_space(UPDATE)?;
        let container = self.get(UPDATE, id)?;
        let value =
            serde_json::json!({ "Name": policy.name, "MaximumRetryCount": policy.maximum_retry_count });
        container.host_config.insert("RestartPolicy".to_owned(), value);
        let state = container.state;
        self.touched(id, state);
        self.emit(id, EventAction::Update);
        Ok(())
    }

    /// Removes a container. Its volumes stay, unless `with_volumes` and nothing else mounts them.
    pub(super) fn remove(&mut self, id: &ContainerId, with_volumes: bool) -> Result<(), EngineError> {
        const REMOVE: &str = "remove a container";
        let Some(container) = self.containers.get(id) else { return Ok(()) };
        match container.state {
            RunState::Running | RunState::Paused | RunState::Restarting => {
                return Err(refused(REMOVE, 409, "You cannot remove a running container. Stop it first"));
            }
            RunState::Removing => return Err(refused(REMOVE, 409, "removal is already in progress")),
            RunState::Created | RunState::Exited | RunState::Dead => {}
        }
        let Some(gone) = self.containers.remove(id) else { return Ok(()) };
        self.agenda.retain(|_, (of, _, _)| of != id);
        self.emit_as(Some(gone.id.clone()), Some(gone.name.clone()), EventAction::Destroy);
        if with_volumes {
            for mount in gone.mounts.iter().filter(|m| m.anonymous) {
                let held =
                    self.containers.values().any(|c| c.mounts.iter().any(|m| m.source == mount.source));
                if !held {
                    self.volumes.remove(&mount.source);
                }
            }
        }
        Ok(())
    }

    /// What the agenda had for a container.
    pub(super) fn happen(&mut self, id: &ContainerId, due: Due, at: Instant) {
        let Some(container) = self.containers.get_mut(id) else { return };
        match due {
            Due::Exit(code) if container.is_up() => self.finish(id, Some(code)),
            Due::Stopped => {
                // Only the stop that counts now; an earlier request may have been shortened.
                if let Some(pending) = container.pending_stop.filter(|p| p.at <= at)
                    && container.is_up()
                {
                    self.finish(id, Some(pending.code));
                    self.emit(id, EventAction::Stop);
                }
            }
            Due::Restart if container.state == RunState::Restarting => {
                if self.launch(id).is_err()
                    && let Some(container) = self.containers.get_mut(id)
                {
                    container.state = RunState::Exited;
                }
            }
            Due::Health(verdict) if container.state == RunState::Running => {
                container.health = Some(verdict);
                self.emit(id, EventAction::Health(verdict.to_owned()));
            }
            Due::Exit(_) | Due::Restart | Due::Health(_) => {}
        }
    }

    /// Its process is gone: with a code, or because there was none between two restarts.
    pub(super) fn finish(&mut self, id: &ContainerId, code: Option<i64>) {
        let now = self.now();
        let finished = self.date();
        self.release(id);
        let Some(container) = self.containers.get_mut(id) else { return };
        let before = container.state;
        container.run += 1;
        container.state = RunState::Exited;
        container.pid = 0;
        container.pending_stop = None;
        if let Some(code) = code {
            container.exit_code = code;
            container.finished_at = Some(finished);
        }
        if container.health.is_some() {
            container.health = Some("unhealthy");
        }
        let ran =
            container.up_since.take().map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        let wanted = !container.stopped_by_hand && code.is_some() && self.wants_restart(id);
        self.touched(id, before);
        if let Some(code) = code {
            self.emit(id, EventAction::Die(Some(code)));
        }
        if wanted {
            let Some(container) = self.containers.get_mut(id) else { return };
            let steady = ran > STEADY_RUN;
            let doublings = u32::try_from(container.restart_count.min(10)).unwrap_or(0);
            let pause = if steady { FIRST_BACKOFF } else { FIRST_BACKOFF * 2u32.pow(doublings) };
            container.restart_count += 1;
            container.state = RunState::Restarting;
            self.plan(now + pause.min(Duration::from_mins(1)), id, Due::Restart);
        } else if self.containers.get(id).is_some_and(super::container::Container::auto_remove) {
            let _ = self.remove(id, true);
        }
    }

    /// Whether its policy has the engine start it again after it ended by itself.
    fn wants_restart(&self, id: &ContainerId) -> bool {
        let Some(container) = self.containers.get(id) else { return false };
        match container.policy() {
            "always" | "unless-stopped" => true,
            "on-failure" => {
                let max = container.max_retries();
                container.exit_code != 0 && (max == 0 || container.restart_count < max)
            }
            _ => false,
        }
    }
}
