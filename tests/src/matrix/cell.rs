//! One cell: set up, kill, start again, look.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::oracle::{Before, VOLUMES, problems};
use super::{Cell, Played, Process, Scenario};
use crate::docker::Docker;
use crate::image::Image;
use crate::lab::{Lab, is_alive, wait};
use crate::lodeman::Lodeman;
use crate::proxy::Proxy;

/// Runs until it is stopped, and obeys at once.
const STEADY: &str = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $!; done";

/// How long the program may take until it is killed.
const PATIENCE: Duration = Duration::from_mins(1);

/// The networks that every cell's container is in.
const NETWORKS: [(&str, &str); 2] = [("matrix-one", "10.232.0.0/16"), ("matrix-two", "10.233.0.0/16")];

/// What all cells of one lab share.
#[derive(Debug)]
pub struct Stage;

impl Stage {
    /// Makes it, once in a lab: the networks, and a neighbour that is there all along.
    ///
    /// # Errors
    /// When the engine or the registry refuses.
    pub fn build(lab: &Lab) -> Result<()> {
        let docker = lab.docker();
        for (name, subnet) in NETWORKS {
            docker.create_network(name, subnet, "matrix")?;
        }
        lab.registry().image("neighbour", "1", &Image::busybox()?.script(STEADY))?;
        docker.pull(&format!("{}/neighbour", lab.registry_host()), "1")?;
        docker.run("neighbour", &json!({ "Image": lab.reference("neighbour", "1"), "StopTimeout": 1 }))?;
        Ok(())
    }
}

/// Plays one cell. `index` is its own and below 65,536.
///
/// # Errors
/// When it could not be played to its end. That something does not hold afterwards is no error.
pub fn play(program: &Path, lab: &Lab, index: usize, cell: Cell) -> Result<Played> {
    let docker = lab.docker();
    let name = format!("cell-{index}");
    let image = |version: &str, test: &str| -> Result<Image> {
        let check = json!({ "Test": ["CMD", "/bin/busybox", test], "Interval": 300_000_000, "Retries": 2 });
        let image = Image::busybox()?.script(STEADY).label("cell", &name).env("VERSION", version);
        Ok(image.with("Volumes", json!({ "/declared": {} })).with("Healthcheck", check))
    };
    lab.registry().image(&name, "stable", &image("1", "true")?)?;
    docker.pull(&format!("{}/{name}", lab.registry_host()), "stable")?;
    let before = set_up(&docker, &name, index, &lab.reference(&name, "stable"))?;
    let newer = if cell.scenario == Scenario::Update { "true" } else { "false" };
    lab.registry().image(&name, "stable", &image("2", newer)?)?;

    let folder = lab.folder().join("cells").join(&name);
    std::fs::create_dir_all(&folder)?;
    let mut lodeman = Lodeman::new(program, &folder, lab.engine().socket(), lab.netns());
    for (key, value) in [
        ("SCOPE_INCLUDE", format!("label:cell={name}")),
        ("UPDATES_GRACE_PERIOD", "1s".to_owned()),
        ("UPDATES_SOAK", "0s".to_owned()),
    ] {
        lodeman.set(key, &value);
    }
    let socket = folder.join("proxy");
    let proxy = Proxy::listen(&socket, lab.engine().socket(), cell.trap)?;
    disturb(lodeman.clone(), &socket, &proxy, cell, &before)?;
    let calls = proxy.calls();
    let killed_at = proxy.sprung().then(|| calls.last().cloned()).flatten();

    let found = settle(&lodeman, &docker, cell, index, &before)?;
    clear(&docker, lab, &name)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Played { cell, call: killed_at, calls, problems: found, took: Duration::ZERO })
}

/// A running container with volumes, networks, an address and a port, and a token in each volume.
fn set_up(docker: &Docker, name: &str, index: usize, reference: &str) -> Result<Before> {
    let [(first, _), (second, _)] = NETWORKS;
    // 0 and 1 are the network's own, and each network hands out its low addresses by itself.
    let address = format!("10.232.{}.{}", 128 + index / 200 % 100, index % 200 + 20);
    let endpoint = json!({ "IPAMConfig": { "IPv4Address": address }, "Aliases": [format!("{name}-alias")] });
    let spec = json!({
        "Image": reference,
        "StopTimeout": 1,
        "Env": ["USER_SET=yes"],
        "Labels": { "cell": name, "lodeman.policy": "auto" },
        "Volumes": { "/anonymous": {} },
        "ExposedPorts": { "80/tcp": {} },
        "HostConfig": {
            "Binds": [format!("{name}-volume:/named")],
            "NetworkMode": first,
            "RestartPolicy": { "Name": "unless-stopped" },
            "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": (20_000 + index % 10_000).to_string() }] },
        },
        "NetworkingConfig": { "EndpointsConfig": { first: endpoint } },
    });
    docker.create(name, &spec)?;
    let connection = json!({ "Container": name, "EndpointConfig": { "Aliases": [format!("{name}-other")] } });
    docker.call("POST", &format!("/networks/{second}/connect"), Some(&connection))?;
    docker.start(name)?;
    for volume in VOLUMES {
        docker.write_file(name, volume, "token", &format!("{name} {volume}"))?;
    }
    let healthy = |found: &Value| found["State"]["Health"]["Status"] == "healthy";
    Ok(Before { name: name.to_owned(), inspect: docker.wait_until(name, PATIENCE, healthy)? })
}

/// Lets the program work until it is killed, or until its work is done.
fn disturb(mut lodeman: Lodeman, socket: &Path, proxy: &Proxy, cell: Cell, before: &Before) -> Result<()> {
    lodeman.engine(socket);
    let arguments: &[&str] = if cell.process == Process::Serve { &["serve"] } else { &["run-once"] };
    let running = lodeman.spawn(arguments)?;
    let pid = running.pid();
    proxy.aim(pid);
    let server_is_done = || -> Result<bool> {
        if cell.process == Process::RunOnce {
            return Ok(false);
        }
        // A server goes on; its work is done when history says how it ended, and nothing more is called.
        let history = lodeman.run(&["history", &before.name, "--json"])?;
        let rows = history.json().unwrap_or_default();
        let ended = rows.as_array().is_some_and(|rows| !rows.is_empty());
        if !ended {
            return Ok(false);
        }
        let calls = proxy.calls().len();
        std::thread::sleep(Duration::from_secs(2));
        Ok(proxy.calls().len() == calls)
    };
    let over = wait(PATIENCE, || {
        let over = !is_alive(pid) || proxy.sprung() || server_is_done()?;
        Ok(over.then_some(()))
    });
    over.with_context(|| format!("the program neither ends nor is killed\n{}", running.written()))?;
    running.kill()
}

/// Starts the program again, without a proxy, until all is settled; gives what does not hold.
fn settle(
    lodeman: &Lodeman,
    docker: &Docker,
    cell: Cell,
    index: usize,
    before: &Before,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut code = |arguments: &[&str], allowed: &[i32]| -> Result<()> {
        let ended = lodeman.run(arguments)?;
        if !ended.code.is_some_and(|code| allowed.contains(&code)) {
            found
                .push(format!("{arguments:?} ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr));
        }
        Ok(())
    };
    // Half of the cells see recovery alone first: what it leaves must hold by itself.
    let mut after_recovery = Vec::new();
    if index.is_multiple_of(2) {
        code(&["recover", "--apply"], &[0])?;
        after_recovery = problems(docker, before, None)?;
    }
    let may_fail: &[i32] = if cell.scenario == Scenario::Rollback { &[0, 6] } else { &[0] };
    code(&["run-once"], may_fail)?;
    // What was interrupted is tried again at once; a second look finds nothing more to do.
    code(&["run-once"], &[0])?;
    found.extend(after_recovery.into_iter().map(|problem| format!("after recovery alone: {problem}")));
    let version = if cell.scenario == Scenario::Update { "2" } else { "1" };
    found.extend(problems(docker, before, Some(version))?);
    found.extend(untruths(lodeman, cell, before)?);
    Ok(found)
}

/// What history says that did not happen, or does not say that did.
fn untruths(lodeman: &Lodeman, cell: Cell, before: &Before) -> Result<Vec<String>> {
    let history = lodeman.run(&["history", &before.name, "--json"])?;
    let rows = history.json()?;
    let count = |outcome: &str| {
        rows.as_array()
            .into_iter()
            .flatten()
            .filter(|row| row.to_string().contains(&format!("\"{outcome}\"")))
            .count()
    };
    let (updated, rolled_back) = (count("updated"), count("rolled_back"));
    let true_story = match cell.scenario {
        Scenario::Update => updated == 1,
        Scenario::Rollback => updated == 0 && rolled_back >= 1,
    };
    Ok(if true_story { Vec::new() } else { vec![format!("history does not say what happened: {rows}")] })
}

/// Removes everything of a cell.
fn clear(docker: &Docker, lab: &Lab, name: &str) -> Result<()> {
    for container in docker.labelled(&format!("cell={name}"))? {
        docker.remove(container["Id"].as_str().unwrap_or_default())?;
    }
    docker.request("DELETE", &format!("/volumes/{name}-volume"), None)?;
    docker.remove_image(&lab.reference(name, "stable"))
}
