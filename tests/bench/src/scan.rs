//! A whole scan, beside as many bare requests.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt as _, stream};

use crate::Setting;
use crate::report::{Measure, Unit};
use crate::world::{Counted, World};

const CONTAINERS: usize = 500;
const REPOSITORIES: usize = 200;
/// How many requests run at once with one registry, as the program's setting is by itself.
const AT_ONCE: usize = 4;

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("scan"), REPOSITORIES)?;
    let mut pairs = Vec::new();
    let mut requests = 0;
    for run in 0..setting.runs {
        // Both are seen by the registry: from the first request to the last answer.
        world.registry.reset();
        let server = world.serve(&setting.program, &format!("server-{run}"), CONTAINERS)?;
        let ours = world.registry.counted();
        server.running.terminate(Duration::from_secs(15))?;
        requests = ours.requests;
        world.registry.reset();
        let theirs = world.run(bare(&world, requests))?;
        ensure!(theirs.requests == requests, "as many were asked");
        pairs.push((Unit::Milliseconds.of(ours.span()), Unit::Milliseconds.of(theirs.span())));
    }
    let note = format!(
        "{requests} requests for {CONTAINERS} containers of {REPOSITORIES} repositories, nothing known before, \
         {AT_ONCE} at once; ours read the bodies, decide, and store"
    );
    let (name, reference) = ("a scan of 500 containers", "as many bare HEAD requests");
    Ok(vec![Measure::of(name, reference, Unit::Milliseconds, &pairs).note(note)])
}

async fn bare(world: &World, requests: usize) -> Result<Counted> {
    // Whatever the machine has as roots: this client speaks with loopback only.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let asked = stream::iter(world.registry.manifests(requests)).map(|address| {
        let client = client.clone();
        async move { client.head(address).send().await }
    });
    let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
    for answer in answers {
        answer?.error_for_status()?;
    }
    Ok(world.registry.counted())
}
