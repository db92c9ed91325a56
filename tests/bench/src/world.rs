//! A simulated engine with as many containers as wanted, and a registry that counts what it is asked. Both
//! are servers in this process, so that the program that is measured is the one that people run.

mod engine;
mod registry;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use lodeman_tests::lab::wait;
use lodeman_tests::lodeman::{Lodeman, Running};

pub use registry::{Counted, Registry};

/// The password of `admin`, and of whom it makes.
pub const PASSWORD: &str = "correct horse 42";
/// How long a server may take for its first scan.
const SCANNED: Duration = Duration::from_mins(2);
/// So long without a request means that a scan is over.
const QUIET: Duration = Duration::from_secs(2);

/// The simulated world.
pub struct World {
    runtime: tokio::runtime::Runtime,
    /// The registry.
    pub registry: Registry,
    folder: PathBuf,
}

/// A server of the product in that world.
pub struct Server {
    /// The process.
    pub running: Running,
    /// Where it listens.
    pub port: u16,
}

impl World {
    /// A world in `folder` whose registry has this many repositories.
    pub fn new(folder: &Path, repositories: usize) -> Result<Self> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let registry = runtime.block_on(Registry::start(repositories))?;
        Ok(Self { runtime, registry, folder: folder.to_owned() })
    }

    /// Runs something on the runtime of this world's servers.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Starts a server with an engine of its own that has `containers`, of which each repository has some,
    /// and waits until it is ready and its first scan is over.
    pub fn serve(&self, program: &Path, name: &str, containers: usize) -> Result<Server> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let socket = folder.join("engine");
        let fleet = engine::Fleet::new(&self.registry, containers);
        self.runtime.block_on(async { engine::listen(&socket, fleet) })?;
        let port = lodeman_tests::lab::free_port(None)?;
        let mut lodeman = Lodeman::new(program, &folder, &socket, None);
        lodeman.set("SERVER_LISTEN", &format!("127.0.0.1:{port}"));
        lodeman.set("SCHEDULE_POLL_INTERVAL", "24h");
        lodeman.set("SECURITY_ADMIN_PASSWORD", PASSWORD);
        let running = lodeman.serve()?;
        if containers > 0 {
            wait(SCANNED, || {
                let counted = self.registry.counted();
                Ok(counted.last.is_some_and(|last| last.elapsed() > QUIET).then_some(()))
            })
            .with_context(|| format!("the first scan does not end\n{}", running.written()))?;
        }
        Ok(Server { running, port })
    }
}

/// How long `work` takes.
pub fn span<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed(), done))
}
