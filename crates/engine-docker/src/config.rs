//! Where an engine is and how long to wait for it.

use std::path::PathBuf;
use std::time::Duration;

/// How to reach an engine.
#[derive(Debug, Clone)]
pub struct DockerEngineConfig {
    /// An absolute path of a Unix socket, alone or as `unix://…`.
    pub endpoint: String,
    /// How long to wait for which call.
    pub deadlines: Deadlines,
}

impl DockerEngineConfig {
    /// The engine at `endpoint`, with the usual deadlines.
    #[must_use]
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), deadlines: Deadlines::default() }
    }
}

/// How long a call may take by its kind, before its outcome counts as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Connecting, and a ping.
    pub connect: Duration,
    /// Inspect, tag, rename, update, network connect, and what is as small.
    pub quick: Duration,
    /// Lists.
    pub list: Duration,
    /// Create, start, remove.
    pub slow: Duration,
    /// What a stop gets beyond the container's own grace.
    pub stop_margin: Duration,
    /// How long a pull may show no progress.
    pub pull_idle: Duration,
    /// A pull in all.
    pub pull_total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            quick: Duration::from_secs(15),
            list: Duration::from_secs(30),
            slow: Duration::from_mins(1),
            stop_margin: Duration::from_secs(30),
            pull_idle: Duration::from_mins(2),
            pull_total: Duration::from_hours(1),
        }
    }
}

/// Why an endpoint cannot be used. Whether an engine answers there is not asked at this point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A way to reach an engine that is not built yet.
    #[error("an engine endpoint of the form `{scheme}://…` is not supported yet; use a Unix socket")]
    NotYet {
        /// The scheme that was asked for.
        scheme: String,
    },
    /// Neither an absolute path nor `unix://` and one.
    #[error("the engine endpoint `{endpoint}` is neither an absolute path nor `unix://` and one")]
    Malformed {
        /// What was given.
        endpoint: String,
    },
    /// The client library refused its set-up.
    #[error("the engine client could not be set up: {message}")]
    Client {
        /// In the library's words.
        message: String,
    },
}

/// A parsed endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let malformed = || ConnectError::Malformed { endpoint: text.to_owned() };
        let path = match text.split_once("://") {
            Some(("unix", path)) => path,
            Some((scheme @ ("tcp" | "http" | "https" | "ssh" | "npipe" | "fd"), _)) => {
                return Err(ConnectError::NotYet { scheme: scheme.to_owned() });
            }
            Some(_) => return Err(malformed()),
            None => text,
        };
        if path.starts_with('/') && !path.contains('\0') {
            Ok(Self::Unix(path.into()))
        } else {
            Err(malformed())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_given_as_a_path_or_a_unix_address() {
        let unix = Endpoint::Unix("/run/docker.sock".into());
        assert_eq!(Endpoint::parse("/run/docker.sock"), Ok(unix.clone()));
        assert_eq!(Endpoint::parse("unix:///run/docker.sock"), Ok(unix));
    }

    #[test]
    fn what_is_not_built_yet_is_told_from_what_is_wrong() {
        for scheme in ["tcp", "ssh", "https"] {
            let refused = Endpoint::parse(&format!("{scheme}://host:2376"));
            assert_eq!(refused, Err(ConnectError::NotYet { scheme: scheme.to_owned() }));
        }
        for bad in ["", "docker.sock", "unix://docker.sock", "gopher://x"] {
            assert_eq!(Endpoint::parse(bad), Err(ConnectError::Malformed { endpoint: bad.to_owned() }));
        }
    }
}
