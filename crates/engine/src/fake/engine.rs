//! The port, answered by the model.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use tokio::time::{Instant, sleep, sleep_until};

use super::state::{Actor, Subscriber, refused};
use super::store::RemoveImage;
use super::{FakeEngine, Shared, State};
use crate::spec::{CreateSpec, EndpointSpec};
use crate::{
    ContainerEngine, ContainerInspect, ContainerSummary, DiskSpace, EngineError, EngineInfo, EventAction,
    EventStream, ExecReport, ExecRequest, ImageInspect, ImageSummary, LogStream, PullAuth, PullProgress,
    PullProgressSink, RestartPolicy,
};

impl FakeEngine {
    /// Reads the state, if the engine answers.
    fn read<T>(&self, read: impl FnOnce(&State) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let state = self.lock();
        state.answer()?;
        read(&state)
    }

    /// Changes the state, if the engine answers.
    fn call<T>(&self, call: impl FnOnce(&mut State) -> Result<T, EngineError>) -> Result<T, EngineError> {
        self.change(|state| {
            state.answer()?;
            call(state)
        })
    }

    /// Waits for the next change of the state, however it comes about.
    pub(super) async fn next_change(&self) {
        let changed = self.shared.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let due = self.lock().next_due();
        match due {
            Some(due) if due > Instant::now() => {
                tokio::select! {
                    () = &mut changed => {}
                    () = sleep_until(due) => {}
                }
            }
            Some(_) => {}
            None => changed.await,
        }
    }

    /// Waits until a stop that was asked for is over.
    async fn until_down(&self, id: &ContainerId, generation: u64) -> Result<(), EngineError> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let due = {
                let state = self.lock();
                if !state.up || state.generation != generation {
                    return Err(lost("stop a container"));
                }
                match state.containers.get(id).and_then(|c| c.pending_stop) {
                    Some(pending) => pending.at,
                    None => return Ok(()),
                }
            };
            tokio::select! {
                () = &mut changed => {}
                () = sleep_until(due) => {}
            }
        }
    }
}

pub(super) fn lost(action: &'static str) -> EngineError {
    EngineError::Unknown { action, source: "the connection was lost".into() }
}

#[async_trait]
impl ContainerEngine for FakeEngine {
    async fn ping(&self) -> Result<(), EngineError> {
        self.read(|_| Ok(()))
    }

    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.read(|state| {
            let options = &state.options;
            let driver = match options.image_store {
                crate::ImageStore::Classic => "overlay2",
                crate::ImageStore::Containerd => "overlayfs",
            };
            Ok(EngineInfo {
                engine_id: options.engine_id.clone(),
                server_version: if state.api_at_least((1, 45)) { "29.0.0" } else { "20.10.24" }.to_owned(),
                api_version: options.api_version.clone(),
                storage_driver: driver.to_owned(),
                image_store: options.image_store,
                platform: options.platform.clone(),
                live_restore: options.live_restore,
                host_name: options.host_name.clone(),
            })
        })
    }

    async fn list_containers(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        self.read(|state| Ok(state.summaries()))
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<ContainerInspect, EngineError> {
        self.read(|state| state.inspect(id))
    }

    async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerInspect>, EngineError> {
        self.read(|state| {
            let found = state.by_name(name.as_str()).map(|c| c.id.clone());
            found.map(|id| state.inspect(&id)).transpose()
        })
    }

    async fn list_images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        self.read(|state| Ok(state.store.list()))
    }

    async fn inspect_image(&self, image: &str) -> Result<ImageInspect, EngineError> {
        self.read(|state| ImageInspect::from_json(state.image_inspect(image)?))
    }

    async fn tag_image(&self, image: &Digest, repository: &str, tag: &str) -> Result<(), EngineError> {
        const TAG: &str = "tag an image";
        let name = format!("{repository}:{tag}");
        let reference: ImageReference =
            name.parse().map_err(|_| refused(TAG, 400, format!("invalid reference {name}")))?;
        self.call(|state| {
            if !state.store.tag(image, &reference) {
                return Err(refused(TAG, 404, format!("No such image: {image}")));
            }
            state.emit_as(None, None, EventAction::Image("tag".to_owned()));
            Ok(())
        })
    }

    async fn remove_image(&self, name_or_id: &str) -> Result<(), EngineError> {
        self.call(|state| {
            let used: Vec<Digest> = state.containers.values().map(|c| c.image.clone()).collect();
            match state.store.remove(name_or_id, &|id| used.contains(id)) {
                Ok(()) => {
                    state.emit_as(None, None, EventAction::Image("untag".to_owned()));
                    Ok(())
                }
                Err(RemoveImage::Gone) => Ok(()),
                Err(RemoveImage::Conflict(message)) => Err(refused("remove an image", 409, message)),
            }
        })
    }

    async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        _auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError> {
        const LAYER_BYTES: u64 = 4 << 20;
        let (span, generation) = self.read(|state| Ok((state.options.pull_time, state.generation)))?;
        let line = |status: &str, current: Option<u64>| PullProgress {
            layer: current.map(|_| "0123456789ab".to_owned()),
            status: status.to_owned(),
            current_bytes: current,
            total_bytes: current.map(|_| LAYER_BYTES),
        };
        progress.progress(line("Pulling", None));
        for step in 1..=4u64 {
            if !span.is_zero() {
                sleep(span / 4).await;
            }
            progress.progress(line("Downloading", Some(LAYER_BYTES * step / 4)));
        }
        if self.lock().generation != generation {
            return Err(lost("pull an image"));
        }
        self.call(|state| state.pull(reference, platform))?;
        progress.progress(line("Pull complete", Some(LAYER_BYTES)));
        Ok(())
    }

    async fn create_container(
        &self,
        name: &ContainerName,
        spec: &CreateSpec,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        self.call(|state| state.create(self.actor, name, &spec.0, platform))
    }

    async fn connect_network(&self, id: &ContainerId, endpoint: &EndpointSpec) -> Result<(), EngineError> {
        self.call(|state| state.connect(id, &endpoint.network, &endpoint.config))
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(|state| state.start(id))
    }

    async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        let asked = self.call(|state| Ok((state.ask_to_stop(id, grace)?, state.generation)))?;
        match asked {
            (Some(_), generation) => self.until_down(id, generation).await,
            (None, _) => Ok(()),
        }
    }

    async fn kill(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(|state| state.kill(id))
    }

    async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(|state| state.pause(id, true))
    }

    async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(|state| state.pause(id, false))
    }

    async fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), EngineError> {
        self.call(|state| state.rename(self.actor, id, name))
    }

    async fn set_restart_policy(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        self.call(|state| state.set_policy(id, policy))
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(|state| {
            if self.actor == Actor::Lodeman {
                state.judge_removal(id);
            }
            state.remove(id, false)
        })
    }

    async fn exec(&self, id: &ContainerId, request: &ExecRequest) -> Result<ExecReport, EngineError> {
        self.run_inside(id, request).await
    }

    async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError> {
        if self.lock().place.logs_hang {
            std::future::pending::<()>().await;
        }
        self.call(|state| {
            let log = &state.get("read a container's log", id)?.log;
            let from = log.len().saturating_sub(lines);
            Ok(log[from..].iter().flat_map(|line| [line.as_str(), "\n"]).collect())
        })
    }

    async fn follow_logs(&self, id: &ContainerId, lines: usize) -> Result<LogStream, EngineError> {
        let reader = self.read(|state| state.log_reader(self, id, lines))?;
        let stream = futures::stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            loop {
                // In this order: what was written before the end is read before it.
                let ended = reader.has_ended();
                match reader.take() {
                    Ok(Some(line)) => return Some((Ok(line), Some(reader))),
                    Ok(None) if ended => return None,
                    Ok(None) => {
                        let look_again = std::time::Duration::from_millis(50);
                        let _ = tokio::time::timeout(look_again, reader.engine.next_change()).await;
                    }
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Ok(stream.boxed())
    }

    async fn disk_space(&self, witness: &ContainerId) -> Result<Option<DiskSpace>, EngineError> {
        self.read(|state| Ok(state.disk_space(witness)))
    }

    async fn takes_connections(&self, address: SocketAddr) -> bool {
        self.lock().takes_connections(address)
    }

    async fn events(&self) -> Result<EventStream, EngineError> {
        let number = self.call(|state| {
            let number = state.next();
            state.subscribers.insert(number, Subscriber::default());
            Ok(number)
        })?;
        let listener = Listener { engine: self.clone(), number };
        let stream = futures::stream::unfold(Some(listener), |listener| async move {
            let listener = listener?;
            loop {
                match listener.take() {
                    Some(Ok(event)) => return Some((Ok(event), Some(listener))),
                    Some(Err(error)) => return Some((Err(error), None)),
                    None => listener.engine.next_change().await,
                }
            }
        });
        Ok(stream.boxed())
    }
}

/// One open event stream; closing it is dropping it.
struct Listener {
    engine: FakeEngine,
    number: u64,
}

impl Listener {
    fn take(&self) -> Option<Result<crate::EngineEvent, EngineError>> {
        let mut state = self.engine.lock();
        let subscriber = state.subscribers.get_mut(&self.number)?;
        match subscriber.queue.pop_front() {
            Some(event) => Some(Ok(event)),
            None if subscriber.broken => Some(Err(EngineError::Unreachable("the event stream ended".into()))),
            None => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Shared { state, .. } = &*self.engine.shared;
        if let Ok(mut state) = state.lock() {
            state.subscribers.remove(&self.number);
        }
    }
}
