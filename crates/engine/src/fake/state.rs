//! The model's memory: containers, volumes, networks, what is due and who listens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use lodeman_domain::image::ImageReference;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::FakeOptions;
use super::container::{Container, InspectView};
use super::exec::Executed;
use super::image::{FakeImages, hex};
use super::oracle::Oracle;
use super::place::Place;
use super::store::LocalStore;
use crate::spec::value::version;
use crate::{ContainerInspect, EngineError, EngineEvent, EventAction};

/// Something that will happen by itself, to a certain run of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Its process ends.
    Exit(i64),
    /// A stop that was asked for takes effect.
    Stopped,
    /// The engine starts it again.
    Restart,
    /// Its health becomes known.
    Health(&'static str),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Volume {
    pub(super) files: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) id: String,
    /// First three bytes of its addresses.
    pub(super) prefix: [u8; 3],
}

/// One open event stream.
#[derive(Debug, Default)]
pub(super) struct Subscriber {
    pub(super) queue: VecDeque<EngineEvent>,
    pub(super) broken: bool,
}

/// Whose call it is: ours is judged, everybody else's is the world we live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    Lodeman,
    Outsider,
    /// The engine itself: restart policies, the end of a process.
    Engine,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: FakeOptions,
    pub(super) remote: FakeImages,
    pub(super) store: LocalStore,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) host_files: BTreeMap<String, String>,
    pub(super) agenda: BTreeMap<(Instant, u64), (ContainerId, u64, Due)>,
    pub(super) subscribers: BTreeMap<u64, Subscriber>,
    pub(super) up: bool,
    /// Counts the engine's starts.
    pub(super) generation: u64,
    pub(super) disk_full: bool,
    pub(super) place: Place,
    /// Commands that were run in containers.
    pub(super) executed: Vec<Executed>,
    pub(super) leaked_ports: BTreeSet<u16>,
    pub(super) frozen_list: Option<Vec<crate::ContainerSummary>>,
    pub(super) oracle: Oracle,
    origin: Instant,
    /// The moment that is being caught up with, while something overdue happens.
    catching_up: Option<Instant>,
    counter: u64,
}

/// A refusal of the engine.
pub(super) fn refused(action: &'static str, status: u16, message: impl Into<String>) -> EngineError {
    EngineError::Refused { action, status, message: message.into() }
}

impl State {
    pub(super) fn new(options: FakeOptions, remote: FakeImages) -> Self {
        let bridge = Network { id: hex("network bridge"), prefix: [172, 17, 0] };
        Self {
            store: LocalStore::new(options.image_store),
            options,
            remote,
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            networks: BTreeMap::from([("bridge".to_owned(), bridge)]),
            host_files: BTreeMap::new(),
            agenda: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            up: true,
            generation: 0,
            disk_full: false,
            place: Place::default(),
            executed: Vec::new(),
            leaked_ports: BTreeSet::new(),
            frozen_list: None,
            oracle: Oracle::default(),
            origin: Instant::now(),
            catching_up: None,
            counter: 0,
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn fresh_hex(&mut self, what: &str) -> String {
        let number = self.next();
        hex(&format!("{what} {number} of {}", self.options.engine_id))
    }

    /// The present; in the past while something overdue happens.
    pub(super) fn now(&self) -> Instant {
        self.catching_up.unwrap_or_else(Instant::now)
    }

    /// The engine's clock. No two readings are the same, as on a real one.
    pub(super) fn timestamp(&mut self) -> Timestamp {
        let elapsed = self.now().saturating_duration_since(self.origin);
        let tick = std::time::Duration::from_nanos(self.next());
        self.options.epoch.saturating_add(elapsed + tick).unwrap_or(self.options.epoch)
    }

    /// The engine's clock as it appears in answers: nine digits of a second.
    pub(super) fn date(&mut self) -> String {
        format!("{:.9}", self.timestamp())
    }

    pub(super) fn api_at_least(&self, wanted: (u32, u32)) -> bool {
        version(&self.options.api_version) >= wanted
    }

    /// Whether the engine answers.
    pub(super) fn answer(&self) -> Result<(), EngineError> {
        if self.up { Ok(()) } else { Err(EngineError::Unreachable("the engine is down".into())) }
    }

    pub(super) fn no_space(&self, action: &'static str) -> Result<(), EngineError> {
        if self.disk_full { Err(refused(action, 500, "no space left on device")) } else { Ok(()) }
    }

    pub(super) fn get(
        &mut self,
        action: &'static str,
        id: &ContainerId,
    ) -> Result<&mut Container, EngineError> {
        let missing = || refused(action, 404, format!("No such container: {id}"));
        self.containers.get_mut(id).ok_or_else(missing)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Container> {
        self.containers.values().find(|c| c.name.as_str() == name)
    }

    /// A container by name, full id or the beginning of an id: names win, as on a real engine.
    pub(super) fn lookup(&self, text: &str) -> Option<&Container> {
        let text = text.trim_start_matches('/');
        let by_id = || self.containers.values().find(|c| text.len() >= 4 && c.id.as_str().starts_with(text));
        self.by_name(text).or_else(by_id)
    }

    pub(super) fn inspect(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        let container = self.containers.get(id).ok_or_else(|| EngineError::no_container(id))?;
        let name_of = |id: &ContainerId| self.containers.get(id).map(|c| c.name.to_string());
        let network_id = |name: &str| self.networks.get(name).map(|n| n.id.clone()).unwrap_or_default();
        let view = InspectView {
            name_of: &name_of,
            network_id: &network_id,
            short_id_alias: !self.api_at_least((1, 45)),
            gateway_priority: self.api_at_least((1, 48)),
            manifest_descriptor: self.api_at_least((1, 48))
                && self.options.image_store == crate::ImageStore::Containerd,
        };
        ContainerInspect::from_json(container.inspect(&view))
    }

    /// Schedules something for the present run of a container.
    pub(super) fn plan(&mut self, at: Instant, id: &ContainerId, due: Due) {
        let Some(run) = self.containers.get(id).map(|c| c.run) else { return };
        let number = self.next();
        self.agenda.insert((at, number), (id.clone(), run, due));
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.up { self.agenda.keys().next().map(|(at, _)| *at) } else { None }
    }

    /// Lets everything happen that is due by now.
    pub(super) fn advance(&mut self) {
        let now = Instant::now();
        while self.up
            && let Some(key) = self.agenda.keys().next().copied()
            && key.0 <= now
        {
            let Some((id, run, due)) = self.agenda.remove(&key) else { break };
            if self.containers.get(&id).is_some_and(|c| c.run == run) {
                self.catching_up = Some(key.0);
                self.happen(&id, due, key.0);
                self.judge_state(Actor::Engine);
                self.catching_up = None;
            }
        }
    }

    /// Tells everyone who listens.
    pub(super) fn emit(&mut self, id: &ContainerId, action: EventAction) {
        let name = self.containers.get(id).map(|c| c.name.clone());
        self.emit_as(Some(id.clone()), name, action);
    }

    pub(super) fn emit_as(
        &mut self,
        id: Option<ContainerId>,
        name: Option<ContainerName>,
        action: EventAction,
    ) {
        let at = self.timestamp();
        let event = EngineEvent { container: id, name, action, at };
        for subscriber in self.subscribers.values_mut() {
            subscriber.queue.push_back(event.clone());
        }
    }

    pub(super) fn summaries(&self) -> Vec<crate::ContainerSummary> {
        if let Some(frozen) = &self.frozen_list {
            return frozen.clone();
        }
        let shown = self.containers.values().filter(|c| !c.missing_from_list);
        shown.map(|c| self.summary(c)).collect()
    }

    fn summary(&self, container: &Container) -> crate::ContainerSummary {
        let written = container.config.get("Image").and_then(Value::as_str).unwrap_or_default();
        // Once the tag points elsewhere, the list names the image by its id.
        let still = self.store.find(written).is_some_and(|image| image.id == container.image);
        let linked = self.containers.values().flat_map(|c| {
            let mine = c.links.iter().filter(|(target, _)| *target == container.id);
            mine.filter_map(|(_, alias)| alias.parse().ok()).collect::<Vec<ContainerName>>()
        });
        let labels = container.config.get("Labels").and_then(Value::as_object).cloned().unwrap_or_default();
        crate::ContainerSummary {
            id: container.id.clone(),
            names: std::iter::once(container.name.clone()).chain(linked).collect(),
            image: if still { written.to_owned() } else { container.image.to_string() },
            image_id: Some(container.image.clone()),
            labels: labels.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned()))).collect(),
            state: container.listed_as.unwrap_or(container.state),
        }
    }

    pub(super) fn image_inspect(&self, text: &str) -> Result<Value, EngineError> {
        let not_there = || EngineError::NotFound { what: text.to_owned() };
        let image = self.store.find(text).ok_or_else(not_there)?;
        Ok(self.store.inspect(image, &self.options.platform))
    }

    /// Puts what `reference` means at the registry into the store.
    pub(super) fn take_in(&mut self, reference: &ImageReference) -> Result<(), EngineError> {
        let platform = self.options.platform.clone();
        self.bring(reference, &platform, false)
    }

    pub(super) fn pull(
        &mut self,
        reference: &ImageReference,
        platform: &lodeman_domain::image::Platform,
    ) -> Result<(), EngineError> {
        self.bring(reference, platform, true)
    }

    fn bring(
        &mut self,
        reference: &ImageReference,
        platform: &lodeman_domain::image::Platform,
        from_registry: bool,
    ) -> Result<(), EngineError> {
        const PULL: &str = "pull an image";
        self.no_space(PULL)?;
        let remote =
            self.remote.resolve(reference).map_err(|(status, message)| refused(PULL, status, message))?;
        let Some(variant) = remote.variants.iter().find(|v| platform.accepts(&v.platform)).cloned() else {
            return Err(refused(PULL, 404, format!("no matching manifest for {platform}")));
        };
        self.store.take_in(reference, &remote, &variant, from_registry);
        self.emit_as(None, None, EventAction::Image("pull".to_owned()));
        Ok(())
    }

    /// A summary of everything, for failure messages.
    pub(super) fn describe(&self) -> Value {
        let container = |c: &Container| {
            json!({ "name": c.name.as_str(), "id": c.id.short(), "state": c.state, "policy": c.policy(),
                "image": c.image.short(), "by_hand": c.stopped_by_hand })
        };
        Value::Array(self.containers.values().map(container).collect())
    }

    /// Forgets what a real engine corrects as soon as a container's state is written again.
    pub(super) fn touched(&mut self, id: &ContainerId, before: RunState) {
        let disk_full = self.disk_full;
        if let Some(container) = self.containers.get_mut(id) {
            if disk_full {
                container.listed_as.get_or_insert(before);
            } else {
                container.listed_as = None;
                container.missing_from_list = false;
            }
        }
    }
}
