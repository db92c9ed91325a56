//! `kill-matrix`: all of it, or a sample.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use lodeman_tests::lab::packages;
use lodeman_tests::matrix::{Plan, Played, run as play};

use crate::engine::{Engine, shown};
use crate::run::{cargo, ourselves, run as run_command, say, span, target_dir};

#[derive(Debug, Args)]
pub struct KillMatrixArgs {
    /// How many cells, spread over all, or `all`
    #[arg(long, value_name = "N|all", default_value = "all", value_parser = cells)]
    cells: Cells,
    /// How many engines side by side
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    engines: u8,
    /// The program to kill [default: `LODEMAN_BIN`, or else the release build, which is made]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Which engine is played on
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
}

#[derive(Debug, Clone, Copy)]
struct Cells(Option<usize>);

fn cells(text: &str) -> Result<Cells, String> {
    match text {
        "all" => Ok(Cells(None)),
        number => number.parse().map(|count| Cells(Some(count))).map_err(|_| "a number, or `all`".to_owned()),
    }
}

pub fn run(arguments: &KillMatrixArgs) -> Result<()> {
    packages::install(packages::LAB, &say)?;
    let programs = arguments.engine.programs()?;
    let named = arguments.program.clone().or_else(|| std::env::var_os("LODEMAN_BIN").map(PathBuf::from));
    let program = if let Some(program) = named {
        program
    } else {
        say("building the program");
        run_command(cargo().args(["build", "--release", "--package", "lodeman"]))?;
        target_dir().join("release").join("lodeman")
    };
    say(&format!("playing on {}", shown(arguments.engine, &programs)));
    let began = Instant::now();
    let plan = Plan {
        program,
        engines: usize::from(arguments.engines),
        cells: arguments.cells.0,
        guard: (ourselves()?, vec!["lab".to_owned(), "guard".to_owned()]),
        programs,
    };
    say("playing each scenario without a kill, to see its calls");
    let report = play(&plan, &tell)?;
    let failed: Vec<&Played> = report.failures().collect();
    println!();
    println!(
        "{} of {} cells played in {}; {} did not come to their call; {} failed",
        report.played.len(),
        report.all,
        span(began.elapsed()),
        report.unreached(),
        failed.len()
    );
    for played in &failed {
        println!("\n{} ({})", played.cell, played.call.as_deref().unwrap_or("not reached"));
        for problem in &played.problems {
            println!("  - {problem}");
        }
    }
    if !failed.is_empty() {
        bail!("{} cells failed", failed.len());
    }
    Ok(())
}

fn tell(played: &Played, number: usize, of: usize) {
    let verdict = if played.problems.is_empty() { "ok" } else { "FAILED" };
    let call = match (&played.call, played.cell.trap) {
        (Some(call), _) => call.clone(),
        (None, Some(_)) => "not reached".to_owned(),
        (None, None) => format!("{} calls: {}", played.calls.len(), played.calls.join(", ")),
    };
    println!("{number:>4}/{of} {verdict:<6} {} ({call}), {}", played.cell, span(played.took));
}
