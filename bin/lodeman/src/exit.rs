//! How the program ends: every exit code, in one place.

use std::fmt;
use std::process::ExitCode;

use lodeman_updater::control::{ControlError, ErrorKind};

/// Every exit code. `lodeman --help` lists the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also when there was nothing to do.
    Done = 0,
    /// The job, or a part of it, could not be done.
    Failed = 1,
    /// The command line or the configuration is wrong. (clap ends with this code, too.)
    Usage = 2,
    /// Interrupted operations wait for recovery.
    RecoveryPending = 3,
    /// What was named does not exist.
    NotFound = 4,
    /// It was understood and not done: something else was first, or a rule forbids it.
    Refused = 5,
    /// An update was tried and does not stand.
    NotUpdated = 6,
    /// Ended before the work did; the next start goes on with it.
    Interrupted = 75,
}

impl Exit {
    /// The graver of two, where one run has several results.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The list of exit codes, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  done, also when there was nothing to do
   1  the job, or a part of it, could not be done
   2  the command line or the configuration is wrong
   3  interrupted operations wait for recovery (recover --plan)
   4  what was named does not exist
   5  understood and not done: something else was first, or a rule forbids it
   6  an update was tried and does not stand: rolled back, aborted or held
  75  ended before the work did; the next start goes on with it";

/// Why a command ends without its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// One sentence for a person.
    pub message: String,
}

impl Failure {
    /// A failure with this code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure with code 1, telling an error and what caused it.
    pub fn because(what: &str, error: &dyn std::error::Error) -> Self {
        Self::new(Exit::Failed, format!("{what}: {}", chain(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let exit = match error.kind {
            ErrorKind::Invalid => Exit::Usage,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Conflict | ErrorKind::Refused => Exit::Refused,
            ErrorKind::Unavailable | ErrorKind::Internal => Exit::Failed,
        };
        Self::new(exit, error.message)
    }
}

/// An error and what caused it, as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_exit_code() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::RecoveryPending,
            Exit::NotFound,
            Exit::Refused,
            Exit::NotUpdated,
            Exit::Interrupted,
        ] {
            let line = format!("\n{:>4}  ", exit as u8);
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
    }

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        for (kind, exit) in [
            (ErrorKind::Invalid, Exit::Usage),
            (ErrorKind::NotFound, Exit::NotFound),
            (ErrorKind::Conflict, Exit::Refused),
            (ErrorKind::Refused, Exit::Refused),
            (ErrorKind::Unavailable, Exit::Failed),
            (ErrorKind::Internal, Exit::Failed),
        ] {
            assert_eq!(Failure::from(ControlError::new(kind, "why")), Failure::new(exit, "why"));
        }
    }
}
