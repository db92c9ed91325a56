//! Which engine a lab runs.

use std::ffi::OsString;
use std::process::Command;

/// Folders whose programs are taken before the system's.
const PATH: &str = "LODEMAN_LAB_PATH";
/// Further flags of `dockerd`, separated by spaces.
const FLAGS: &str = "LODEMAN_LAB_DOCKERD_FLAGS";

/// Where the programs of a lab's engine are, and how it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// Folders whose programs are taken before the system's, as in `PATH`; empty: the system's.
    pub first: OsString,
    /// Further flags of `dockerd`, separated by spaces; none may hold one.
    pub flags: String,
}

impl Programs {
    /// What `LODEMAN_LAB_PATH` and `LODEMAN_LAB_DOCKERD_FLAGS` say; without them the installed engine.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            first: std::env::var_os(PATH).unwrap_or_default(),
            flags: std::env::var(FLAGS).unwrap_or_default(),
        }
    }

    /// The environment in which another process finds the same with [`Programs::from_env`].
    #[must_use]
    pub fn as_env(&self) -> [(&'static str, OsString); 2] {
        [(PATH, self.first.clone()), (FLAGS, OsString::from(&self.flags))]
    }

    /// Has `command` find these programs first, and gives it the flags.
    pub(super) fn apply(&self, command: &mut Command) {
        if !self.first.is_empty() {
            let mut path = self.first.clone();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            command.env("PATH", path);
        }
        command.args(self.flags.split_whitespace());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_ones_own_come_first_and_flags_are_single_words() {
        let programs = Programs { first: "/own/bin".into(), flags: "--one  two".to_owned() };
        let mut command = Command::new("dockerd");
        programs.apply(&mut command);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--one", "two"]);
        let (_, path) = command.get_envs().next().unwrap();
        assert!(path.unwrap().to_str().unwrap().starts_with("/own/bin:"), "{path:?}");
        let mut command = Command::new("dockerd");
        Programs::default().apply(&mut command);
        assert_eq!((command.get_args().count(), command.get_envs().count()), (0, 0));
    }
}
