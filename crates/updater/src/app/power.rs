//! Starting, stopping and restarting containers, as people ask.

use std::time::Duration;

use lodeman_domain::container::{ContainerName, RunState};
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::update::Phase;
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::ContainerInspect;
use lodeman_store::Write;
use serde_json::json;

use super::{App, chain, swap_error};
use crate::control::{ControlError, ErrorKind};
use crate::locks::ContainerGuard;
use crate::swap::call::{Call, Check};

/// How long a container has to stop, where it does not say itself.
const GRACE_SECONDS: u64 = 10;
/// How often it is looked whether what the engine agreed to has happened.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long that may take beyond the engine's answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerAction {
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is stopped and started.
    Restart,
}

impl PowerAction {
    /// The verb.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
        }
    }
}

/// What the engine removes as soon as it stops could not be started again.
fn would_vanish(container: &ContainerInspect) -> Result<(), ControlError> {
    if !(runs(container) && container.auto_remove()) {
        return Ok(());
    }
    let name = container.name();
    let why = format!("container `{name}` is not stopped: the engine removes it as soon as it stops");
    Err(ControlError::new(ErrorKind::Refused, why))
}

fn runs(container: &ContainerInspect) -> bool {
    container.is_up() || container.state() == Some(RunState::Restarting)
}

impl App {
    /// Starts, stops or restarts a container; how that ends is told by events.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while something else changes the container; [`ErrorKind::Refused`] where the
    /// engine would remove it; while interrupted operations are being recovered.
    pub async fn begin_power(
        &self,
        action: PowerAction,
        name: ContainerName,
        by: &str,
    ) -> Result<(), ControlError> {
        self.ready_to_act()?;
        let key = self.key(name.clone());
        let busy = |by: String| {
            ControlError::new(ErrorKind::Conflict, format!("container `{name}` is being changed{by}"))
        };
        let guard = self.swapper.locks().try_container(&key).ok_or_else(|| busy(String::new()))?;
        let open = self.swapper.deps().store.find_open_operation(&key).await?;
        if let Some(open) = open.filter(|open| open.phase != Phase::Committed) {
            return Err(busy(format!(" by operation {}", open.id)));
        }
        if action != PowerAction::Start {
            would_vanish(&self.get_container(&name).await?)?;
        }
        let note = format!("Container {}", action.done());
        self.record_activity(action.verb(), &note, Some(&name), by).await?;
        let (app, by) = (self.clone(), by.to_owned());
        // A shutdown waits for it, and whoever asked may go away.
        drop(self.swapper.spawn(async move { app.power(action, key, &by, guard).await }));
        Ok(())
    }

    async fn power(&self, action: PowerAction, key: WorkloadKey, by: &str, guard: ContainerGuard) {
        let done = match action {
            PowerAction::Start => self.start_now(&key).await.map(|()| true),
            PowerAction::Stop => self.stop_now(&key).await.map(|()| true),
            PowerAction::Restart => self.restart_now(&key, by, &guard).await,
        };
        let verb = action.verb();
        let message = match done {
            // The operation tells of its end itself.
            Ok(false) => return,
            Ok(true) => format!("Container {}: {}", action.done(), key.name),
            Err(error) => {
                tracing::warn!(container.name = %key.name, error = &error as &dyn std::error::Error, "{verb} failed");
                format!("{verb} failed: {error}")
            }
        };
        let deps = self.swapper.deps();
        let event = Event {
            kind: EventKind::ContainerState,
            at: deps.clock.now(),
            workload: Some(key),
            operation: None,
            message,
            data: json!({ "action": verb }),
        };
        if let Err(error) = deps.store.commit(vec![Write::AppendEvent(event)]).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event cannot be stored");
        }
    }

    async fn start_now(&self, key: &WorkloadKey) -> Result<(), ControlError> {
        let container = self.get_container(&key.name).await?;
        if container.is_up() {
            return Ok(());
        }
        let (id, started_before) = (container.id().clone(), container.started_at().to_owned());
        self.call(&Call::Start { id, started_before }).await
    }

    async fn stop_now(&self, key: &WorkloadKey) -> Result<(), ControlError> {
        // What an update keeps of the old container while the new one runs is not needed any more.
        let soaked = self.swapper.finish_soak(key).await;
        let container = self.get_container(&key.name).await?;
        match soaked {
            // As long as that operation is open, recovery starts again what it finds stopped.
            Err(error) if container.is_up() => return Err(swap_error(&error)),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the old container is kept");
            }
            Ok(()) => {}
        }
        would_vanish(&container)?;
        let grace_seconds = container.stop_timeout_seconds().unwrap_or(GRACE_SECONDS);
        self.call(&Call::Stop { id: container.id().clone(), grace_seconds }).await
    }

    /// Whether it was done without an operation, which would tell of its own end.
    async fn restart_now(
        &self,
        key: &WorkloadKey,
        by: &str,
        guard: &ContainerGuard,
    ) -> Result<bool, ControlError> {
        if !runs(&self.get_container(&key.name).await?) {
            self.start_now(key).await?;
            return Ok(true);
        }
        let report = self.swapper().restart(key, by, guard).await.map_err(|error| swap_error(&error))?;
        tracing::debug!(operation = %report.operation, outcome = %report.outcome, "a restart ended");
        Ok(false)
    }

    /// One call, and what an inspect says became of it.
    async fn call(&self, call: &Call) -> Result<(), ControlError> {
        let engine = &*self.swapper.deps().engine;
        let asked = call.issue(engine).await;
        let give_up = tokio::time::Instant::now() + PATIENCE;
        let failed = |why: String| ControlError::new(ErrorKind::Internal, why);
        loop {
            match (call.check(engine).await, &asked) {
                (Ok(Check::Holds(_)), _) => return Ok(()),
                (Ok(Check::Never(why, _)), _) => return Err(failed(why)),
                (_, Err(error)) => return Err(failed(chain(error))),
                (Err(error), Ok(())) => return Err(failed(chain(&error))),
                (Ok(Check::Open(_)), Ok(())) if tokio::time::Instant::now() >= give_up => {
                    return Err(failed("the engine agreed and nothing happened".to_owned()));
                }
                (Ok(Check::Open(_)), Ok(())) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}
