//! A private engine and a registry, in a folder and a network of their own.
//!
//! Everything a lab makes lies in one folder, and every process of it can be found by that folder's
//! name, so that [`sweep()`] can clear up behind a lab whose owner was killed. A [`Guard`] does so by
//! itself: it outlives its owner.

mod daemon;
mod engine;
mod guard;
mod netns;
pub mod packages;
mod programs;
mod registry;
mod sweep;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

pub(crate) use daemon::signal;
pub use daemon::{Daemon, is_alive};
pub use engine::EngineProcess;
pub use guard::Guard;
pub use netns::Netns;
pub use programs::Programs;
pub use registry::{RegistryProcess, free_port};
pub use sweep::{sweep, sweep_abandoned};

use crate::docker::Docker;
use crate::image::digest_of;
use crate::push::Pusher;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The longest folder whose sockets still have room for their names in an address (108 bytes).
const LONGEST_FOLDER: usize = 56;

/// Whether we may start engines and install packages.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// The folder that holds every lab: `.lab` in the workspace, unless `LODEMAN_LAB_DIR` names another.
#[must_use]
pub fn root() -> PathBuf {
    let chosen = std::env::var_os("LODEMAN_LAB_DIR").map(PathBuf::from);
    let root = chosen.unwrap_or_else(|| workspace().join(".lab"));
    if root.as_os_str().len() <= LONGEST_FOLDER {
        return root;
    }
    // A socket's address is short, so a deep folder gets a short one beside it.
    let digest = digest_of(root.as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("lodeman-lab-{}", &digest[7..15]))
}

/// Asks until there is something, or `patience` is over.
///
/// # Errors
/// When it is over, or asking fails for good.
pub fn wait<T>(patience: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if Instant::now() >= until {
            bail!("it did not come about within {} s", patience.as_secs_f32());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// How a lab is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name: the folder under [`root`].
    pub name: String,
    /// Whether it gets a network of its own, apart from the machine's.
    pub own_network: bool,
    /// The program that becomes its guard, and its first arguments; the folder follows. `None`: it stays
    /// until it is swept.
    pub guard: Option<(PathBuf, Vec<String>)>,
    /// Which engine it runs.
    pub programs: Programs,
    /// How many bytes the disk has that the engine keeps its data on; `None`: it shares the machine's.
    pub disk: Option<u64>,
}

impl Setup {
    /// A lab in a network of its own which goes when this process does. `guard` is a program that calls
    /// `guard::stand` with its last argument.
    #[must_use]
    pub fn guarded(name: &str, guard: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self {
            name: name.to_owned(),
            own_network: true,
            guard: Some((guard.into(), arguments)),
            programs: Programs::from_env(),
            disk: None,
        }
    }
}

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    netns: Option<Arc<Netns>>,
    engine: EngineProcess,
    registry: RegistryProcess,
    guard: Option<Guard>,
}

impl Lab {
    /// Starts a lab.
    ///
    /// # Errors
    /// When there is no engine or registry to start, or one does not come up; with the end of its log.
    pub fn start(setup: &Setup) -> Result<Self> {
        anyhow::ensure!(is_root(), "starting an engine takes root");
        let folder = root().join(&setup.name);
        sweep(&folder)?;
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let mut guard = None;
        if let Some((program, arguments)) = &setup.guard {
            daemon::record(&folder.join("owner"), std::process::id())?;
            guard = Some(Guard::post(program, arguments, &folder)?);
        }
        if let Some(bytes) = setup.disk {
            mount_disk(&engine::data(&folder), bytes)?;
        }
        let netns = if setup.own_network { Some(Arc::new(Netns::new()?)) } else { None };
        let engine = EngineProcess::start_from(&setup.programs, &folder, netns.clone())?;
        let registry = RegistryProcess::start(&folder, netns.clone(), None)?;
        Ok(Self { folder, netns, engine, registry, guard })
    }

    /// Its folder, for what belongs to it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its network, where it has one of its own.
    #[must_use]
    pub fn netns(&self) -> Option<Arc<Netns>> {
        self.netns.clone()
    }

    /// Its engine's process.
    #[must_use]
    pub fn engine(&self) -> &EngineProcess {
        &self.engine
    }

    /// Its engine.
    #[must_use]
    pub fn docker(&self) -> Docker {
        Docker::at(self.engine.socket())
    }

    /// Its registry.
    #[must_use]
    pub fn registry(&self) -> Pusher {
        self.registry.pusher()
    }

    /// The host and port of its registry, as references name it.
    #[must_use]
    pub fn registry_host(&self) -> String {
        self.registry.host()
    }

    /// `repository:tag` at its registry, as a reference.
    #[must_use]
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.registry.host())
    }
}

/// Puts a disk of that size, in memory, at `place`. Sweeping the lab takes it off.
fn mount_disk(place: &Path, bytes: u64) -> Result<()> {
    std::fs::create_dir_all(place)?;
    let mut command = std::process::Command::new("mount");
    command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(place);
    let status = command.status().context("starting mount")?;
    anyhow::ensure!(status.success(), "mounting {} ended with {status}", place.display());
    Ok(())
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.guard.is_some()
            && let Err(error) = sweep(&self.folder)
        {
            eprintln!("the lab could not be cleared up: {error:#}");
        }
    }
}
