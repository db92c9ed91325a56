//! `lab`: a private engine and registry, to play with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use lodeman_tests::lab::{
    EngineProcess, Guard, Lab, Programs, RegistryProcess, Setup, packages, root, sweep, sweep_abandoned,
};

use crate::run::say;

/// The lab's folder, under the folder of all labs.
const NAME: &str = "lab";

#[derive(Debug, Subcommand)]
pub enum LabTask {
    /// Starts it, installing what it is made of
    Up,
    /// Stops it and removes everything of it, and of labs whose tests were killed
    Down,
    /// Tells whether it runs, and where
    Status,
    /// Clears up the lab in FOLDER once whoever started this is gone
    #[command(hide = true)]
    Guard { folder: PathBuf },
    /// Restarts the engine of the lab in FOLDER
    #[command(hide = true)]
    Restart {
        folder: PathBuf,
        /// `clean` or `killed`
        how: String,
    },
}

pub fn run(task: &LabTask) -> Result<()> {
    match task {
        LabTask::Up => up(),
        LabTask::Down => down(),
        LabTask::Status => status(),
        LabTask::Guard { folder } => Guard::stand(folder),
        LabTask::Restart { folder, how } => restart(folder, how),
    }
}

fn up() -> Result<()> {
    let folder = root().join(NAME);
    if EngineProcess::running(&folder).is_some() {
        return status();
    }
    packages::install(packages::LAB, &say)?;
    let programs = Programs::from_env();
    Lab::start(&Setup { name: NAME.to_owned(), own_network: true, guard: None, programs, disk: None })?;
    status()
}

/// Removes every lab: the one to play with, and those of killed tests. What `up` made has its own `down`.
pub fn down() -> Result<()> {
    sweep(&root().join(NAME))?;
    sweep_abandoned(&root())?;
    say("no lab is left");
    Ok(())
}

fn status() -> Result<()> {
    let Some(engine) = EngineProcess::running(&root().join(NAME)) else {
        println!("The lab is down: `cargo xtask lab up` starts it.");
        return Ok(());
    };
    let pid = engine.pid().context("the engine ended just now")?;
    let netns = lodeman_tests::lab::Netns::of_process(pid)?;
    let registry = RegistryProcess::running(&root().join(NAME), Some(netns.into()));
    let registry = registry.map_or_else(|| "does not run".to_owned(), |registry| registry.host());
    let socket = engine.socket().display();
    println!("engine     unix://{socket}");
    println!("registry   {registry}, in the engine's network");
    println!();
    println!("To be where both are: nsenter --net=/proc/{pid}/ns/net");
    println!("To use the engine:    docker -H unix://{socket} ps");
    println!("To have Lodeman use it, inside: LODEMAN_ENGINE_HOST=unix://{socket} lodeman …");
    Ok(())
}

fn restart(folder: &Path, how: &str) -> Result<()> {
    let engine = EngineProcess::running(folder).context("the engine of that lab does not run")?;
    match how {
        "clean" => engine.stop()?,
        "killed" => engine.kill()?,
        other => bail!("an engine is restarted `clean` or `killed`, not `{other}`"),
    }
    engine.launch()
}
