//! The kill matrix: the program is killed before, right after, and after the answer of every call to the
//! engine that changes something, during an update and during a rollback; then it is started again.
//!
//! Each cell has its own container, repository and data directory. One engine plays one cell at a time:
//! recovery waits until nothing on its host changes, and cells beside each other would keep it waiting.

mod cell;
mod oracle;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::lab::{Lab, Programs, Setup};
use crate::proxy::{Moment, Trap};

pub use cell::{Stage, play};
pub use oracle::{Before, problems};

/// What happens while the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// An update that succeeds.
    Update,
    /// An update whose image never becomes healthy, and the way back.
    Rollback,
}

/// Which process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// `run-once`
    RunOnce,
    /// `serve`
    Serve,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// What happens.
    pub scenario: Scenario,
    /// Who is killed.
    pub process: Process,
    /// Where; `None`: nowhere, to see which calls there are.
    pub trap: Option<Trap>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scenario = if self.scenario == Scenario::Update { "update" } else { "rollback" };
        let process = if self.process == Process::Serve { "serve" } else { "run-once" };
        write!(f, "{scenario}, {process}, ")?;
        match self.trap {
            None => f.write_str("not killed"),
            Some(Trap { call, moment }) => {
                let moment = match moment {
                    Moment::Before => "before",
                    Moment::Sent => "right after sending",
                    Moment::Answered => "after the answer of",
                };
                write!(f, "killed {moment} call {call}")
            }
        }
    }
}

/// How one cell ended.
#[derive(Debug, Clone)]
pub struct Played {
    /// The cell.
    pub cell: Cell,
    /// The call at which the program was killed, if it came to that.
    pub call: Option<String>,
    /// All calls that changed something, up to the kill.
    pub calls: Vec<String>,
    /// What does not hold; empty when all is well.
    pub problems: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// How the matrix is played.
#[derive(Debug)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// How many engines play side by side.
    pub engines: usize,
    /// How many cells are played, spread over all; `None`: all.
    pub cells: Option<usize>,
    /// The program that guards the labs, with its first arguments.
    pub guard: (PathBuf, Vec<String>),
    /// Which engine is played on.
    pub programs: Programs,
}

/// What came of a matrix.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cells there are.
    pub all: usize,
    /// Those that were played.
    pub played: Vec<Played>,
}

impl Report {
    /// The cells in which something does not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Played> {
        self.played.iter().filter(|played| !played.problems.is_empty())
    }

    /// How many cells were played whose call was never made, because the program went another way.
    #[must_use]
    pub fn unreached(&self) -> usize {
        self.played.iter().filter(|played| played.cell.trap.is_some() && played.call.is_none()).count()
    }
}

/// Plays the matrix. `tell` gets each cell as it ends.
///
/// # Errors
/// When a lab does not start, or a cell could not be played to its end.
pub fn run(plan: &Plan, tell: &(dyn Fn(&Played, usize, usize) + Sync)) -> Result<Report> {
    let labs = start_labs(plan)?;
    let all = all_cells(plan, &labs, tell)?;
    let chosen = spread(&all, plan.cells.unwrap_or(all.len()));
    let total = chosen.len();
    let queue: Mutex<VecDeque<(usize, Cell)>> = Mutex::new(chosen.into_iter().enumerate().collect());
    let played: Mutex<Vec<Played>> = Mutex::default();
    let work = |lab: &Lab| -> Result<()> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((index, cell)) = next else { return Ok(()) };
            let one = timed(&plan.program, lab, index, cell)?;
            let mut played = played.lock().unwrap_or_else(PoisonError::into_inner);
            played.push(one);
            if let Some(one) = played.last() {
                tell(one, played.len(), total);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = labs.iter().map(|lab| scope.spawn(move || work(lab))).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("a thread of the matrix panicked"),
        });
        ended.collect::<Result<()>>()
    })?;
    let played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Report { all: all.len(), played })
}

fn start_labs(plan: &Plan) -> Result<Vec<Lab>> {
    crate::lab::sweep_abandoned(&crate::lab::root())?;
    let (program, arguments) = &plan.guard;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let start = |number: usize| {
        let name = format!("kill-{}-{number}", std::process::id());
        let programs = plan.programs.clone();
        let lab = Lab::start(&Setup { programs, ..Setup::guarded(&name, program, &arguments) })?;
        Stage::build(&lab)?;
        Ok(lab)
    };
    (0..plan.engines.max(1)).map(start).collect()
}

/// Plays each scenario once without a kill, to see its calls, and makes a cell for each of them.
fn all_cells(plan: &Plan, labs: &[Lab], tell: &(dyn Fn(&Played, usize, usize) + Sync)) -> Result<Vec<Cell>> {
    let lab = labs.first().context("there is no lab")?;
    let mut cells = Vec::new();
    for (number, (scenario, process)) in [
        (Scenario::Update, Process::RunOnce),
        (Scenario::Rollback, Process::RunOnce),
        (Scenario::Update, Process::Serve),
        (Scenario::Rollback, Process::Serve),
    ]
    .into_iter()
    .enumerate()
    {
        let undisturbed = timed(&plan.program, lab, 60_000 + number, Cell { scenario, process, trap: None })?;
        tell(&undisturbed, number + 1, 4);
        anyhow::ensure!(
            undisturbed.problems.is_empty(),
            "{} goes wrong without any kill: {}",
            undisturbed.cell,
            undisturbed.problems.join("; ")
        );
        for call in 1..=undisturbed.calls.len() {
            let cell = |moment| Cell { scenario, process, trap: Some(Trap { call, moment }) };
            cells.extend(Moment::ALL.map(cell));
        }
    }
    Ok(cells)
}

fn timed(program: &std::path::Path, lab: &Lab, index: usize, cell: Cell) -> Result<Played> {
    let began = Instant::now();
    let mut played = play(program, lab, index, cell).with_context(|| format!("in the cell: {cell}"))?;
    played.took = began.elapsed();
    Ok(played)
}

/// `count` of these, spread evenly, and so that each moment is among them.
fn spread(cells: &[Cell], count: usize) -> Vec<Cell> {
    if count >= cells.len() {
        return cells.to_vec();
    }
    (0..count).map(|number| cells[number * cells.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_every_scenario_process_and_moment() {
        let mut cells = Vec::new();
        for scenario in [Scenario::Update, Scenario::Rollback] {
            for process in [Process::RunOnce, Process::Serve] {
                for call in 1..=13 {
                    let cell = |moment| Cell { scenario, process, trap: Some(Trap { call, moment }) };
                    cells.extend(Moment::ALL.map(cell));
                }
            }
        }
        let sample = spread(&cells, 16);
        assert_eq!(sample.len(), 16);
        for moment in Moment::ALL {
            assert!(
                sample.iter().any(|cell| cell.trap.is_some_and(|trap| trap.moment == moment)),
                "{moment:?}"
            );
        }
        for (scenario, process) in
            [(Scenario::Update, Process::Serve), (Scenario::Rollback, Process::RunOnce)]
        {
            assert!(sample.iter().any(|cell| (cell.scenario, cell.process) == (scenario, process)));
        }
        assert_eq!(spread(&cells, 1000).len(), cells.len());
    }
}
