//! A container engine of our own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::daemon::is_alive;
use super::{Daemon, Netns, wait};
use crate::docker::Docker;

/// How long an engine may take to answer.
const START: Duration = Duration::from_mins(1);
/// How long it may take to stop its containers and itself.
const STOP: Duration = Duration::from_secs(30);

/// A private `dockerd`.
#[derive(Debug)]
pub struct EngineProcess {
    folder: PathBuf,
    socket: PathBuf,
    daemon: Daemon,
    netns: Option<Arc<Netns>>,
}

impl EngineProcess {
    /// Starts one whose all is in `folder`.
    ///
    /// `LODEMAN_LAB_PATH` names folders whose programs are taken before the system's, and
    /// `LODEMAN_LAB_DOCKERD_FLAGS` further flags: so the lab runs on other engines too.
    ///
    /// # Errors
    /// When there is no `dockerd`, or it does not come up; with the end of its log.
    pub fn start(folder: &Path, netns: Option<Arc<Netns>>) -> Result<Self> {
        let daemon = Daemon::named(folder, "engine");
        let engine = Self { folder: folder.to_owned(), socket: folder.join("sock"), daemon, netns };
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
        Docker::at(&socket).answers().then(|| Self { folder: folder.to_owned(), socket, daemon, netns })
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
        if let Some(first) = std::env::var_os("LODEMAN_LAB_PATH") {
            let mut path = first;
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            command.env("PATH", path);
        }
        let more = std::env::var("LODEMAN_LAB_DOCKERD_FLAGS").unwrap_or_default();
        command.args(more.split_whitespace()).args(flags);
        command.arg("--data-root").arg(self.folder.join("data"));
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
