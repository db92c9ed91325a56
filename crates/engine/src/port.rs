//! The port itself.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use serde::{Deserialize, Serialize};

use crate::spec::{CreateSpec, EndpointSpec};
use crate::{
    ContainerInspect, ContainerSummary, EngineError, EventStream, ExecReport, ExecRequest, ImageInspect,
    ImageSummary, LogStream, RestartPolicy,
};

/// Which image store the engine keeps its images in; image identity differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStore {
    /// An image's id is the digest of its config.
    Classic,
    /// An image's id is the digest its reference resolved to: an index, or else a manifest.
    Containerd,
}

/// What the engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's own id, kept across its restarts.
    pub engine_id: String,
    /// Its version, such as `20.10.24`.
    pub server_version: String,
    /// The API version spoken with it: the smaller of its newest and ours (1.51).
    pub api_version: String,
    /// `info.Driver`; a change of it under the same engine id means every image id changed.
    pub storage_driver: String,
    /// Which image store that driver belongs to.
    pub image_store: ImageStore,
    /// The platform containers run on unless told otherwise.
    pub platform: Platform,
    /// Whether containers survive a restart of the engine.
    pub live_restore: bool,
    /// The machine's host name.
    pub host_name: String,
}

/// Room on the file system that an engine keeps its containers on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpace {
    /// The engine's directory, in its own spelling.
    pub path: String,
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// How a pull is authorised: handed to the engine with the request, never stored there.
#[derive(Clone)]
pub struct PullAuth {
    /// The value of the `X-Registry-Auth` header: URL-safe base64 of the engine's JSON form.
    pub header: String,
}

impl std::fmt::Debug for PullAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PullAuth(…)")
    }
}

/// One line of a pull's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullProgress {
    /// The layer it is about, by the engine's short id; `None` for the pull as a whole.
    pub layer: Option<String>,
    /// What is being done, in the engine's words.
    pub status: String,
    /// Bytes done of this layer.
    pub current_bytes: Option<u64>,
    /// Bytes of this layer in all.
    pub total_bytes: Option<u64>,
}

/// Receives a pull's progress. Must not block.
pub trait PullProgressSink: Send + Sync {
    /// One more line of progress.
    fn progress(&self, progress: PullProgress);
}

/// Ignores all progress.
#[derive(Debug, Default, Clone, Copy)]
pub struct SilentPull;

impl PullProgressSink for SilentPull {
    fn progress(&self, _progress: PullProgress) {}
}

/// What Lodeman asks of a container engine.
///
/// Rules every adapter keeps: containers are addressed by full id, never by name or short id, except
/// where a name is given to one; a call has the deadline of its kind and answers
/// [`EngineError::Unknown`] when that passes after the request was sent; a mutating call's success
/// says that the engine agreed, not that it happened: callers inspect.
///
/// Deadlines: inspect, tag, rename, update, connect 15 s; list 30 s; create, start, remove 60 s; stop
/// its grace plus 30 s; a pull 120 s without progress or 60 min in all; a command in a container its
/// time-out plus 10 s; disk space 5 s.
#[async_trait]
pub trait ContainerEngine: Send + Sync {
    /// Whether the engine answers, within 5 s.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] or [`EngineError::Unknown`] when it does not.
    async fn ping(&self) -> Result<(), EngineError>;

    /// What the engine says about itself.
    ///
    /// # Errors
    /// As for every call: unreachable, unknown, refused, malformed.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// All containers in every state. Absence from this list proves nothing.
    ///
    /// # Errors
    /// As for every call.
    async fn list_containers(&self) -> Result<Vec<ContainerSummary>, EngineError>;

    /// Everything the engine tells about one container.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is none with this id.
    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError>;

    /// The container that has this name now, if any; one whose id merely begins like it does not count.
    ///
    /// # Errors
    /// As for every call.
    async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerInspect>, EngineError>;

    /// All images.
    ///
    /// # Errors
    /// As for every call.
    async fn list_images(&self) -> Result<Vec<ImageSummary>, EngineError>;

    /// Everything the engine tells about one image, by id, `repository@digest` or reference.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is none.
    async fn inspect_image(&self, image: &str) -> Result<ImageInspect, EngineError>;

    /// Gives the image `repository:tag` as one more name.
    ///
    /// # Errors
    /// As for every call.
    async fn tag_image(&self, image: &Digest, repository: &str, tag: &str) -> Result<(), EngineError>;

    /// Removes one name of an image, or by id the image itself. Never forced, never prunes parents.
    /// Removing what is not there succeeds.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with status 409 while a container uses it.
    async fn remove_image(&self, name_or_id: &str) -> Result<(), EngineError>;

    /// Pulls `reference` for `platform`, reading the engine's answer to its end.
    ///
    /// # Errors
    /// [`EngineError::Refused`] also for an error inside the engine's progress stream.
    async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError>;

    /// Makes a container without starting it.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with 409 when the name is taken, 404 when the image is not there.
    async fn create_container(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError>;

    /// Connects a container to one more network.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with 404 when there is no such network.
    async fn connect_network(&self, id: &ContainerId, endpoint: &EndpointSpec) -> Result<(), EngineError>;

    /// Starts a container. Starting a running one succeeds.
    ///
    /// # Errors
    /// As for every call.
    async fn start(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Stops a container by its own stop signal, killing it once `grace` has passed. Stopping a
    /// stopped one succeeds.
    ///
    /// # Errors
    /// As for every call.
    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError>;

    /// Kills a container's process.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with 409 when it is not running.
    async fn kill(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Freezes a container.
    ///
    /// # Errors
    /// As for every call.
    async fn pause(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Thaws a container.
    ///
    /// # Errors
    /// As for every call.
    async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Gives a container another name.
    ///
    /// # Errors
    /// [`EngineError::Refused`]: 409 when the name is another's, 400 when it is its own already.
    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), EngineError>;

    /// Sets a container's restart policy.
    ///
    /// # Errors
    /// As for every call.
    async fn set_restart_policy(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError>;

    /// Removes a stopped container. Never its volumes, never forced. Removing an absent one succeeds.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with 409 while it runs or its removal is under way.
    async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Runs a command inside a running container and waits for its end. One that is not done in its time
    /// is killed with what it began, where that can be done. It is never run twice; a caller that goes
    /// away does not end it.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with 404 or 409 where there is no such container, or it does not run;
    /// with these and [`EngineError::Unreachable`] the command was not run. After any other error it is
    /// not known whether it was, or how it ended.
    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecReport, EngineError>;

    /// The last `lines` lines a container wrote, both streams together, at most 64 KiB.
    ///
    /// # Errors
    /// As for every call.
    async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError>;

    /// What a container writes, line by line: its last `lines` lines, then what follows, both streams
    /// together as they come. Ends when the container's process ends. A line is without its end, and comes in
    /// pieces where it is longer than 256 KiB. Nothing is read ahead of whoever takes the lines.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is none with this id; later errors come through the stream.
    async fn follow_logs(&self, id: &ContainerId, lines: usize) -> Result<LogStream, EngineError>;

    /// How much room the engine has left; `None` where that cannot be known from here. Its API does not
    /// tell, so an adapter looks at the engine's directory where this process sees it, and takes one that
    /// has the container `witness` for the engine's: the same path may be another directory here.
    ///
    /// # Errors
    /// As for every call.
    async fn disk_space(&self, witness: &ContainerId) -> Result<Option<DiskSpace>, EngineError> {
        let _ = witness;
        Ok(None)
    }

    /// Whether something takes TCP connections at this address of a container
    /// ([`ContainerInspect::ways`]), dialled from where this process stands. `false` as well where there
    /// is no way from here, and where the other end closes at once without a word: so does an engine's own
    /// proxy with nothing behind it. Within 2 s.
    async fn takes_connections(&self, address: SocketAddr) -> bool {
        let _ = address;
        false
    }

    /// Events from now on.
    ///
    /// # Errors
    /// When the stream cannot be opened; later errors come through it.
    async fn events(&self) -> Result<EventStream, EngineError>;
}
