//! What containers write.

use futures::stream::{BoxStream, StreamExt as _};
use lodeman_domain::container::ContainerName;
use lodeman_engine::{ContainerInspect, EngineError};

use super::{App, chain};
use crate::control::{ControlError, ErrorKind};

fn failed(error: &EngineError) -> ControlError {
    let kind = match error {
        error if error.is_not_found() => ErrorKind::NotFound,
        EngineError::Refused { status: 404, .. } => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    ControlError::new(kind, chain(error))
}

impl App {
    /// The last `lines` lines that a container wrote, both streams together, at most 64 KiB.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such container; when the engine cannot be asked.
    pub async fn tail_logs(&self, name: &ContainerName, lines: usize) -> Result<String, ControlError> {
        let container = self.get_container(name).await?;
        let engine = &self.swapper.deps().engine;
        engine.tail_logs(container.id(), lines).await.map_err(|error| failed(&error))
    }

    /// What a container writes, line by line: its last `lines` lines, then what follows until it stops.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such container; when the engine cannot be asked. Later
    /// errors come through the stream, which then ends.
    pub async fn follow_logs(
        &self,
        name: &ContainerName,
        lines: usize,
    ) -> Result<BoxStream<'static, Result<String, ControlError>>, ControlError> {
        let container = self.get_container(name).await?;
        let engine = &self.swapper.deps().engine;
        let log = engine.follow_logs(container.id(), lines).await.map_err(|error| failed(&error))?;
        Ok(log.map(|line| line.map_err(|error| failed(&error))).boxed())
    }

    /// The container that has this name now, as the engine shows it.
    pub(super) async fn get_container(&self, name: &ContainerName) -> Result<ContainerInspect, ControlError> {
        let found = self.swapper.deps().engine.find_container(name).await.map_err(|error| failed(&error))?;
        found.ok_or_else(|| ControlError::new(ErrorKind::NotFound, format!("there is no container `{name}`")))
    }

    /// Ends when the server begins to stop.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        self.swapper.stopping().clone().cancelled_owned()
    }
}
