//! Ending a command that is beyond its time, with everything that it began.
//!
//! The engine has no call for it. Everything a command began carries its mark in its environment. Where this
//! process sees the engine's processes it kills those itself; a process counts as the command's only with
//! the container's id among its control groups and the mark in its environment, so that a number which
//! means another process here harms nobody. Elsewhere a shell of the container is asked to.

use std::fmt;
use std::fs;

use lodeman_domain::container::ContainerId;
use rustix::process::{Pid, Signal, kill_process};

/// The shells that are tried, each as the beginning of a command.
pub(super) const SHELLS: [&[&str]; 2] = [&["sh"], &["/bin/busybox", "sh"]];

/// Rounds of killing: what is killed may begin something at that moment.
const ROUNDS: usize = 5;

/// Kills all that carry the mark, but for the shell itself, which does not.
const SCRIPT: &str = r#"g=grep; command -v grep >/dev/null 2>&1 || g='/bin/busybox grep'
$g -q . /proc/self/stat || exit 1
for round in 1 2 3; do for d in /proc/[0-9]*; do
if $g -qs "LODEMAN_EXEC=$1" "$d/environ" 2>/dev/null; then kill -9 "${d#/proc/}" 2>/dev/null; fi
done; done; exit 0"#;

/// Why nothing was killed from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unable {
    /// The engine's processes are not seen from here.
    NotSeen,
    /// They are, and may not be killed.
    NotAllowed,
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSeen => "its process cannot be seen from where this server runs",
            Self::NotAllowed => "this server may not end its process",
        })
    }
}

/// What follows a shell to have it kill everything with `mark`.
pub(super) fn script(mark: &str) -> [String; 4] {
    ["-c", SCRIPT, "sh", mark].map(str::to_owned)
}

/// Kills the command whose process is `pid` where the engine is, and everything that it began.
pub(super) fn from_here(pid: i32, container: &ContainerId, wanted: &str) -> Result<(), Unable> {
    if !is_of(pid, container) {
        return Err(Unable::NotSeen);
    }
    if fs::read(format!("/proc/{pid}/environ")).is_err() {
        return Err(Unable::NotAllowed);
    }
    for _ in 0..ROUNDS {
        let marked = marked(container, wanted);
        if marked.is_empty() {
            return Ok(());
        }
        for pid in marked.into_iter().filter_map(Pid::from_raw) {
            match kill_process(pid, Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(_) => return Err(Unable::NotAllowed),
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

/// Whether the process is one of the container's.
fn is_of(pid: i32, container: &ContainerId) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"));
    groups.is_ok_and(|groups| groups.contains(container.as_str()))
}

/// The container's processes with the mark.
fn marked(container: &ContainerId, wanted: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()) && is_of(*pid, container)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_nobodys_container_is_never_killed() {
        let id: ContainerId = "0a".repeat(32).parse().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        assert_eq!(from_here(own, &id, &format!("PATH={path}")), Err(Unable::NotSeen));
        assert_eq!(marked(&id, &format!("PATH={path}")), Vec::<i32>::new());
        assert_eq!(from_here(i32::MAX, &id, "X=1"), Err(Unable::NotSeen));
    }
}
