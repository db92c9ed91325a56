//! An application over a modelled engine, a modelled registry and a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lodeman_domain::clock::{SystemClock, SystemIds};
use lodeman_domain::image::ImageReference;
use lodeman_domain::setting::{SettingSource, SettingSpec, Settings};
use lodeman_domain::workload::HostId;
use lodeman_engine::fake::{Behaviour, ExecScript, FakeEngine, FakeImage, FakeImages, FakeOptions, Shutdown};
use lodeman_inventory::{HostModel, HostModelConfig};
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::fake::FakeRegistry;
use lodeman_store::fake::MemoryStore;
use lodeman_store::{Store, Write};
use lodeman_updater::app::{App, AppParts, LiveSettings, SettingsBook};
use lodeman_updater::control::{Control as _, FieldProblem, Which};
use lodeman_updater::deps::{AnonymousPull, Deps, Owner, SwapConfig};
use lodeman_updater::feed::Feed;
use lodeman_updater::progress::ProgressHub;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The repository that every image of a world is of.
const REPO: &str = "reg.example/app";

/// Built-in settings but for a short grace, what is stored on top, and what cannot be stored.
struct Book {
    fixed: &'static [&'static str],
}

impl SettingsBook for Book {
    fn in_force(&self, stored: &BTreeMap<String, String>) -> (Settings, Vec<FieldProblem>) {
        let mut settings = Settings { grace_period: Duration::from_millis(200), ..Settings::default() };
        let mut problems = Vec::new();
        for (key, text) in stored.iter().filter(|(key, _)| !self.fixed.contains(&key.as_str())) {
            if let Err(error) = settings.apply_stored(key, text) {
                problems.push(FieldProblem { field: key.clone(), message: error.to_string() });
            }
        }
        (settings, problems)
    }

    fn origin(&self, spec: &SettingSpec) -> (SettingSource, String) {
        if self.fixed.contains(&spec.key) {
            return (SettingSource::Flag, "command line".to_owned());
        }
        (SettingSource::Default, "built-in default".to_owned())
    }
}

/// A server's application, with what it works on.
pub struct World {
    /// The engine.
    pub engine: FakeEngine,
    /// The application.
    pub app: App,
    /// What it works with.
    pub deps: Deps,
    /// What happens, for those who follow.
    pub feed: Feed,
    /// Has the application stop.
    pub stopping: CancellationToken,
    images: FakeImages,
    registry: Arc<FakeRegistry>,
    memory: Arc<MemoryStore>,
}

impl World {
    /// A host with nothing on it. Its tasks run until the runtime ends.
    ///
    /// # Panics
    /// Where a fake fails, which then is a mistake of it.
    pub async fn new() -> Self {
        Self::fixing(&[]).await
    }

    /// The same, with these settings fixed at their defaults.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub async fn fixing(fixed: &'static [&'static str]) -> Self {
        let images = FakeImages::default();
        let engine = FakeEngine::new(FakeOptions::default(), images.clone());
        let registry = Arc::new(FakeRegistry::new());
        let clock = Arc::new(SystemClock);
        let memory = Arc::new(MemoryStore::new());
        let deps = Deps {
            host: HostId::local(),
            engine: Arc::new(engine.clone()),
            store: memory.clone(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            pull_auth: Arc::new(AnonymousPull),
            progress: ProgressHub::default(),
            swap: SwapConfig::default(),
            owner: Owner { boot_id: "boot".into(), process_id: 1 },
        };
        let config = HostModelConfig::default();
        let model = Arc::new(HostModel::new(HostId::local(), deps.engine.clone(), clock, config));
        let feed = Feed::new(&deps);
        tokio::spawn({
            let (model, feed) = (model.clone(), feed.clone());
            async move { tokio::join!(model.run(CancellationToken::new()), feed.run(CancellationToken::new())) }
        });
        let settings = LiveSettings::new(Arc::new(Book { fixed }));
        let parts = AppParts { deps: deps.clone(), model, registry: registry.clone(), settings, stays: true };
        let stopping = CancellationToken::new();
        let app = App::new(parts, stopping.clone());
        app.recover().await.expect("there is nothing to recover");
        Self { engine, app, deps, feed, stopping, images, registry, memory }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.deps.store.clone()
    }

    /// The registries.
    #[must_use]
    pub fn registry(&self) -> &FakeRegistry {
        &self.registry
    }

    /// How many writes were made.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.memory.log().len()
    }

    /// Has a command whose last argument is `line`, run in this container, write `output` and end with
    /// `code`.
    pub fn script_command(&self, container: &str, line: &str, code: i64, output: &str) {
        let script = ExecScript::exits(code).saying(output, "");
        self.engine.set_behaviour(container, Behaviour::default().with_command(line, script));
    }

    /// The engine answers nobody any more.
    pub fn engine_down(&self) {
        self.engine.go_down(Shutdown::Killed);
    }

    /// Looks for updates of all containers, and applies what policy applies by itself.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn scan(&self) {
        self.app.run(Vec::new(), "ann").await.expect("a scan");
    }

    /// Approves what waits for a container, without applying it.
    ///
    /// # Panics
    /// Where nothing waits.
    pub async fn approve_only(&self, name: &str) {
        let name = name.parse().expect("a name");
        self.app.approve_entry(name, Which::Current, "ann").await.expect("something waits");
    }

    /// Puts a value among the stored settings, as others do: it is in force only once it is taken up.
    ///
    /// # Panics
    /// Where the store fails.
    pub async fn put_stored(&self, key: &str, value: &str) {
        let write = Write::PutSetting { key: key.to_owned(), value: value.to_owned() };
        self.deps.store.commit(vec![write]).await.expect("it can be stored");
    }

    /// Publishes an image under `tag`, in the registry and for pulls alike.
    ///
    /// # Panics
    /// Where `tag` is none.
    pub fn push(&self, tag: &str, content: &str) {
        let reference: ImageReference = format!("{REPO}:{tag}").parse().expect("a reference");
        let blueprint = ImageBlueprint::new(content);
        let tagged = tag.parse().expect("a tag");
        let built = self.registry.push_image(reference.repository(), &tagged, &blueprint);
        let image = FakeImage {
            manifest_digest: built.manifest.digest.clone(),
            config_digest: built.config.digest.clone(),
            ..FakeImage::new(content)
        };
        let _ = self.images.publish(&format!("{REPO}:{tag}"), &image);
    }

    /// Runs a container of `tag` with these labels, and waits until it is known.
    ///
    /// # Panics
    /// Where the name is taken or none.
    pub async fn run(&self, name: &str, tag: &str, labels: Value) {
        let spec = json!({ "Image": format!("{REPO}:{tag}"), "Labels": labels, "HostConfig": {} });
        self.engine.run(name, &spec).expect("it can be run");
        let container = name.parse().expect("a name");
        until(|| async { self.app.find_container(&container).await.ok().flatten() }).await;
    }
}

/// Waits until there is something.
///
/// # Panics
/// Where nothing comes in five seconds.
pub async fn until<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    for _ in 0..500 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}
