//! A container engine of our own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::daemon::is_alive;
use super::{Daemon, Netns, Programs, wait};
use crate::docker::Docker;

/// How long an engine may take to answer.
const START: Duration = Duration::from_mins(1);
/// How long it may take to stop its containers and itself.
const STOP: Duration = Duration::from_secs(30);

/// Where the engine of the lab in `folder` keeps its data.
pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A private `dockerd`.
#[derive(Debug)]
pub struct EngineProcess {
    folder: PathBuf,
    socket: PathBuf,
    daemon: Daemon,
    netns: Option<Arc<Netns>>,
    programs: Programs,
}

impl EngineProcess {
    /// Starts one whose all is in `folder`: the installed one, or the one that [`Programs::from_env`] finds.
    ///
    /// # Errors
    /// When there is no `dockerd`, or it does not come up; with the end of its log.
    pub fn start(folder: &Path, netns: Option<Arc<Netns>>) -> Result<Self> {
        Self::start_from(&Programs::from_env(), folder, netns)
    }

    /// Starts one of these programs whose all is in `folder`.
    ///
    /// # Errors
    /// As [`EngineProcess::start`].
    pub fn start_from(programs: &Programs, folder: &Path, netns: Option<Arc<Netns>>) -> Result<Self> {
        let (folder, programs) = (folder.to_owned(), programs.clone());
        let (daemon, socket) = (Daemon::named(&folder, "engine"), folder.join("sock"));
        let engine = Self { folder, socket, daemon, netns, programs };
        engine.launch()?;
        Ok(engine)
    }

    /// The one in `folder`, if it runs and answers.
    #[must_use]
    pub fn running(folder: &Path) -> Option<Self> {
        let daemon = Daemon::named(folder, "engine");
        let pid = daemon.pid()?;
        let socket = folder.join("sock");
        let netns = Netns::of_process(pid).ok().map(Arc::new);
        let (folder, programs) = (folder.to_owned(), Programs::from_env());
        Docker::at(&socket).answers().then(|| Self { folder, socket, daemon, netns, programs })
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.daemon.pid()
    }

    /// Starts it, again where it was stopped, and waits until it answers.
    ///
    /// # Errors
    /// As [`EngineProcess::start`].
    pub fn launch(&self) -> Result<()> {
        match self.try_launch(&[]) {
            // A machine whose kernel has no packet filter still has a proxy for each published port.
            Err(error) if format!("{error:#}").contains("iptables") => {
                self.daemon.kill()?;
                self.try_launch(&["--iptables=false", "--ip6tables=false"])
                    .with_context(|| format!("and before, with a packet filter: {error:#}"))
            }
            other => other,
        }
    }

    fn try_launch(&self, flags: &[&str]) -> Result<()> {
        for stale in ["docker.pid", "sock"] {
            let _ = std::fs::remove_file(self.folder.join(stale));
        }
        // A runtime that ended with its engine and was not waited for still counts as running to the next
        // one, which would wait for it in vain.
        let runtime = self.folder.join("exec/containerd/containerd.pid");
        let recorded = std::fs::read_to_string(&runtime).ok().and_then(|pid| pid.trim().parse().ok());
        if recorded.is_some_and(|pid| !is_alive(pid)) {
            let _ = std::fs::remove_file(&runtime);
        }
        let mut command = Command::new("dockerd");
        self.programs.apply(&mut command);
        command.args(flags);
        command.arg("--data-root").arg(data(&self.folder));
        command.arg("--exec-root").arg(self.folder.join("exec"));
        command.arg("--pidfile").arg(self.folder.join("docker.pid"));
        command.arg("--host").arg(format!("unix://{}", self.socket.display()));
        self.daemon.spawn(&mut command, self.netns.as_deref())?;
        let docker = Docker::at(&self.socket);
        let up = wait(START, || {
            if self.daemon.pid().is_none() {
                bail!("dockerd ended");
            }
            Ok(docker.answers().then_some(()))
        });
        up.with_context(|| format!("the engine does not come up; its log ends\n{}", self.daemon.log_tail(15)))
    }

    /// Stops it, and its containers with it.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<()> {
        self.daemon.stop(STOP)
    }

    /// Ends it by force.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self) -> Result<()> {
        self.daemon.kill()
    }
}
