//! A model of an engine with one container to update.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::clock::{Clock, SystemIds};
use lodeman_domain::event::Progress;
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
pub const GRACE: Duration = Duration::from_secs(5);
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        EPOCH.saturating_add(SignedDuration::try_from(self.0.elapsed()).unwrap()).unwrap()
    }
}

pub struct World {
    pub engine: FakeEngine,
    pub faulty: Faulty<FakeEngine>,
    pub store: Arc<MemoryStore>,
    pub swap: SwapConfig,
    pub progress: ProgressHub,
    new: FakeImage,
    clock: Arc<RuntimeClock>,
}

impl World {
    /// `old` and `new` are how the two images behave; `request` is merged into the create request.
    pub fn new(old: Behaviour, new: Behaviour, request: Value) -> Self {
        Self::of(
            &FakeImage::new("old").with_behaviour(old),
            FakeImage::new("new").with_behaviour(new),
            request,
        )
    }

    pub fn of(old: &FakeImage, new: FakeImage, mut request: Value) -> Self {
        let images = FakeImages::default();
        let _ = images.publish(IMAGE, old);
        let engine = FakeEngine::new(FakeOptions::default(), images.clone());
        request["Image"] = json!(IMAGE);
        engine.run(NAME, &request).unwrap();
        let _ = images.publish(IMAGE, &new);
        Self {
            faulty: Faulty::new(engine.clone()),
            engine,
            store: Arc::new(MemoryStore::new()),
            swap: SwapConfig { grace: GRACE, ..SwapConfig::default() },
            progress: ProgressHub::default(),
            new,
            clock: Arc::new(RuntimeClock(Instant::now())),
        }
    }

    pub fn swapper(&self) -> Swapper {
        let deps = Deps {
            host: HostId::local(),
            engine: Arc::new(self.faulty.clone()),
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: Arc::new(SystemIds),
            pull_auth: Arc::new(AnonymousPull),
            progress: self.progress.clone(),
            swap: self.swap.clone(),
            owner: Owner { boot_id: "boot".into(), process_id: 1 },
        };
        Swapper::new(deps, CancellationToken::new())
    }

    pub fn request(&self) -> SwapRequest {
        let digest = self.new.manifest_digest.clone();
        SwapRequest {
            key: WorkloadKey::local(NAME.parse().unwrap()),
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

    /// An update, and everything that those who watch were told meanwhile.
    pub async fn watched(&self) -> (SwapReport, Vec<String>) {
        let mut watcher = self.progress.subscribe();
        let report = self.update().await;
        let mut told = Vec::new();
        while let Ok(progress) = watcher.try_recv() {
            if let Progress::Phase { message, .. } | Progress::Verdict { message, .. } = progress {
                told.push(message);
            }
        }
        (report, told)
    }

    pub fn runs_new(&self) -> bool {
        self.engine.container(NAME).and_then(|c| c.image_id()).as_ref() == Some(&self.new.config_digest)
    }

    /// One container of the name, which runs, and none beside it.
    pub fn assert_settled(&self) {
        assert_eq!(self.engine.names(), [NAME], "{}", self.engine.describe());
        assert!(self.engine.container(NAME).unwrap().is_up(), "{}", self.engine.describe());
        assert_eq!(self.engine.violations(), Vec::<String>::new());
    }
}
