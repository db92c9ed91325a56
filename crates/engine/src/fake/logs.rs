//! Following what a container of the model writes.

use lodeman_domain::container::ContainerId;

use super::FakeEngine;
use super::state::State;
use crate::EngineError;

/// One who reads a container's log.
pub(super) struct LogReader {
    pub(super) engine: FakeEngine,
    id: ContainerId,
    /// The next line to read.
    at: usize,
    /// The run that is followed, and the engine's.
    run: u64,
    generation: u64,
}

impl State {
    pub(super) fn log_reader(
        &self,
        engine: &FakeEngine,
        id: &ContainerId,
        lines: usize,
    ) -> Result<LogReader, EngineError> {
        let container = self.containers.get(id).ok_or_else(|| EngineError::no_container(id))?;
        Ok(LogReader {
            engine: engine.clone(),
            id: id.clone(),
            at: container.log.len().saturating_sub(lines),
            run: container.run,
            generation: self.generation,
        })
    }
}

impl LogReader {
    /// The next line that is there already.
    pub(super) fn take(&mut self) -> Result<Option<String>, EngineError> {
        let state = self.engine.lock();
        if !state.up || state.generation != self.generation {
            let action = "follow a container's log";
            return Err(EngineError::Unknown { action, source: "the connection was lost".into() });
        }
        let line = state.containers.get(&self.id).and_then(|c| c.log.get(self.at).cloned());
        drop(state);
        self.at += usize::from(line.is_some());
        Ok(line)
    }

    /// Whether the run that is followed has ended.
    pub(super) fn has_ended(&self) -> bool {
        let state = self.engine.lock();
        !state.containers.get(&self.id).is_some_and(|c| c.is_up() && c.run == self.run)
    }
}

impl FakeEngine {
    /// Writes a line as a container's process would. Does nothing when there is no such container.
    pub fn say(&self, container: &str, line: &str) {
        self.change(|state| {
            if let Some(container) = state.containers.values_mut().find(|c| c.name.as_str() == container) {
                container.log.push(line.to_owned());
            }
        });
    }
}
