//! Failures in front of any engine, by the number of the mutating call.
//!
//! The faults are those of the crash-safety contract, section 12.3. A hook sees every mutating call
//! before and after it happens and may let it never return: that is how a kill of the process at that
//! point is simulated, by aborting the task that waits for the answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};

use super::Shutdown;
use super::image::hex;
use crate::spec::{CreateSpec, EndpointSpec};
use crate::{
    ContainerEngine, ContainerInspect, ContainerSummary, DiskSpace, EngineError, EngineInfo, EventStream,
    ExecEnding, ExecReport, ExecRequest, ImageInspect, ImageSummary, LogStream, PullAuth, PullProgressSink,
    RestartPolicy,
};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The engine refuses and does nothing.
    ErrorBefore,
    /// The engine acts and answers with an error.
    ErrorAfterEffect,
    /// The engine acts, the answer is lost.
    ReplyLost,
    /// The answer is lost at once, the engine acts this much later.
    ReplyLostEffectDelayed(Duration),
    /// Nothing happens and no answer comes until the deadline has passed.
    Hang,
    /// The engine agrees and does nothing.
    NoEffectSuccess,
    /// The engine says 404 and does nothing.
    Lie404,
    /// The engine says there is nothing to do (304) and does nothing.
    Lie304,
    /// The engine restarts before it sees the call, which is lost.
    RestartBefore(Shutdown),
    /// The engine acts, then restarts; the answer is lost.
    RestartAfter(Shutdown),
}

/// Before or after the engine acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The call arrives.
    Before,
    /// The engine has acted; the answer is about to leave.
    After,
}

/// What a hook decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// Never return: whoever waits is about to be killed.
    Never,
}

/// One mutating call, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutatingCall {
    /// Counts from 1.
    pub number: usize,
    /// Which call, as a verb: `create`, `stop`, `rename`, …
    pub action: &'static str,
    /// The container it is about, where it has an id yet.
    pub container: Option<ContainerId>,
    /// What was asked, in a few words.
    pub detail: String,
}

type Hook = Arc<dyn Fn(&MutatingCall, Moment) -> Answer + Send + Sync>;
type Restart = Arc<dyn Fn(Shutdown) + Send + Sync>;

#[derive(Default)]
struct Script {
    calls: Vec<MutatingCall>,
    faults: BTreeMap<usize, Fault>,
    hook: Option<Hook>,
    restart: Option<Restart>,
}

/// An engine whose mutating calls fail as told.
#[derive(Clone)]
pub struct Faulty<E> {
    inner: Arc<E>,
    script: Arc<Mutex<Script>>,
    hang: Duration,
}

impl<E: std::fmt::Debug> std::fmt::Debug for Faulty<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<E: ContainerEngine + 'static> Faulty<E> {
    /// In front of `inner`, without faults yet.
    #[must_use]
    pub fn new(inner: E) -> Self {
        Self { inner: Arc::new(inner), script: Arc::default(), hang: Duration::from_mins(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the mutating call with this number, counted from 1, go wrong.
    pub fn fault(&self, number: usize, fault: Fault) {
        self.lock().faults.insert(number, fault);
    }

    /// Forgets all faults and the hook; the count and the record go on.
    pub fn heal(&self) {
        let mut script = self.lock();
        script.faults.clear();
        script.hook = None;
    }

    /// Has `hook` see every mutating call.
    pub fn set_hook(&self, hook: impl Fn(&MutatingCall, Moment) -> Answer + Send + Sync + 'static) {
        self.lock().hook = Some(Arc::new(hook));
    }

    /// How the engine behind it is restarted; without it those two faults only lose the answer.
    pub fn set_restart(&self, restart: impl Fn(Shutdown) + Send + Sync + 'static) {
        self.lock().restart = Some(Arc::new(restart));
    }

    /// All mutating calls so far, those that failed included.
    #[must_use]
    pub fn calls(&self) -> Vec<MutatingCall> {
        self.lock().calls.clone()
    }

    /// Notes a call, and gives what is to happen to it.
    fn arrive(
        &self,
        action: &'static str,
        id: Option<&ContainerId>,
        detail: String,
    ) -> (MutatingCall, Option<Fault>) {
        let mut script = self.lock();
        let number = script.calls.len() + 1;
        let call = MutatingCall { number, action, container: id.cloned(), detail };
        script.calls.push(call.clone());
        let fault = script.faults.remove(&number);
        (call, fault)
    }

    async fn ask(&self, call: &MutatingCall, moment: Moment) {
        let hook = self.lock().hook.clone();
        if hook.is_some_and(|hook| hook(call, moment) == Answer::Never) {
            std::future::pending::<()>().await;
        }
    }

    fn restart(&self, how: Shutdown) {
        let restart = self.lock().restart.clone();
        if let Some(restart) = restart {
            restart(how);
        }
    }
}

fn unknown(action: &'static str) -> EngineError {
    EngineError::Unknown { action, source: "the answer was lost".into() }
}

fn refused(action: &'static str, status: u16) -> EngineError {
    EngineError::Refused { action, status, message: "scripted".to_owned() }
}

/// Runs one mutating call through the script. `$pretend` is the answer of an engine that did nothing
/// and says it did; `$engine` is what `$call` speaks to, owned, so that it can outlive the caller.
macro_rules! scripted {
    ($self:ident, $action:literal, $id:expr, $detail:expr, $pretend:expr, $engine:ident => $call:expr) => {{
        let (call, fault) = $self.arrive($action, $id, $detail);
        $self.ask(&call, Moment::Before).await;
        let $engine = Arc::clone(&$self.inner);
        let result = match fault {
            None => $call.await,
            Some(Fault::ErrorBefore) => Err(refused($action, 500)),
            Some(Fault::ErrorAfterEffect) => {
                let _ = $call.await;
                Err(refused($action, 500))
            }
            Some(Fault::ReplyLost) => {
                let _ = $call.await;
                Err(unknown($action))
            }
            Some(Fault::ReplyLostEffectDelayed(later)) => {
                tokio::spawn(async move {
                    tokio::time::sleep(later).await;
                    let _ = $call.await;
                });
                Err(unknown($action))
            }
            Some(Fault::Hang) => {
                tokio::time::sleep($self.hang).await;
                Err(unknown($action))
            }
            Some(Fault::NoEffectSuccess | Fault::Lie304) => Ok($pretend),
            Some(Fault::Lie404) => Err(refused($action, 404)),
            Some(Fault::RestartBefore(how)) => {
                $self.restart(how);
                Err(unknown($action))
            }
            Some(Fault::RestartAfter(how)) => {
                let _ = $call.await;
                $self.restart(how);
                Err(unknown($action))
            }
        };
        $self.ask(&call, Moment::After).await;
        result
    }};
}

#[async_trait]
impl<E: ContainerEngine + 'static> ContainerEngine for Faulty<E> {
    async fn ping(&self) -> Result<(), EngineError> {
        self.inner.ping().await
    }

    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.inner.info().await
    }

    async fn list_containers(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        self.inner.list_containers().await
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        self.inner.inspect_container(id).await
    }

    async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerInspect>, EngineError> {
        self.inner.find_container(name).await
    }

    async fn list_images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        self.inner.list_images().await
    }

    async fn inspect_image(&self, image: &str) -> Result<ImageInspect, EngineError> {
        self.inner.inspect_image(image).await
    }

    async fn tag_image(&self, image: &Digest, repository: &str, tag: &str) -> Result<(), EngineError> {
        let (image, repository, tag) = (image.clone(), repository.to_owned(), tag.to_owned());
        let detail = format!("{image} as {repository}:{tag}");
        scripted!(self, "tag", None, detail, (), engine => engine.tag_image(&image, &repository, &tag))
    }

    async fn remove_image(&self, name_or_id: &str) -> Result<(), EngineError> {
        let name = name_or_id.to_owned();
        scripted!(self, "remove_image", None, name.clone(), (), engine => engine.remove_image(&name))
    }

    async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError> {
        let (call, fault) = self.arrive("pull", None, reference.to_string());
        self.ask(&call, Moment::Before).await;
        let result = match fault {
            None => self.inner.pull(reference, platform, auth, progress).await,
            // An abandoned pull ends with its client, so a delayed effect is none.
            Some(Fault::ErrorBefore | Fault::ReplyLostEffectDelayed(_)) => Err(refused("pull", 500)),
            Some(Fault::Hang) => {
                tokio::time::sleep(self.hang).await;
                Err(unknown("pull"))
            }
            Some(Fault::NoEffectSuccess | Fault::Lie304) => Ok(()),
            Some(Fault::Lie404) => Err(refused("pull", 404)),
            Some(Fault::RestartBefore(how)) => {
                self.restart(how);
                Err(unknown("pull"))
            }
            Some(Fault::ErrorAfterEffect | Fault::ReplyLost) => {
                let _ = self.inner.pull(reference, platform, auth, progress).await;
                Err(unknown("pull"))
            }
            Some(Fault::RestartAfter(how)) => {
                let _ = self.inner.pull(reference, platform, auth, progress).await;
                self.restart(how);
                Err(unknown("pull"))
            }
        };
        self.ask(&call, Moment::After).await;
        result
    }

    async fn create_container(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        let (name, spec, platform) = (name.clone(), spec.clone(), platform.clone());
        let detail = format!("{name} from {}", spec.image());
        let nobody: ContainerId = hex(&detail).parse().map_err(|_| refused("create", 500))?;
        scripted!(self, "create", None, detail, nobody, engine => engine.create_container(&name, &spec, &platform))
    }

    async fn connect_network(&self, id: &ContainerId, endpoint: &EndpointSpec) -> Result<(), EngineError> {
        let (id, endpoint) = (id.clone(), endpoint.clone());
        let detail = endpoint.network.clone();
        scripted!(self, "connect", Some(&id), detail, (), engine => engine.connect_network(&id, &endpoint))
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        let id = id.clone();
        scripted!(self, "start", Some(&id), String::new(), (), engine => engine.start(&id))
    }

    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        let id = id.clone();
        let detail = format!("{} s", grace.as_secs());
        scripted!(self, "stop", Some(&id), detail, (), engine => engine.stop(&id, grace))
    }

    async fn kill(&self, id: &ContainerId) -> Result<(), EngineError> {
        let id = id.clone();
        scripted!(self, "kill", Some(&id), String::new(), (), engine => engine.kill(&id))
    }

    async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let id = id.clone();
        scripted!(self, "pause", Some(&id), String::new(), (), engine => engine.pause(&id))
    }

    async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let id = id.clone();
        scripted!(self, "unpause", Some(&id), String::new(), (), engine => engine.unpause(&id))
    }

    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), EngineError> {
        let (id, name) = (id.clone(), name.clone());
        scripted!(self, "rename", Some(&id), name.to_string(), (), engine => engine.rename(&id, &name))
    }

    async fn set_restart_policy(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        let (id, policy) = (id.clone(), policy.clone());
        let detail = policy.name.clone();
        scripted!(self, "update", Some(&id), detail, (), engine => engine.set_restart_policy(&id, &policy))
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        let id = id.clone();
        scripted!(self, "remove", Some(&id), String::new(), (), engine => engine.remove_container(&id))
    }

    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecReport, EngineError> {
        let (id, request) = (id.clone(), request.clone());
        let pretend = ExecReport::new(ExecEnding::Exited { code: 0 }, String::new(), String::new(), false);
        scripted!(self, "exec", Some(&id), String::new(), pretend, engine => engine.exec(&id, &request))
    }

    async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError> {
        self.inner.tail_logs(id, lines).await
    }

    async fn follow_logs(&self, id: &ContainerId, lines: usize) -> Result<LogStream, EngineError> {
        self.inner.follow_logs(id, lines).await
    }

    async fn disk_space(&self, witness: &ContainerId) -> Result<Option<DiskSpace>, EngineError> {
        self.inner.disk_space(witness).await
    }

    async fn takes_connections(&self, address: SocketAddr) -> bool {
        self.inner.takes_connections(address).await
    }

    async fn events(&self) -> Result<EventStream, EngineError> {
        self.inner.events().await
    }
}
