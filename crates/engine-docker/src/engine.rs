//! The adapter: each question of the port, put to the engine.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{
    ContainerEngine, ContainerInspect, ContainerSummary, DiskSpace, EngineError, EngineInfo, EventStream,
    ExecReport, ExecRequest, ImageInspect, ImageSummary, LogStream, PullAuth, PullProgressSink,
    RestartPolicy,
};

use crate::config::{ConnectError, DockerEngineConfig, Endpoint};
use crate::dial;
use crate::stream::Streams;
use crate::transport::Transport;
use crate::version::ApiVersion;

/// A Docker Engine, or what speaks its API, behind one socket.
pub struct DockerEngine {
    pub(crate) transport: Arc<Transport>,
    pub(crate) streams: Streams,
}

impl fmt::Debug for DockerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerEngine").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl DockerEngine {
    /// Prepares to speak with the engine at the configured endpoint. Nothing is sent: the engine may
    /// be down now and come later.
    ///
    /// # Errors
    /// When the endpoint is malformed or of a kind that is not supported yet.
    pub fn connect(config: DockerEngineConfig) -> Result<Self, ConnectError> {
        let DockerEngineConfig { endpoint, deadlines } = config;
        let transport = Arc::new(Transport::new(Endpoint::parse(&endpoint)?, deadlines));
        let streams = Streams::over(&transport)?;
        Ok(Self { transport, streams })
    }

    /// The API version spoken with the engine, asking it where that is not known yet.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] also when the engine is too old, with that as its source.
    pub async fn api_version(&self) -> Result<ApiVersion, EngineError> {
        self.transport.version().await
    }
}

#[async_trait]
impl ContainerEngine for DockerEngine {
    #[tracing::instrument(name = "engine.ping", level = "debug", skip_all)]
    async fn ping(&self) -> Result<(), EngineError> {
        self.transport.ping().await.map(drop)
    }

    #[tracing::instrument(name = "engine.info", level = "debug", skip_all)]
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.get_info().await
    }

    #[tracing::instrument(name = "engine.list_containers", level = "debug", skip_all)]
    async fn list_containers(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        self.get_containers().await
    }

    #[tracing::instrument(name = "engine.inspect_container", level = "debug", skip_all, fields(container.id = %id.short()))]
    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        self.get_container(id).await
    }

    #[tracing::instrument(name = "engine.find_container", level = "debug", skip_all, fields(container.name = %name))]
    async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerInspect>, EngineError> {
        self.find_by_name(name).await
    }

    #[tracing::instrument(name = "engine.list_images", level = "debug", skip_all)]
    async fn list_images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        self.get_images().await
    }

    #[tracing::instrument(name = "engine.inspect_image", level = "debug", skip_all, fields(image = %image))]
    async fn inspect_image(&self, image: &str) -> Result<ImageInspect, EngineError> {
        self.get_image(image).await
    }

    #[tracing::instrument(name = "engine.tag_image", skip_all, fields(image.id = %image.short()))]
    async fn tag_image(&self, image: &Digest, repository: &str, tag: &str) -> Result<(), EngineError> {
        self.post_tag(image, repository, tag).await
    }

    #[tracing::instrument(name = "engine.remove_image", skip_all, fields(image = %name_or_id))]
    async fn remove_image(&self, name_or_id: &str) -> Result<(), EngineError> {
        self.delete_image(name_or_id).await
    }

    #[tracing::instrument(name = "engine.pull", skip_all, fields(image = %reference))]
    async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError> {
        self.streams.pull(reference, platform, auth, progress).await
    }

    #[tracing::instrument(name = "engine.create_container", skip_all, fields(container.name = %name))]
    async fn create_container(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        self.post_create(name, spec, platform).await
    }

    #[tracing::instrument(name = "engine.connect_network", skip_all, fields(container.id = %id.short(), network = %endpoint.network))]
    async fn connect_network(&self, id: &ContainerId, endpoint: &EndpointSpec) -> Result<(), EngineError> {
        self.post_connect(id, endpoint).await
    }

    #[tracing::instrument(name = "engine.start", skip_all, fields(container.id = %id.short()))]
    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.act("start a container", id, "start", self.transport.deadlines.slow).await
    }

    #[tracing::instrument(name = "engine.stop", skip_all, fields(container.id = %id.short()))]
    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.post_stop(id, grace).await
    }

    #[tracing::instrument(name = "engine.kill", skip_all, fields(container.id = %id.short()))]
    async fn kill(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.act("kill a container", id, "kill", self.transport.deadlines.quick).await
    }

    #[tracing::instrument(name = "engine.pause", skip_all, fields(container.id = %id.short()))]
    async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.act("pause a container", id, "pause", self.transport.deadlines.quick).await
    }

    #[tracing::instrument(name = "engine.unpause", skip_all, fields(container.id = %id.short()))]
    async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.act("unpause a container", id, "unpause", self.transport.deadlines.quick).await
    }

    #[tracing::instrument(name = "engine.rename", skip_all, fields(container.id = %id.short(), container.name = %name))]
    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), EngineError> {
        self.post_rename(id, name).await
    }

    #[tracing::instrument(name = "engine.set_restart_policy", skip_all, fields(container.id = %id.short()))]
    async fn set_restart_policy(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        self.post_restart_policy(id, policy).await
    }

    #[tracing::instrument(name = "engine.remove_container", skip_all, fields(container.id = %id.short()))]
    async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.delete_container(id).await
    }

    #[tracing::instrument(name = "engine.exec", skip_all, fields(container.id = %id.short()))]
    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecReport, EngineError> {
        self.run_inside(id, request).await
    }

    #[tracing::instrument(name = "engine.tail_logs", level = "debug", skip_all, fields(container.id = %id.short()))]
    async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError> {
        self.streams.tail_logs(id, lines).await
    }

    #[tracing::instrument(name = "engine.follow_logs", level = "debug", skip_all, fields(container.id = %id.short()))]
    async fn follow_logs(&self, id: &ContainerId, lines: usize) -> Result<LogStream, EngineError> {
        self.follow_log_of(id, lines).await
    }

    #[tracing::instrument(name = "engine.disk_space", level = "debug", skip_all)]
    async fn disk_space(&self, witness: &ContainerId) -> Result<Option<DiskSpace>, EngineError> {
        self.measure(witness).await
    }

    #[tracing::instrument(name = "engine.takes_connections", level = "debug", skip_all, fields(address = %address))]
    async fn takes_connections(&self, address: SocketAddr) -> bool {
        dial::takes_connections(address).await
    }

    #[tracing::instrument(name = "engine.events", level = "debug", skip_all)]
    async fn events(&self) -> Result<EventStream, EngineError> {
        self.streams.events().await
    }
}
