//! A model of a container engine: state in memory, time of the runtime it runs in.
//!
//! It knows what of Docker Engine an update depends on: names, images in both stores, volumes and who
//! references them, addresses and ports that conflict at start only, restart policies, what a restart
//! of the engine leaves behind, a full disk, effects that outlive the client that asked for them. The
//! contract suite ([`crate::contract`]) runs on it and on real engines, so that it stays honest.
//!
//! Every call is judged: [`FakeEngine::violations`] lists where two containers of one name ran
//! together or the last good one was removed. Calls through [`FakeEngine::outsider`] are the rest of
//! the world's and are not judged. [`Faulty`] puts failures in front of any engine.

mod container;
mod create;
mod daemon;
mod engine;
mod exec;
mod faulty;
mod image;
mod life;
mod logs;
mod network;
mod oracle;
mod place;
mod state;
mod store;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::container::ContainerId;
use lodeman_domain::image::{ImageReference, Platform};
use serde_json::{Map, Value};
use tokio::sync::Notify;

pub use daemon::Shutdown;
pub use exec::{ExecScript, Executed};
pub use faulty::{Answer, Fault, Faulty, Moment, MutatingCall};
pub use image::{Behaviour, FakeImage, FakeImages, HealthScript, fake_digest};

use crate::spec::value::clean_path;
use crate::{ContainerInspect, EngineError, ImageStore};
use state::{Actor, Network, State};

/// What kind of engine to model.
#[derive(Debug, Clone)]
pub struct FakeOptions {
    /// Where it keeps its images.
    pub image_store: ImageStore,
    /// The API version spoken with it; what an inspect shows depends on it.
    pub api_version: String,
    /// Its own id.
    pub engine_id: String,
    /// The machine's host name.
    pub host_name: String,
    /// The platform containers run on.
    pub platform: Platform,
    /// Whether containers survive its restarts.
    pub live_restore: bool,
    /// The engine's clock when the model is made; it goes on with the runtime's.
    pub epoch: Timestamp,
    /// How long a pull takes.
    pub pull_time: Duration,
}

impl Default for FakeOptions {
    /// Docker Engine 20.10 with the classic store.
    fn default() -> Self {
        Self {
            image_store: ImageStore::Classic,
            api_version: "1.41".to_owned(),
            engine_id: "FAKE:ENGINE".to_owned(),
            host_name: "fake-host".to_owned(),
            platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
            live_restore: false,
            epoch: Timestamp::constant(1_767_225_600, 0),
            pull_time: Duration::ZERO,
        }
    }
}

impl FakeOptions {
    /// Docker Engine 29 with the containerd store.
    #[must_use]
    pub fn containerd() -> Self {
        Self { image_store: ImageStore::Containerd, api_version: "1.51".to_owned(), ..Self::default() }
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

/// The model. Clones share one engine.
#[derive(Debug, Clone)]
pub struct FakeEngine {
    shared: Arc<Shared>,
    actor: Actor,
}

impl FakeEngine {
    /// An engine without containers that pulls from `images`.
    #[must_use]
    pub fn new(options: FakeOptions, images: FakeImages) -> Self {
        let state = Mutex::new(State::new(options, images));
        Self { shared: Arc::new(Shared { state, changed: Notify::new() }), actor: Actor::Lodeman }
    }

    /// The same engine in someone else's hands: what is done through it is not judged.
    #[must_use]
    pub fn outsider(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), actor: Actor::Outsider }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance();
        state
    }

    /// Changes the state and wakes everyone who waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        state.judge_state(self.actor);
        drop(state);
        self.shared.changed.notify_waiters();
        result
    }

    /// Where the rules for replacing a container were broken, in sentences.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.lock().oracle.violations.clone()
    }

    /// All containers in a few words each, for the message of a failed test.
    #[must_use]
    pub fn describe(&self) -> Value {
        self.lock().describe()
    }

    /// Puts what `reference` means at the registry into the engine's store.
    ///
    /// # Errors
    /// As a pull.
    pub fn load(&self, reference: &str) -> Result<(), EngineError> {
        let reference: ImageReference =
            reference.parse().map_err(|_| state::refused("load an image", 400, "not a reference"))?;
        self.change(|state| state.take_in(&reference))
    }

    /// Makes a container as a user would, pulling its image where it is missing. `request` is a
    /// create request; networks beyond its first stand in `NetworkingConfig` too.
    ///
    /// # Errors
    /// As create and connect.
    pub fn seed(&self, name: &str, request: &Value) -> Result<ContainerId, EngineError> {
        let bad = |message: &str| state::refused("create a container", 400, message);
        let name = name.parse().map_err(|_| bad("not a name"))?;
        let mut request = request.as_object().cloned().ok_or_else(|| bad("not an object"))?;
        let image = request.get("Image").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.lock().store.find(&image).is_none() {
            self.load(&image)?;
        }
        let others = later_networks(&mut request);
        self.outsider().change(|state| {
            let platform = state.options.platform.clone();
            let id = state.create(Actor::Outsider, &name, &request, &platform)?;
            for (network, settings) in others {
                state.connect(&id, &network, settings.as_object().unwrap_or(&Map::new()))?;
            }
            Ok(id)
        })
    }

    /// [`seed`](Self::seed), then starts it.
    ///
    /// # Errors
    /// As create, connect and start.
    pub fn run(&self, name: &str, request: &Value) -> Result<ContainerId, EngineError> {
        let id = self.seed(name, request)?;
        self.outsider().change(|state| state.start(&id))?;
        Ok(id)
    }

    /// Adds a network whose addresses begin with `prefix`.
    pub fn add_network(&self, name: &str, prefix: [u8; 3]) {
        self.change(|state| {
            let id = state.fresh_hex("network");
            state.networks.insert(name.to_owned(), Network { id, prefix });
        });
    }

    /// Removes a network, whoever is connected to it.
    pub fn remove_network(&self, name: &str) {
        self.change(|state| state.networks.remove(name));
    }

    /// Names of all containers, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.lock().containers.values().map(|c| c.name.to_string()).collect();
        names.sort();
        names
    }

    /// The container of this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<ContainerInspect> {
        let state = self.lock();
        let id = state.by_name(name)?.id.clone();
        state.inspect(&id).ok()
    }

    /// Names of all volumes, sorted.
    #[must_use]
    pub fn volumes(&self) -> Vec<String> {
        self.lock().volumes.keys().cloned().collect()
    }

    /// Writes a file as a process in the container would: into the volume mounted there, else into
    /// the container. Does nothing when there is no such container.
    pub fn write_file(&self, container: &str, path: &str, content: &str) {
        self.change(|state| {
            if let Some(file) = state.file(container, path) {
                content.clone_into(file);
            }
        });
    }

    /// Reads a file as a process in the container would.
    #[must_use]
    pub fn read_file(&self, container: &str, path: &str) -> Option<String> {
        self.lock().file(container, path).cloned().filter(|content| !content.is_empty())
    }

    /// Gives a container another behaviour than its image's, from its next start on.
    pub fn set_behaviour(&self, container: &str, behaviour: Behaviour) {
        self.change(|state| {
            if let Some(container) = state.containers.values_mut().find(|c| c.name.as_str() == container) {
                container.behaviour = behaviour;
            }
        });
    }

    /// Ends a container's process from inside, now.
    pub fn crash(&self, container: &str, code: i64) {
        self.outsider().change(|state| {
            let id = state.by_name(container).filter(|c| c.is_up()).map(|c| c.id.clone());
            if let Some(id) = id {
                state.finish(&id, Some(code));
            }
        });
    }

    /// Takes the engine down; calls are refused until [`come_up`](Self::come_up).
    pub fn go_down(&self, how: Shutdown) {
        self.change(|state| state.go_down(how));
    }

    /// Brings the engine back, with the containers its rules have it start.
    pub fn come_up(&self) {
        self.change(State::come_up);
    }

    /// Takes the engine down and brings it back.
    pub fn restart_engine(&self, how: Shutdown) {
        self.go_down(how);
        self.come_up();
    }

    /// Fills or frees the disk the engine writes to.
    pub fn set_disk_full(&self, full: bool) {
        self.change(|state| state.disk_full = full);
    }

    /// Makes a host port unusable although no container holds it, until the engine restarts.
    pub fn leak_port(&self, port: u16) {
        self.change(|state| state.leaked_ports.insert(port));
    }

    /// Lets the container list stand still while inspects stay true.
    pub fn freeze_list(&self, frozen: bool) {
        self.change(|state| {
            state.frozen_list = None;
            if frozen {
                state.frozen_list = Some(state.summaries());
            }
        });
    }

    /// Removes dangling images, as a user's prune does.
    pub fn prune_images(&self) {
        self.change(|state| {
            let used: Vec<_> = state.containers.values().map(|c| c.image.clone()).collect();
            state.store.prune(&|id| used.contains(id));
        });
    }

    /// Removes a container and its anonymous volumes whatever it does, as `rm -f -v`.
    pub fn force_remove(&self, container: &str) {
        self.outsider().change(|state| {
            let Some(id) = state.by_name(container).map(|c| c.id.clone()) else { return };
            if let Some(container) = state.containers.get_mut(&id) {
                container.stopped_by_hand = true;
            }
            state.finish(&id, Some(137));
            let _ = state.remove(&id, true);
        });
    }
}

/// Takes all but the primary network out of a request.
fn later_networks(request: &mut Map<String, Value>) -> Map<String, Value> {
    let mode = request.get("HostConfig").and_then(|h| h.get("NetworkMode")).and_then(Value::as_str);
    let primary = match mode {
        None | Some("" | "default") => "bridge".to_owned(),
        Some(mode) => mode.to_owned(),
    };
    let endpoints = request.get_mut("NetworkingConfig").and_then(|n| n.get_mut("EndpointsConfig"));
    let Some(endpoints) = endpoints.and_then(Value::as_object_mut) else { return Map::new() };
    let first = endpoints.remove(&primary);
    let others = std::mem::take(endpoints);
    if let Some(first) = first {
        endpoints.insert(primary, first);
    }
    others
}

impl State {
    fn file(&mut self, container: &str, path: &str) -> Option<&mut String> {
        let path = clean_path(path);
        let id = self.by_name(container)?.id.clone();
        let container = self.containers.get_mut(&id)?;
        let inside =
            |m: &&container::Mount| path.strip_prefix(&m.destination).is_some_and(|r| r.starts_with('/'));
        let mount = container.mounts.iter().filter(inside).max_by_key(|m| m.destination.len()).cloned();
        let Some(mount) = mount else { return Some(container.files.entry(path).or_default()) };
        let below = path.strip_prefix(&mount.destination).unwrap_or_default().to_owned();
        if mount.kind == "volume" {
            Some(self.volumes.entry(mount.source).or_default().files.entry(below).or_default())
        } else {
            Some(self.host_files.entry(format!("{}{below}", mount.source)).or_default())
        }
    }
}
