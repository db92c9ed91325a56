//! A model of an engine with one container to update, and the swapper in front of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::clock::{Clock, SystemIds};
use lodeman_domain::container::ContainerName;
use lodeman_domain::queue::Target;
use lodeman_domain::update::OperationKind;
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_engine::fake::{Behaviour, FakeEngine, FakeImage, FakeImages, FakeOptions, Faulty};
use lodeman_store::fake::MemoryStore;
use lodeman_updater::deps::{AnonymousPull, Deps, Owner, SwapConfig};
use lodeman_updater::progress::ProgressHub;
use lodeman_updater::swap::{SpecSource, SwapReport, SwapRequest, Swapper};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub const IMAGE: &str = "reg.example/app:1";
pub const NAME: &str = "web";
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The runtime's clock, as a wall clock.
pub struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        EPOCH.saturating_add(SignedDuration::try_from(self.0.elapsed()).unwrap()).unwrap()
    }
}

pub struct World {
    pub images: FakeImages,
    pub engine: FakeEngine,
    pub faulty: Faulty<FakeEngine>,
    pub store: Arc<MemoryStore>,
    pub new: FakeImage,
    clock: Arc<RuntimeClock>,
    containerd: bool,
}

/// A container with everything that can get lost: volumes, networks, a static address, a port.
pub fn request() -> Value {
    json!({
        "Image": IMAGE,
        "Env": ["MODE=user"],
        "Labels": { "team": "a" },
        "HostConfig": {
            "Binds": ["named:/named"],
            "NetworkMode": "front",
            "PortBindings": { "80/tcp": [{ "HostPort": "8080" }] },
            "RestartPolicy": { "Name": "always" },
        },
        "NetworkingConfig": { "EndpointsConfig": {
            "front": { "IPAMConfig": { "IPv4Address": "10.9.1.7" }, "Aliases": ["www"] },
            "back": { "Aliases": ["app"] },
        } },
    })
}

impl World {
    pub fn new(behaviour: Behaviour) -> Self {
        Self::on(FakeOptions::default(), behaviour)
    }

    /// `behaviour` is the newer image's.
    pub fn on(options: FakeOptions, behaviour: Behaviour) -> Self {
        let containerd = options.image_store == lodeman_engine::ImageStore::Containerd;
        let images = FakeImages::default();
        let config =
            |v: &str| json!({ "Env": [format!("V={v}")], "Cmd": ["/serve"], "Volumes": { "/data": {} } });
        let _ = images.publish(IMAGE, &FakeImage::new("old").with_config(&config("1")));
        let engine = FakeEngine::new(options, images.clone());
        engine.add_network("front", [10, 9, 1]);
        engine.add_network("back", [10, 9, 2]);
        // A bystander, so that a restart of the engine can be told from a container's own end.
        engine
            .run(
                "bystander",
                &json!({ "Image": IMAGE, "HostConfig": { "RestartPolicy": { "Name": "always" } } }),
            )
            .unwrap();
        engine.run(NAME, &request()).unwrap();
        engine.write_file(NAME, "/data/token", "anonymous");
        engine.write_file(NAME, "/named/token", "named");
        let new = FakeImage::new("new").with_config(&config("2")).with_behaviour(behaviour);
        let _ = images.publish(IMAGE, &new);
        Self {
            faulty: Faulty::new(engine.clone()),
            images,
            engine,
            store: Arc::new(MemoryStore::new()),
            new,
            clock: Arc::new(RuntimeClock(Instant::now())),
            containerd,
        }
    }

    pub fn swapper(&self) -> Swapper {
        self.swapper_until(CancellationToken::new())
    }

    pub fn swapper_until(&self, stopping: CancellationToken) -> Swapper {
        let deps = Deps {
            host: HostId::local(),
            engine: Arc::new(self.faulty.clone()),
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: Arc::new(SystemIds),
            pull_auth: Arc::new(AnonymousPull),
            progress: ProgressHub::default(),
            swap: SwapConfig { grace: Duration::from_secs(5), ..SwapConfig::default() },
            owner: Owner { boot_id: "boot".into(), process_id: 1 },
        };
        Swapper::new(deps, stopping)
    }

    pub fn key() -> WorkloadKey {
        WorkloadKey::local(name())
    }

    pub fn request(&self) -> SwapRequest {
        let digest = self.new.manifest_digest.clone();
        SwapRequest {
            key: Self::key(),
            kind: OperationKind::Update,
            target: Target {
                reference: IMAGE.parse().unwrap(),
                digest: digest.clone(),
                manifest: digest,
                config: Some(self.new.config_digest.clone()),
                version: None,
                already_pulled: false,
            },
            spec: SpecSource::Derive,
            by: None,
            grace: None,
            soak: Some(Duration::ZERO),
            no_pull: false,
            entry: None,
        }
    }

    pub async fn update(&self) -> SwapReport {
        self.swapper().swap(self.request()).await.unwrap()
    }

    /// What must hold once nothing is under way: one container of the name, running, whole.
    pub fn assert_whole(&self, what: &str) {
        let describe = self.engine.describe();
        let web =
            self.engine.container(NAME).unwrap_or_else(|| panic!("{what}: `{NAME}` is lost: {describe}"));
        assert!(web.is_up(), "{what}: `{NAME}` does not run: {describe}");
        assert_eq!(web.restart_policy().name, "always", "{what}: its restart policy: {describe}");
        assert_eq!(web.networks(), ["back", "front"], "{what}: its networks");
        assert_eq!(self.engine.read_file(NAME, "/data/token").as_deref(), Some("anonymous"), "{what}");
        assert_eq!(self.engine.read_file(NAME, "/named/token").as_deref(), Some("named"), "{what}");
        assert_eq!(self.engine.violations(), Vec::<String>::new(), "{what}");
    }

    /// No other container than those that were there, but for an old one in its soak.
    pub fn assert_no_leftovers(&self, what: &str) {
        let names = self.engine.names();
        assert_eq!(names, ["bystander", NAME], "{what}");
    }

    pub fn runs_new(&self) -> bool {
        let expected = if self.containerd { &self.new.manifest_digest } else { &self.new.config_digest };
        self.engine.container(NAME).and_then(|c| c.image_id()).as_ref() == Some(expected)
    }
}

pub fn name() -> ContainerName {
    NAME.parse().unwrap()
}
