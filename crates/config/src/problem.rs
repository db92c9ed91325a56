//! What is wrong with a configuration.

use std::fmt;

use serde::Serialize;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Origin {
    /// Built in.
    Default,
    /// The machine or the user's surroundings.
    System(String),
    /// The configuration file.
    File(String),
    /// An environment variable.
    Environment(String),
    /// The database.
    Stored,
    /// A command-line flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("built-in default"),
            Self::System(what) => f.write_str(what),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Stored => f.write_str("stored setting"),
            Self::Flag(_) => f.write_str("command line"),
        }
    }
}

/// One thing that is wrong, or that has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key it is about: `schedule.poll_interval`; where none is known, what was written instead.
    pub key: String,
    /// Where it was written.
    pub source: Origin,
    /// What is wrong and what is allowed. Never holds a secret.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, source: Origin, message: impl Into<String>) -> Self {
        Self { key: key.into(), source, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.key, self.source, self.message)
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// All problems, in the order in which the sources were read.
    pub problems: Vec<Problem>,
    /// What was noticed besides.
    pub warnings: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => write!(f, "the configuration has a problem: {only}"),
            all => {
                write!(f, "the configuration has {} problems:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

/// Foreign text for a message: short, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(81).collect();
    if shown.chars().count() > 80 {
        shown.pop();
        shown.push('…');
    }
    shown
}
