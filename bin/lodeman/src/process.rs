//! This process: what it must not leak, who it is, which signals it heeds.

use std::io;

use lodeman_domain::container::ContainerId;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// Files that are made are for their owner only, and no memory reaches a disk.
pub fn seclude() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // A system that refuses leaves what it had; the process is still as good as any other.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Every stream, container and registry that is spoken with is an open file: as many as the system allows.
pub fn allow_many_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = rustix::process::setrlimit(Resource::Nofile, most);
}

/// Who asks, for history: the user who typed the command.
pub fn user() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|value| is_user_name(value));
    named("SUDO_USER")
        .or_else(|| named("USER"))
        .or_else(|| named("LOGNAME"))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

fn is_user_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@' | b'\\');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// The id of the machine's present boot.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The container that this process runs in, where it runs in one of an engine that mounts files of its own
/// into it, as Docker and Podman do.
pub fn own_container() -> Option<ContainerId> {
    container_of(&std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// The container whose `hostname` file is mounted at `/etc/hostname`: its folder is named by its id.
fn container_of(mounts: &str) -> Option<ContainerId> {
    let of_line = |line: &str| {
        // Where it comes from is the fourth field, where it is mounted the fifth.
        let mut fields = line.split(' ').skip(3);
        let (from, at) = (fields.next()?, fields.next()?);
        let mut folders = from.rsplit('/').skip(1);
        (at == "/etc/hostname").then(|| folders.find_map(|folder| folder.parse().ok())).flatten()
    };
    mounts.lines().find_map(of_line)
}

/// The signals that ask for an end. From its making on they no longer end the process by themselves.
pub struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Heeds them from now on.
    ///
    /// # Errors
    /// [`Failure`] when the system refuses.
    pub fn new() -> Result<Self, Failure> {
        let heed =
            |kind| signal(kind).map_err(|e: io::Error| Failure::because("signals cannot be heeded", &e));
        Ok(Self { terminate: heed(SignalKind::terminate())?, interrupt: heed(SignalKind::interrupt())? })
    }

    /// Waits for the next one, and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Tells each SIGHUP, which changes nothing.
pub async fn ignore_hang_ups() {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return };
    while hang_up.recv().await.is_some() {
        tracing::info!("SIGHUP is ignored: a changed configuration is read at the next start");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_container_is_told_by_the_files_that_its_engine_mounts() {
        let id = "4f5b0c7a3e9d".repeat(5) + "4f5b";
        let docker = format!(
            "36 35 98:0 / / rw - overlay overlay rw\n\
             41 36 8:1 /docker/containers/{id}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw\n\
             42 36 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n"
        );
        let podman = docker.replace(&format!("{id}/hostname"), &format!("{id}/userdata/hostname"));
        for mounts in [docker, podman] {
            assert_eq!(container_of(&mounts).map(|found| found.to_string()), Some(id.clone()));
        }
        assert_eq!(container_of("36 35 98:0 / / rw - ext4 /dev/vda rw\nnonsense\n\n"), None);
        assert_eq!(container_of("42 36 8:1 /etc/hostname /etc/hostname rw - ext4 /dev/vda rw\n"), None);
    }

    #[test]
    fn only_what_looks_like_a_user_is_one() {
        for name in ["ann", "ann.b-c_d", "ann@example", "DOMAIN\\ann"] {
            assert!(is_user_name(name), "{name}");
        }
        for name in ["", "a b", "a\nb", &"x".repeat(65)] {
            assert!(!is_user_name(name), "{name}");
        }
    }
}
