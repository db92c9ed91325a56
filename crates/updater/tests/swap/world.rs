//! A model of an engine with one container to update, and the swapper in front of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use lodeman_domain::clock::{Clock, SystemIds};
use lodeman_domain::container::ContainerName;
use lodeman_domain::queue::Target;
use lodeman_domain::update::{OperationKind, Outcome};
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_engine::ContainerEngine;
use lodeman_engine::fake::{Behaviour, FakeEngine, FakeImage, FakeImages, FakeOptions, Faulty};
use lodeman_store::Store;
use lodeman_store::fake::MemoryStore;
use lodeman_updater::deps::{AnonymousPull, Deps, Owner, SwapConfig};
use lodeman_updater::progress::ProgressHub;
use lodeman_updater::swap::{SpecSource, SwapReport, SwapRequest, Swapper};
use lodeman_updater::{janitor, recover};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub const IMAGE: &str = "reg.example/app:1";
pub const HELPER: &str = "reg.example/helper:1";
pub const NAME: &str = "web";
/// After this long every soak and every wait of the janitor's is over.
const LATER: Duration = Duration::from_secs(700);
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The runtime's clock, as a wall clock.
pub struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        EPOCH.saturating_add(SignedDuration::try_from(self.0.elapsed()).unwrap()).unwrap()
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that a test sets")]
pub struct World {
    pub images: FakeImages,
    pub engine: FakeEngine,
    pub faulty: Faulty<FakeEngine>,
    pub store: Arc<MemoryStore>,
    pub new: FakeImage,
    /// Whether hooks run.
    pub hooks: bool,
    /// Whether labels are trusted.
    pub trusted: bool,
    /// Whether the machine was booted anew before the next swapper.
    pub rebooted: bool,
    pub clock: Arc<RuntimeClock>,
    pub containerd: bool,
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
        Self::of(options, Behaviour::default(), behaviour)
    }

    /// A container made from the old image behaves as `old` says; the one that runs behaves well.
    pub fn of(options: FakeOptions, old: Behaviour, behaviour: Behaviour) -> Self {
        let containerd = options.image_store == lodeman_engine::ImageStore::Containerd;
        let images = FakeImages::default();
        let config =
            |v: &str| json!({ "Env": [format!("V={v}")], "Cmd": ["/serve"], "Volumes": { "/data": {} } });
        let _ = images.publish(IMAGE, &FakeImage::new("old").with_config(&config("1")).with_behaviour(old));
        let _ = images.publish(HELPER, &FakeImage::new("helper"));
        let engine = FakeEngine::new(options, images.clone());
        engine.add_network("front", [10, 9, 1]);
        engine.add_network("back", [10, 9, 2]);
        // A bystander, so that a restart of the engine can be told from a container's own end.
        engine
            .run(
                "bystander",
                &json!({ "Image": HELPER, "HostConfig": { "RestartPolicy": { "Name": "always" } } }),
            )
            .unwrap();
        let id = engine.seed(NAME, &request()).unwrap();
        engine.set_behaviour(NAME, Behaviour::default());
        let start = engine.outsider();
        start.start(&id).now_or_never().unwrap().unwrap();
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
            hooks: false,
            trusted: true,
            rebooted: false,
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
            swap: SwapConfig {
                grace: Duration::from_secs(5),
                hooks_enabled: self.hooks,
                labels_are_trusted: self.trusted,
                ..SwapConfig::default()
            },
            owner: Owner {
                boot_id: if self.rebooted { "another boot" } else { "boot" }.into(),
                process_id: 1,
            },
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

    /// No hook ran twice for one operation.
    pub fn assert_hooks_at_most_once(&self, what: &str) {
        let mut seen = BTreeSet::new();
        for ran in self.engine.executed() {
            let of = (ran.environment["LODEMAN_OPERATION"].clone(), ran.environment["LODEMAN_HOOK"].clone());
            assert!(seen.insert(of.clone()), "{what}: {of:?} ran twice: {:?}", self.engine.executed());
        }
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
        let at = |path: &[&str]| web.value(path).cloned().unwrap_or_default();
        assert_eq!(at(&["NetworkSettings", "Networks", "front", "IPAddress"]), "10.9.1.7", "{what}");
        assert_eq!(at(&["NetworkSettings", "Ports", "80/tcp"])[0]["HostPort"], "8080", "{what}");
        assert_eq!(at(&["Config", "Labels", "team"]), "a", "{what}");
        assert_eq!(web.image_reference(), IMAGE, "{what}: what it follows");
        assert_eq!(self.engine.violations(), Vec::<String>::new(), "{what}");
    }

    /// Whatever was under way comes to its end: recovery as after a start, then the janitor's rounds.
    pub async fn settle(&self, what: &str) {
        self.faulty.heal();
        let swapper = self.swapper();
        for _ in 0..5 {
            if recover::run(&swapper).await.is_ok() {
                break;
            }
        }
        for _ in 0..3 {
            tokio::time::advance(LATER).await;
            janitor::tidy(&swapper).await.unwrap();
        }
        let open = self.store.list_open_operations().await.unwrap();
        assert!(open.is_empty(), "{what}: still open: {open:?} with {}", self.engine.describe());
    }

    /// All of what must hold at rest, for everything an operation can have touched.
    pub async fn assert_at_rest(&self, what: &str) {
        self.assert_whole(what);
        self.assert_no_leftovers(what);
        self.assert_hooks_at_most_once(what);
        let engine: &dyn ContainerEngine = &self.engine.outsider();
        let points = self.store.list_rollback_points().await.unwrap();
        for tag in engine.list_images().await.unwrap().into_iter().flat_map(|image| image.repo_tags) {
            let pin = tag.starts_with("lodeman.local/pin/");
            assert!(!pin || points.iter().any(|p| p.pin == tag), "{what}: the pin {tag} is left");
        }
        let ends: Vec<Outcome> =
            self.store.list_history(None, None, 50).await.unwrap().iter().map(|h| h.row.outcome).collect();
        let accepted = ends.iter().filter(|o| o.is_accepted()).count();
        assert_eq!(accepted, usize::from(self.runs_new()), "{what}: {ends:?}");
        // `Held` may come before another; an operation ends but once.
        let final_ones = ends.iter().filter(|o| **o != Outcome::Held).count();
        assert!(final_ones <= 1, "{what}: {ends:?}");
        assert!(ends.first().is_none_or(|o| *o != Outcome::Held), "{what}: {ends:?}");
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
