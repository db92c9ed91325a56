//! Commands inside containers of the model: nothing is run, a script says what would have come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use lodeman_domain::container::{ContainerId, RunState};
use tokio::time::{Instant, sleep_until};

use super::FakeEngine;
use super::engine::lost;
use super::state::refused;
use crate::{EngineError, ExecEnding, ExecReport, ExecRequest};

const EXEC: &str = "run a command in a container";

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecScript {
    /// What it writes. `$NAME` stands for a variable of its environment.
    pub output: String,
    /// What it writes to its error stream.
    pub error_output: String,
    /// How long it takes; `None`: for ever.
    pub takes: Option<Duration>,
    /// Its exit code. A program that cannot be executed has 127.
    pub code: i64,
    /// Why it cannot be killed, where that is so.
    pub unkillable: Option<String>,
}

impl ExecScript {
    /// Ends at once with `code`.
    #[must_use]
    pub fn exits(code: i64) -> Self {
        let nothing = String::new;
        Self {
            output: nothing(),
            error_output: nothing(),
            takes: Some(Duration::ZERO),
            code,
            unkillable: None,
        }
    }

    /// Never ends.
    #[must_use]
    pub fn hangs() -> Self {
        Self { takes: None, ..Self::exits(0) }
    }

    /// The same, and it writes this.
    #[must_use]
    pub fn saying(self, output: &str, error_output: &str) -> Self {
        Self { output: output.to_owned(), error_output: error_output.to_owned(), ..self }
    }
}

/// A command that was run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The container.
    pub id: ContainerId,
    /// Its name at that moment.
    pub name: String,
    /// The command.
    pub command: Vec<String>,
    /// What was put into its environment.
    pub environment: BTreeMap<String, String>,
}

impl FakeEngine {
    /// The commands that were run in containers, in order, those that failed included.
    #[must_use]
    pub fn executed(&self) -> Vec<Executed> {
        self.lock().executed.clone()
    }

    pub(super) async fn run_inside(
        &self,
        id: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecReport, EngineError> {
        let environment: BTreeMap<String, String> = request.environment.iter().cloned().collect();
        let (script, run, generation) = self.change(|state| {
            state.answer()?;
            let container = state.get(EXEC, id)?;
            match container.state {
                RunState::Running => {}
                RunState::Paused => {
                    return Err(refused(
                        EXEC,
                        409,
                        format!("Container {id} is paused, unpause the container first"),
                    ));
                }
                _ => return Err(refused(EXEC, 409, format!("Container {id} is not running"))),
            }
            let text = request.command.last().cloned().unwrap_or_default();
            let script = container.behaviour.commands.get(&text).cloned().unwrap_or(ExecScript::exits(0));
            let (name, run) = (container.name.to_string(), container.run);
            let command = request.command.clone();
            state.executed.push(Executed { id: id.clone(), name, command, environment: environment.clone() });
            Ok((script, run, state.generation))
        })?;
        let began = Instant::now();
        let deadline = began + request.timeout;
        let done = script.takes.map(|takes| began + takes);
        let report =
            |ending, output: String| ExecReport::new(ending, output, script.error_output.clone(), false);
        let output = environment
            .iter()
            .fold(script.output.clone(), |text, (name, value)| text.replace(&format!("${name}"), value));
        loop {
            {
                let state = self.lock();
                if !state.up || state.generation != generation {
                    return Err(lost(EXEC));
                }
                let there = state.containers.get(id).filter(|c| c.is_up() && c.run == run);
                if there.is_none() {
                    return Ok(report(ExecEnding::Exited { code: 137 }, output));
                }
            }
            let now = Instant::now();
            if done.is_some_and(|at| at <= now) {
                return Ok(report(ExecEnding::Exited { code: script.code }, output));
            }
            if deadline <= now {
                let left_running = script.unkillable.clone();
                return Ok(report(ExecEnding::TimedOut { left_running }, output));
            }
            let until = done.map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                () = self.next_change() => {}
                () = sleep_until(until) => {}
            }
        }
    }
}
