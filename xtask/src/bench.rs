//! `bench`: what Lodeman costs, beside what the same costs without it.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::run::{cargo, ourselves, run as run_command, say, target_dir};

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Leaves out what needs a real engine and registry
    #[arg(long)]
    without_lab: bool,
    /// How many pairs of runs of what takes seconds
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Only what has this in its name: choose, store, scan, memory, healthz, swap
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Measures.
///
/// # Errors
/// When something cannot be built or measured; never because of a number.
pub fn run(arguments: &BenchArgs) -> Result<()> {
    say("building the program and what measures it, as releases");
    run_command(cargo().args(["build", "--release", "--package", "lodeman", "--package", "lodeman-bench"]))?;
    let built = target_dir().join("release");
    let mut command = std::process::Command::new(built.join("lodeman-bench"));
    command.arg("--program").arg(built.join("lodeman"));
    command.arg("--folder").arg(target_dir().join("bench"));
    command.arg("--guard").arg(ourselves()?);
    command.args(["--runs", &arguments.runs.to_string()]);
    for name in &arguments.only {
        command.args(["--only", name]);
    }
    for (asked, flag) in [(arguments.without_lab, "--without-lab"), (arguments.json, "--json")] {
        command.args(asked.then_some(flag));
    }
    run_command(&mut command).context("measuring")?;
    Ok(())
}
