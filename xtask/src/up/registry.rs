//! The registry that the fleet's images come from.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result, bail};
use lodeman_tests::docker::Docker;
use lodeman_tests::http::{Client, Target};
use lodeman_tests::image::Archive;
use lodeman_tests::lab::{RegistryProcess, free_port, wait};
use lodeman_tests::push::Pusher;
use serde_json::json;

use super::place::Place;
use super::state::{State, folder};
use super::{answering, fleet};
use crate::run::say;

/// The port that registries like this one are found at, where it is free.
const USUAL_PORT: u16 = 5000;

/// The container that carries a registry.
const CONTAINER: &str = "lodeman-sample-registry";

/// The registry: of our own engine a process beside it, of any other a container in it, since only that
/// is surely reached from there (the engine may be in a virtual machine).
///
/// # Errors
/// When it does not come up.
pub fn start(state: &mut State, place: &Place, docker: &Docker, sample: &[u8]) -> Result<Pusher> {
    match place {
        Place::Own(_) => beside(state),
        _ => inside(state, docker, sample),
    }
}

fn beside(state: &mut State) -> Result<Pusher> {
    if let Some(running) = RegistryProcess::running(&folder(), None) {
        return Ok(running.pusher());
    }
    say("starting a registry");
    let before = state.registry.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let usual = || TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).is_ok().then_some(USUAL_PORT);
    let port = before.or_else(usual);
    let registry = RegistryProcess::start(&folder(), None, port)?;
    state.registry = registry.host();
    Ok(registry.pusher())
}

fn inside(state: &mut State, docker: &Docker, sample: &[u8]) -> Result<Pusher> {
    if let Some(port) = published_port(docker)? {
        docker.start(CONTAINER)?;
        state.registry = format!("127.0.0.1:{port}");
        return ready(port);
    }
    say("starting a registry as a container of that engine");
    let mut archive = Archive::default();
    archive.folder("data");
    archive.file("sample", 0o755, sample);
    let changes = ["ENTRYPOINT [\"/sample\"]", "CMD [\"registry\",\"/data\"]", "EXPOSE 5000", "VOLUME /data"];
    docker.import(CONTAINER, "local", &changes, &archive.finish())?;
    let mut last = None;
    for attempt in 0..5 {
        let port = if attempt == 0 { USUAL_PORT } else { free_port(None)? };
        match launch(docker, port) {
            Ok(()) => {
                state.registry = format!("127.0.0.1:{port}");
                return ready(port);
            }
            // A port that is free here may be taken where the engine is.
            Err(error) => {
                docker.remove(CONTAINER)?;
                last = Some(error);
            }
        }
    }
    Err(last.context("no port was tried")?)
}

fn launch(docker: &Docker, port: u16) -> Result<()> {
    let spec = json!({
        "Image": format!("{CONTAINER}:local"),
        // Of the fleet for `down`, and never to be updated.
        "Labels": { fleet::LABEL: "registry", "lodeman.enable": "false" },
        "HostConfig": {
            "PortBindings": { "5000/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }] },
            "RestartPolicy": { "Name": "unless-stopped" },
        },
    });
    docker.run(CONTAINER, &spec).map(|_| ())
}

fn published_port(docker: &Docker) -> Result<Option<u16>> {
    let Some(found) = docker.find(CONTAINER)? else { return Ok(None) };
    let port = found["HostConfig"]["PortBindings"]["5000/tcp"][0]["HostPort"].as_str();
    Ok(port.and_then(|port| port.parse().ok()))
}

fn ready(port: u16) -> Result<Pusher> {
    let pusher = || Pusher::new(Client::new(Target::Loopback { port, netns: None }));
    let up = wait(std::time::Duration::from_secs(20), || Ok(answering(pusher())));
    if up.is_err() {
        bail!("the registry in the container `{CONTAINER}` does not answer at port {port} of this machine");
    }
    up
}
