//! `up`: Lodeman at work, from nothing, with one command.

mod fleet;
mod network;
mod place;
mod registry;
mod server;
pub mod state;

use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use lodeman_tests::docker::Docker;
use lodeman_tests::push::Pusher;

use crate::dist::build_static;
use crate::run::{cargo, run as run_command, say, span, target_dir};
use place::Place;
use state::State;

#[derive(Debug, Args)]
pub struct UpArgs {
    /// Lets the server manage every container of the engine, not only the sample fleet
    #[arg(long)]
    all: bool,
    /// Uses the simulated engine and registry, whatever there is
    #[arg(long)]
    demo: bool,
}

pub fn run(arguments: &UpArgs) -> Result<()> {
    let began = Instant::now();
    let mut state = State::load()?;
    say("building the server; the first time takes some minutes");
    run_command(cargo().args(["build", "--release", "--package", "lodeman"]))?;
    let program = target_dir().join("release").join("lodeman");

    let place =
        if arguments.demo { Place::Simulated("as asked".to_owned()) } else { place::find(&mut state)? };
    say(&place.describe());
    let docker = match &place {
        Place::Simulated(why) => return server::demo(&mut state, &program, why),
        Place::Foreign(socket) | Place::Own(socket) => Docker::at(socket),
    };
    let platform = place::platform(&docker)?;
    say("building the sample program");
    let sample = build_static("lodeman-tests", "lodeman-sample", "release", &platform.target)?;
    let sample = std::fs::read(&sample).with_context(|| format!("{} was not built", sample.display()))?;

    state.moved_to(&place)?;
    let pusher = registry::start(&mut state, &place, &docker, &sample)?;
    say(&format!("a registry listens at {}", state.registry));
    state.round += 1;
    state.save()?;
    fleet::Fleet { docker: &docker, registry: &pusher, host: &state.registry }.build(
        &sample,
        &platform,
        state.round,
    )?;

    let whole_engine = arguments.all || matches!(place, Place::Own(_));
    let server = server::start(&mut state, &program, &place, whole_engine)?;
    server.scan()?;
    server.explain()?;
    server.tell(&place, arguments.all);
    eprintln!("(all of this took {})", span(began.elapsed()));
    Ok(())
}

pub use fleet::remove as remove_fleet;
pub use server::daemon as server_process;

/// What pushes to the registry that `up` started, if it still answers.
fn answering(pusher: Pusher) -> Option<Pusher> {
    pusher.client().get("/v2/").is_ok_and(|answer| answer.status == 200).then_some(pusher)
}
