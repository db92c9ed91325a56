//! Which engine is used.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use lodeman_tests::docker::Docker;
use lodeman_tests::lab::{EngineProcess, is_root, packages};

use super::network;
use super::state::{State, folder};
use crate::run::say;

/// Where the fleet lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An engine that was there, at this socket.
    Foreign(PathBuf),
    /// An engine that we started, at this socket.
    Own(PathBuf),
    /// Nowhere: the server simulates an engine; why.
    Simulated(String),
}

impl Place {
    /// The engine's socket.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Foreign(socket) | Self::Own(socket) => Some(socket),
            Self::Simulated(_) => None,
        }
    }

    /// It, for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Foreign(socket) => format!("using the engine that answers at {}", socket.display()),
            Self::Own(socket) => format!("using an engine of our own, at {}", socket.display()),
            Self::Simulated(why) => format!("using the simulated engine and registry: {why}"),
        }
    }
}

/// Finds an engine: the one that we started before, or one that answers, or a new one, or none.
///
/// # Errors
/// When `DOCKER_HOST` names an engine that cannot be used.
pub fn find(state: &mut State) -> Result<Place> {
    if (state.own_engine || state.socket.is_none())
        && let Some(engine) = EngineProcess::running(&folder())
    {
        return Ok(Place::Own(engine.socket().to_owned()));
    }
    if !state.own_engine
        && let Some(socket) = answering()?
    {
        return Ok(Place::Foreign(socket));
    }
    if !cfg!(target_os = "linux") {
        return Ok(Place::Simulated("no engine answers here".to_owned()));
    }
    if !is_root() {
        return Ok(Place::Simulated("no engine answers here, and starting one takes root".to_owned()));
    }
    if let Err(error) = packages::install(&[packages::ENGINE, packages::IPTABLES, packages::REGISTRY], &say) {
        return Ok(Place::Simulated(format!("no engine answers here, and none can be installed: {error:#}")));
    }
    // Installing may have started one, where a system does that.
    if !state.own_engine
        && let Some(socket) = answering()?
    {
        return Ok(Place::Foreign(socket));
    }
    say("starting an engine");
    if state.network.is_none() {
        state.network = network::before();
        state.save()?;
    }
    let engine = EngineProcess::start(&folder(), None)?;
    Ok(Place::Own(engine.socket().to_owned()))
}

/// The first engine that answers, of those that `docker` itself would ask.
fn answering() -> Result<Option<PathBuf>> {
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        let Some(socket) = host.strip_prefix("unix://") else {
            bail!("DOCKER_HOST is `{host}`, and only engines behind a Unix socket are supported as yet");
        };
        if !Docker::at(Path::new(socket)).answers() {
            bail!("no engine answers at DOCKER_HOST, which is `{host}`");
        }
        return Ok(Some(socket.into()));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).unwrap_or_default();
    let sockets = [
        PathBuf::from("/var/run/docker.sock"),
        runtime.join("docker.sock"),
        home.join(".docker/run/docker.sock"),
        home.join(".docker/desktop/docker.sock"),
        home.join(".orbstack/run/docker.sock"),
        home.join(".colima/default/docker.sock"),
    ];
    Ok(sockets.into_iter().find(|socket| socket.exists() && Docker::at(socket).answers()))
}

/// What an engine runs programs of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The architecture, as images name it.
    pub architecture: &'static str,
    /// The same, as the compiler names what it builds for.
    pub target: String,
}

/// What this engine runs programs of.
///
/// # Errors
/// When it runs none of Linux, or of an architecture we cannot build for.
pub fn platform(docker: &Docker) -> Result<Platform> {
    let version = docker.get("/version")?;
    let os = version["Os"].as_str().context("the engine does not tell its system")?;
    if os != "linux" {
        bail!("the engine runs containers of `{os}`, and the samples are for Linux");
    }
    let (architecture, ours) = match version["Arch"].as_str().unwrap_or_default() {
        "amd64" => ("amd64", "x86_64"),
        "arm64" => ("arm64", "aarch64"),
        other => bail!("there are no samples for an engine on `{other}`"),
    };
    // For this very machine its own library does. For another (an engine in a virtual machine) the
    // compiler brings one along, if it was told to.
    let same = cfg!(target_os = "linux") && ours == std::env::consts::ARCH;
    if same {
        return Ok(Platform { architecture, target: format!("{ours}-unknown-linux-gnu") });
    }
    let target = format!("{ours}-unknown-linux-musl");
    let added = std::process::Command::new("rustup").args(["target", "add", &target]).status();
    if !added.is_ok_and(|status| status.success()) {
        bail!("building samples for this engine takes `rustup target add {target}`");
    }
    Ok(Platform { architecture, target })
}
