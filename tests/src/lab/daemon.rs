//! A process in the background that a file remembers.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::{Netns, wait};

/// A process in the background: `<name>.pid` and `<name>.log` in its folder.
#[derive(Debug, Clone)]
pub struct Daemon {
    pid_file: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// The process of this name in `folder`, whether it runs or not.
    #[must_use]
    pub fn named(folder: &Path, name: &str) -> Self {
        Self { pid_file: folder.join(format!("{name}.pid")), log: folder.join(format!("{name}.log")) }
    }

    /// Starts it, in a process group of its own, so that a signal from the terminal leaves it to us.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command, netns: Option<&Netns>) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let what = || format!("starting {}", command.get_program().to_string_lossy());
        let what = what();
        let child = match netns {
            Some(netns) => netns.inside(|| command.spawn())?,
            None => command.spawn(),
        };
        record(&self.pid_file, child.context(what)?.id())
    }

    /// Its id, if it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        recorded(&self.pid_file)
    }

    /// Asks it to end, and ends it once `patience` is over.
    ///
    /// # Errors
    /// When it does not even end by force.
    pub fn stop(&self, patience: Duration) -> Result<()> {
        if let Some(pid) = self.pid() {
            signal(pid, Signal::TERM);
            let ended = wait(patience, || Ok(self.pid().is_none().then_some(())));
            if ended.is_err() {
                return self.kill();
            }
        }
        Ok(())
    }

    /// Ends it by force.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self) -> Result<()> {
        if let Some(pid) = self.pid() {
            signal(pid, Signal::KILL);
            wait(Duration::from_secs(10), || Ok(self.pid().is_none().then_some(())))
                .with_context(|| format!("process {pid} does not end"))?;
        }
        Ok(())
    }

    /// The last lines of what it wrote.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Sends a signal. That the process is gone meanwhile is fine.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// Writes down a process so that another of the same id is not taken for it.
pub(super) fn record(file: &Path, pid: u32) -> Result<()> {
    let born = birth(pid).unwrap_or_default();
    std::fs::write(file, format!("{pid} {born}\n")).with_context(|| format!("writing {}", file.display()))
}

/// The process that was written down, if it lives.
pub(super) fn recorded(file: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    let (pid, born) = text.trim_end().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (birth(pid)? == born).then_some(pid)
}

/// Whether a process lives. One that ended and was not waited for does not.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    birth(pid).is_some()
}

/// When a process was started, in words of the system; `None` when it does not live.
#[cfg(target_os = "linux")]
fn birth(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything; what follows its last parenthesis are fields 3 and on.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let dead = matches!(*fields.first()?, "Z" | "X");
    (!dead).then(|| fields.get(19).copied().unwrap_or_default().to_owned())
}

/// When a process was started, in words of the system; `None` when it does not live.
#[cfg(not(target_os = "linux"))]
fn birth(pid: u32) -> Option<String> {
    let told = Command::new("ps").args(["-o", "state=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let told = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    let (state, born) = told.split_once(' ')?;
    (!state.starts_with('Z')).then(|| born.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_remembered_until_it_is_stopped() {
        let folder = std::env::temp_dir().join(format!("lodeman-daemon-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let daemon = Daemon::named(&folder, "one");
        assert_eq!(daemon.pid(), None);
        daemon.spawn(Command::new("sh").args(["-c", "echo here; exec sleep 60"]), None).unwrap();
        let pid = daemon.pid().unwrap();
        assert!(is_alive(pid));
        wait(Duration::from_secs(5), || Ok((daemon.log_tail(1) == "here").then_some(()))).unwrap();
        daemon.stop(Duration::from_secs(5)).unwrap();
        assert_eq!((Daemon::named(&folder, "one").pid(), is_alive(pid)), (None, false));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
