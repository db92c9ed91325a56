//! A host whose engine can be made to answer badly.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use lodeman_domain::clock::ManualClock;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use lodeman_domain::workload::HostId;
use lodeman_engine::fake::{FakeEngine, FakeImage, FakeImages, FakeOptions};
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{
    ContainerEngine, ContainerInspect, ContainerSummary, EngineError, EngineEvent, EngineInfo, EventStream,
    ExecReport, ExecRequest, ImageInspect, ImageSummary, LogStream, PullAuth, PullProgressSink,
    RestartPolicy,
};
use lodeman_inventory::{HostModel, HostModelConfig};
use serde_json::json;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// What the engine does instead of answering well.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mood of its own")]
pub struct Moods {
    /// The list shows nothing.
    pub empty_list: bool,
    /// The list is refused.
    pub no_list: bool,
    /// Inspects of these are refused with 500.
    pub unread: BTreeSet<ContainerId>,
    /// The event stream is refused.
    pub no_events: bool,
    /// The event stream is open and says nothing.
    pub deaf: bool,
    /// Pings go unanswered.
    pub no_ping: bool,
    /// The engine's own id.
    pub engine_id: Option<String>,
    /// Every container inspect asked for.
    pub inspects: Vec<ContainerId>,
    /// How often an event stream was opened.
    pub streams: usize,
    /// How long an inspect takes beyond a millisecond.
    pub slow: Duration,
    /// The most container inspects at one time.
    pub at_once: (usize, usize),
}

/// The fake engine, with moods.
pub struct Moody {
    pub fake: FakeEngine,
    moods: Mutex<Moods>,
    /// Events that nothing caused, in a pipe that holds sixteen.
    invented: broadcast::Sender<EngineEvent>,
}

fn refused(action: &'static str, status: u16) -> EngineError {
    EngineError::Refused { action, status, message: "not today".to_owned() }
}

impl Moody {
    pub fn mood(&self, change: impl FnOnce(&mut Moods)) {
        change(&mut self.moods.lock().unwrap());
    }

    /// The inspects since the last time this was asked.
    pub fn inspects(&self) -> Vec<ContainerId> {
        std::mem::take(&mut self.moods.lock().unwrap().inspects)
    }

    pub fn get<T>(&self, read: impl FnOnce(&Moods) -> T) -> T {
        read(&self.moods.lock().unwrap())
    }

    pub fn invent(&self, event: EngineEvent) {
        let _ = self.invented.send(event);
    }
}

#[async_trait]
impl ContainerEngine for Moody {
    async fn ping(&self) -> Result<(), EngineError> {
        if self.get(|m| m.no_ping) {
            let source = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
            return Err(EngineError::Unknown { action: "ping", source });
        }
        self.fake.ping().await
    }

    async fn info(&self) -> Result<EngineInfo, EngineError> {
        let mut info = self.fake.info().await?;
        if let Some(id) = self.get(|m| m.engine_id.clone()) {
            info.engine_id = id;
        }
        Ok(info)
    }

    async fn list_containers(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        if self.get(|m| m.no_list) {
            return Err(refused("list containers", 500));
        }
        let rows = self.fake.list_containers().await?;
        Ok(if self.get(|m| m.empty_list) { Vec::new() } else { rows })
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        self.mood(|m| {
            m.inspects.push(id.clone());
            m.at_once.0 += 1;
            m.at_once.1 = m.at_once.1.max(m.at_once.0);
        });
        tokio::time::sleep(Duration::from_millis(1) + self.get(|m| m.slow)).await;
        self.mood(|m| m.at_once.0 -= 1);
        if self.get(|m| m.unread.contains(id)) {
            return Err(refused("inspect a container", 500));
        }
        self.fake.inspect_container(id).await
    }

    async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerInspect>, EngineError> {
        self.fake.find_container(name).await
    }

    async fn list_images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        self.fake.list_images().await
    }

    async fn inspect_image(&self, image: &str) -> Result<ImageInspect, EngineError> {
        self.fake.inspect_image(image).await
    }

    async fn tag_image(&self, image: &Digest, repository: &str, tag: &str) -> Result<(), EngineError> {
        self.fake.tag_image(image, repository, tag).await
    }

    async fn remove_image(&self, name_or_id: &str) -> Result<(), EngineError> {
        self.fake.remove_image(name_or_id).await
    }

    async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError> {
        self.fake.pull(reference, platform, auth, progress).await
    }

    async fn create_container(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        self.fake.create_container(name, spec, platform).await
    }

    async fn connect_network(&self, id: &ContainerId, endpoint: &EndpointSpec) -> Result<(), EngineError> {
        self.fake.connect_network(id, endpoint).await
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.fake.start(id).await
    }

    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.fake.stop(id, grace).await
    }

    async fn kill(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.fake.kill(id).await
    }

    async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.fake.pause(id).await
    }

    async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.fake.unpause(id).await
    }

    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), EngineError> {
        self.fake.rename(id, name).await
    }

    async fn set_restart_policy(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        self.fake.set_restart_policy(id, policy).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.fake.remove_container(id).await
    }

    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecReport, EngineError> {
        self.fake.exec(id, request).await
    }

    async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError> {
        self.fake.tail_logs(id, lines).await
    }

    async fn follow_logs(&self, id: &ContainerId, lines: usize) -> Result<LogStream, EngineError> {
        self.fake.follow_logs(id, lines).await
    }

    async fn events(&self) -> Result<EventStream, EngineError> {
        self.mood(|m| m.streams += 1);
        if self.get(|m| m.no_events) {
            return Err(refused("tell its events", 403));
        }
        let real = self.fake.events().await?;
        if self.get(|m| m.deaf) {
            return Ok(futures::stream::pending().boxed());
        }
        let invented = futures::stream::unfold(self.invented.subscribe(), |mut invented| async move {
            let event = invented.recv().await.ok()?;
            Some((Ok(event), invented))
        });
        Ok(futures::stream::select(real, invented.chain(futures::stream::pending())).boxed())
    }
}

/// A host with an engine, and the model of it.
pub struct World {
    pub engine: Arc<Moody>,
    pub images: FakeImages,
    pub model: Arc<HostModel>,
    cancel: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl World {
    /// A host with the containers `names`, all running `web:1`, not followed yet.
    pub fn with(names: &[&str]) -> Self {
        let images = FakeImages::default();
        let _ = images.publish("web:1", &FakeImage::new("one"));
        let fake = FakeEngine::new(FakeOptions::default(), images.clone());
        let engine = Arc::new(Moody { fake, moods: Mutex::default(), invented: broadcast::Sender::new(16) });
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let port: Arc<dyn ContainerEngine> = engine.clone();
        let model = HostModel::new(HostId::local(), port, clock, HostModelConfig::default());
        let world = Self { engine, images, model: Arc::new(model), cancel: CancellationToken::new() };
        for name in names {
            world.run(name);
        }
        world
    }

    /// The same, followed, and looked at once.
    pub async fn followed(names: &[&str]) -> Self {
        let world = Self::with(names);
        world.follow();
        world.until(|model| model.status().connected).await;
        world.engine.inspects();
        world
    }

    pub fn follow(&self) {
        let (model, cancel) = (Arc::clone(&self.model), self.cancel.clone());
        tokio::spawn(async move { model.run(cancel).await });
    }

    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub fn run(&self, name: &str) -> ContainerId {
        self.engine.fake.run(name, &json!({ "Image": "web:1" })).expect("the container runs")
    }

    pub fn id(&self, name: &str) -> ContainerId {
        self.engine.fake.container(name).expect("there is such a container").id().clone()
    }

    /// The names the model shows, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.model.snapshot().visible().map(|entry| entry.name().to_string()).collect();
        names.sort();
        names
    }

    /// Waits, in the runtime's paused time, until `holds`; fails after ten minutes of it.
    pub async fn until(&self, holds: impl Fn(&HostModel) -> bool) {
        let waiting = async {
            while !holds(&self.model) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(Duration::from_mins(11), waiting).await;
    }
}

/// Fails when `work` takes longer, in the runtime's paused time.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, work).await.expect("it happens in time")
}
