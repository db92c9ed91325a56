//! A modelled engine, a modelled registry that pulls come from, and the application over both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::clock::{Clock, SystemIds};
use lodeman_domain::container::ContainerName;
use lodeman_domain::explain::{Action, Explanation, ReasonCode, Verdict};
use lodeman_domain::image::ImageReference;
use lodeman_domain::setting::{SettingSource, SettingSpec, Settings};
use lodeman_domain::workload::HostId;
use lodeman_engine::fake::{Behaviour, FakeEngine, FakeImage, FakeImages, FakeOptions};
use lodeman_inventory::{HostModel, HostModelConfig};
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::fake::FakeRegistry;
use lodeman_store::fake::MemoryStore;
use lodeman_updater::app::{App, AppParts, LiveSettings, SettingsBook};
use lodeman_updater::control::{Control, FieldProblem, RunReport};
use lodeman_updater::deps::{AnonymousPull, Deps, Owner, SwapConfig};
use lodeman_updater::progress::ProgressHub;
use serde_json::{Value, json};
use tokio::time::Instant;

pub const REPO: &str = "reg.example/app";

struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        // Thursday, 1 January 2026, 00:00 UTC.
        let epoch = Timestamp::constant(1_767_225_600, 0);
        epoch.saturating_add(SignedDuration::try_from(self.0.elapsed()).unwrap()).unwrap()
    }
}

pub struct World {
    pub engine: FakeEngine,
    pub images: FakeImages,
    pub registry: Arc<FakeRegistry>,
    pub store: Arc<MemoryStore>,
    pub app: App,
    pub live: LiveSettings,
    book: Arc<Book>,
}

/// Settings that a test sets, as if the configuration said so; the stored ones are on top.
struct Book(Mutex<Settings>);

impl SettingsBook for Book {
    fn in_force(&self, stored: &BTreeMap<String, String>) -> (Settings, Vec<FieldProblem>) {
        let mut settings = self.0.lock().unwrap().clone();
        let mut problems = Vec::new();
        for (key, text) in stored {
            if let Err(error) = settings.apply_stored(key, text) {
                problems.push(FieldProblem { field: key.clone(), message: error.to_string() });
            }
        }
        (settings, problems)
    }

    fn origin(&self, spec: &SettingSpec) -> (SettingSource, String) {
        // One that nothing stored can change.
        match spec.key {
            "image_cleanup" => (SettingSource::Flag, "command line".to_owned()),
            _ => (SettingSource::Default, "built-in default".to_owned()),
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        Self::assemble(settings, false)
    }

    /// One whose application stays, as a server's does.
    pub fn server(settings: Settings) -> Self {
        Self::assemble(settings, true)
    }

    fn assemble(settings: Settings, stays: bool) -> Self {
        let images = FakeImages::default();
        let engine = FakeEngine::new(FakeOptions::default(), images.clone());
        let registry = Arc::new(FakeRegistry::new());
        let store = Arc::new(MemoryStore::new());
        let settings = Settings { grace_period: Duration::from_secs(2), ..settings };
        let book = Arc::new(Book(Mutex::new(settings)));
        let live = LiveSettings::new(book.clone());
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock(Instant::now()));
        let deps = Deps {
            host: HostId::local(),
            engine: Arc::new(engine.clone()),
            store: store.clone(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            pull_auth: Arc::new(AnonymousPull),
            progress: ProgressHub::default(),
            swap: SwapConfig::default(),
            owner: Owner { boot_id: "boot".into(), process_id: 1 },
        };
        let model =
            Arc::new(HostModel::new(HostId::local(), deps.engine.clone(), clock, HostModelConfig::default()));
        let parts = AppParts { deps, model, registry: registry.clone(), settings: live.clone(), stays };
        let app = App::new(parts, tokio_util::sync::CancellationToken::new());
        Self { engine, images, registry, store, app, live, book }
    }

    pub async fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.book.0.lock().unwrap());
        self.live.reload(&*self.store).await.unwrap();
    }

    /// Stores a setting as a person does.
    pub async fn store_setting(&self, key: &str, value: &str) {
        let changes = BTreeMap::from([(key.to_owned(), Some(value.to_owned()))]);
        self.app.change_settings(changes, "ann").await.unwrap();
    }

    /// Publishes an image under `tag`, in the registry and for pulls alike.
    pub fn push(&self, tag: &str, content: &str) {
        self.push_behaving(tag, content, Behaviour::default());
    }

    pub fn push_behaving(&self, tag: &str, content: &str, behaviour: Behaviour) {
        let reference: ImageReference = format!("{REPO}:{tag}").parse().unwrap();
        let built = self.registry.push_image(
            reference.repository(),
            &tag.parse().unwrap(),
            &ImageBlueprint::new(content),
        );
        let image = FakeImage {
            manifest_digest: built.manifest.digest.clone(),
            config_digest: built.config.digest.clone(),
            ..FakeImage::new(content)
        }
        .with_behaviour(behaviour);
        let _ = self.images.publish(&format!("{REPO}:{tag}"), &image);
    }

    /// Runs a container of `tag` with these labels.
    pub fn run(&self, name: &str, tag: &str, labels: &Value) {
        self.engine
            .run(name, &json!({ "Image": format!("{REPO}:{tag}"), "Labels": labels, "HostConfig": {} }))
            .unwrap();
    }

    pub async fn scan(&self) -> RunReport {
        self.app.run(Vec::new(), "test").await.unwrap()
    }

    /// What a whole run says of `name`.
    pub async fn verdict(&self, name: &str) -> Explanation {
        let report = self.scan().await;
        let of = |e: &Explanation| e.workload.name.as_str() == name;
        report.explanations.into_iter().find(of).unwrap_or_else(|| panic!("nothing on {name}"))
    }

    pub fn tag_of(&self, name: &str) -> String {
        let reference = self.engine.container(name).unwrap().image_reference().to_owned();
        reference.rsplit_once(':').unwrap().1.to_owned()
    }

    pub fn image_of(&self, name: &str) -> String {
        self.engine.container(name).unwrap().image_id().unwrap().to_string()
    }
}

pub fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

pub fn action(explanation: &Explanation) -> Option<Action> {
    match &explanation.verdict {
        Verdict::UpdateAvailable { action, .. } => Some(*action),
        _ => None,
    }
}

pub fn has(explanation: &Explanation, code: ReasonCode) -> bool {
    explanation.reasons.iter().any(|r| r.code == code)
}
