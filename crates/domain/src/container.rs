//! Handles and facts of one container.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Container labels, sorted by key.
pub type Labels = BTreeMap<String, String>;

/// The engine's full id of a container: 64 lower-case hex digits.
///
/// A short id can be shadowed by a container's name, so nothing shorter is ever sent to an engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// Why a text is not a container id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a container id has 64 lower-case hex digits")]
pub struct ParseContainerIdError;

impl ContainerId {
    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people and for the host name the engine derives from it.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for ContainerId {
    type Err = ParseContainerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseContainerIdError)
        }
    }
}

impl TryFrom<String> for ContainerId {
    type Error = ParseContainerIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A container's name without the leading slash: a letter or digit, then one or more of
/// letters, digits, `_`, `.`, `-` (what Docker Engine accepts; measured, no upper limit was hit at
/// 300 bytes, ours is 255).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName(String);

/// Why a text is not a container name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a container name is 2 to 255 characters: a letter or digit, then letters, digits, `_`, `.` or `-`")]
pub struct ParseContainerNameError;

impl ContainerName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerName {
    type Err = ParseContainerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if first && rest && (2..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseContainerNameError)
        }
    }
}

impl TryFrom<String> for ContainerName {
    type Error = ParseContainerNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContainerName> for String {
    fn from(name: ContainerName) -> Self {
        name.0
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a container does at this moment, as the engine's `State.Status` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// It ended and the engine will start it again.
    Restarting,
    /// It ended.
    Exited,
    /// The engine is taking it away.
    Removing,
    /// The engine failed to take it away.
    Dead,
}

impl RunState {
    /// The engine's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
        }
    }

    /// Running or paused: the container occupies its addresses and ports.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

impl FromStr for RunState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "exited" | "stopped" => Self::Exited,
            "removing" => Self::Removing,
            "dead" => Self::Dead,
            _ => return Err(()),
        })
    }
}

/// A TCP port of a container that took connections, and the way on which it did.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListeningPort {
    /// The port inside the container.
    pub port: u16,
    /// The way it was reached.
    pub way: Way,
}

impl fmt::Display for ListeningPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/tcp", self.port)
    }
}

/// A way to a port of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By the container's address on this network.
    Network(String),
    /// By the host's port that it is published on.
    Published,
    /// By the host's own address: the container has no network of its own.
    Host,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_engines_grammar() {
        for good in ["ab", "/web", "a_b.c-d", "0x"] {
            assert!(good.parse::<ContainerName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "-ab", "a/b", "..", "a b", "a?b", "a%2f", "ä1", &"x".repeat(256)] {
            assert!(bad.parse::<ContainerName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_never_short() {
        assert!("ab".repeat(32).parse::<ContainerId>().is_ok());
        assert!("ab".repeat(6).parse::<ContainerId>().is_err());
        assert!("AB".repeat(32).parse::<ContainerId>().is_err());
    }
}
