//! `down`: removes everything that `up` made.

use std::time::Duration;

use anyhow::Result;
use lodeman_tests::docker::Docker;
use lodeman_tests::lab::sweep;

use crate::run::say;
use crate::up::state::{State, folder};
use crate::up::{remove_fleet, server_process};

pub fn run() -> Result<()> {
    if !folder().exists() {
        say("nothing of `up` is there");
        return Ok(());
    }
    let state = State::load()?;
    say("stopping the server");
    server_process().stop(Duration::from_secs(20))?;
    if let Some(socket) = state.socket.as_deref().filter(|_| !state.own_engine) {
        let docker = Docker::at(socket);
        if docker.answers() {
            say("removing the sample fleet and its images");
            remove_fleet(&docker, &state.registry)?;
        } else {
            say(&format!("the engine at {} does not answer: the sample fleet on it stays", socket.display()));
        }
    }
    if state.own_engine {
        say("stopping the engine and removing its data");
    }
    // The engine of our own goes with all that is on it; so does the registry beside it.
    sweep(&folder())?;
    if let Some(network) = state.network {
        network.restore();
    }
    say("everything that `up` made is gone; packages that it installed stay");
    Ok(())
}
