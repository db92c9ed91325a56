//! What Lodeman costs, beside what the same costs without it: `cargo xtask bench`.
//!
//! Every number stands beside one that was measured in the same minute on the same machine, in turns, so
//! that the ratio means something wherever it is run. Nothing here passes or fails.

mod choosing;
mod connection;
mod following;
mod latency;
mod memory;
mod report;
mod scan;
mod storing;
mod surface;
mod swap;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use report::{Measure, Report};

/// What Lodeman costs, beside what the same costs without it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program to measure, a release build
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// A folder for what is written, on the file system to be measured
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// The program that clears a lab up: it is run with `lab guard FOLDER`
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,
    /// Leaves out what needs a real engine and registry
    #[arg(long)]
    without_lab: bool,
    /// How many pairs of runs of what takes seconds; what is quick is run more often
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Only what has one of these in its name
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What every measurement is given.
struct Setting {
    program: PathBuf,
    folder: PathBuf,
    guard: Option<PathBuf>,
    runs: usize,
}

/// Takes some measurements.
type Take = fn(&Setting) -> Result<Vec<Measure>>;

/// Every group of measurements; the last needs a lab.
const GROUPS: &[(&str, Take)] = &[
    ("choose", choosing::measure),
    ("store", storing::measure),
    ("scan", scan::measure),
    ("memory", memory::measure),
    ("healthz", latency::measure),
    ("surface", surface::measure),
    ("following", following::measure),
    ("swap", swap::measure),
];

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let runs = arguments.runs.max(1);
    let setting =
        Setting { program: arguments.program, folder: arguments.folder, guard: arguments.guard, runs };
    std::fs::create_dir_all(&setting.folder)?;
    let mut report = Report::default();
    for (name, take) in GROUPS {
        let left_out = arguments.without_lab && *name == "swap";
        let asked =
            arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part.as_str()));
        if left_out || !asked {
            continue;
        }
        eprintln!("==> measuring: {name}");
        match take(&setting) {
            Ok(measures) => report.measures.extend(measures),
            // One that cannot be taken does not hide the others.
            Err(error) => report.not_taken.push((*name, format!("{error:#}"))),
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.not_taken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
