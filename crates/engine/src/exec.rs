//! Running a command inside a container.

use std::fmt;
use std::time::Duration;

/// The most that is kept of what a command wrote, both streams together.
pub const MAX_EXEC_OUTPUT: usize = 64 * 1024;

/// A command to run inside a container: as the container's own user, without a terminal and without
/// input.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it finds in its environment beside the container's own.
    pub environment: Vec<(String, String)>,
    /// How long it may take; then it is killed.
    pub timeout: Duration,
}

impl fmt::Debug for ExecRequest {
    // A command may carry a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecRequest")
            .field("program", &self.command.first())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// How a command ended, and what it wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecReport {
    /// How it ended.
    pub ending: ExecEnding,
    /// The end of what it wrote; with the next at most [`MAX_EXEC_OUTPUT`] bytes.
    pub output: String,
    /// The end of what it wrote to its error stream.
    pub error_output: String,
    /// Whether it wrote more than that.
    pub cut: bool,
}

impl fmt::Debug for ExecReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecReport")
            .field("ending", &self.ending)
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnding {
    /// By itself. A program that cannot be executed ends with 126 or 127.
    Exited {
        /// Its exit code.
        code: i64,
    },
    /// It was not done in its time.
    TimedOut {
        /// Why it may still run; `None` where it was killed.
        left_running: Option<String>,
    },
}

impl ExecReport {
    /// A report of what was written, cut to the limit: of each stream the end is kept.
    #[must_use]
    pub fn new(ending: ExecEnding, mut output: String, mut error_output: String, cut: bool) -> Self {
        let mut cut = cut;
        if output.len() + error_output.len() > MAX_EXEC_OUTPUT {
            let half = MAX_EXEC_OUTPUT / 2;
            let for_errors =
                error_output.len().min(half.max(MAX_EXEC_OUTPUT - output.len().min(MAX_EXEC_OUTPUT)));
            keep_end(&mut error_output, for_errors);
            keep_end(&mut output, MAX_EXEC_OUTPUT - for_errors);
            cut = true;
        }
        Self { ending, output, error_output, cut }
    }
}

/// Keeps the last `limit` bytes of a text, or a few less: no character is cut.
fn keep_end(text: &mut String, limit: usize) {
    let from = text.len().saturating_sub(limit);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text.drain(..from);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: ExecEnding = ExecEnding::Exited { code: 0 };

    #[test]
    fn both_streams_share_the_limit_and_keep_their_ends() {
        let long = |c: char, n: usize| c.to_string().repeat(n);
        let whole = ExecReport::new(ENDED, long('a', 40_000), long('b', 20_000), false);
        assert!(!whole.cut && whole.output.len() == 40_000 && whole.error_output.len() == 20_000);
        let both = ExecReport::new(ENDED, long('a', 90_000), long('b', 90_000) + "end", false);
        assert!(both.cut && both.error_output.ends_with("end"));
        assert_eq!((both.output.len(), both.error_output.len()), (MAX_EXEC_OUTPUT / 2, MAX_EXEC_OUTPUT / 2));
        let one = ExecReport::new(ENDED, long('a', 90_000), "why".to_owned(), false);
        assert_eq!((one.output.len(), one.error_output.as_str()), (MAX_EXEC_OUTPUT - 3, "why"));
        let wide = ExecReport::new(ENDED, long('ü', 50_000), String::new(), false);
        assert!(wide.output.len() <= MAX_EXEC_OUTPUT && wide.output.chars().all(|c| c == 'ü'));
    }

    #[test]
    fn neither_command_nor_output_is_in_a_debug_form() {
        let request = ExecRequest {
            command: ["sh", "-c", "login s3cret"].map(str::to_owned).to_vec(),
            environment: vec![("TOKEN".to_owned(), "s3cret".to_owned())],
            timeout: Duration::from_secs(1),
        };
        let report = ExecReport::new(ENDED, "s3cret".to_owned(), "s3cret".to_owned(), false);
        assert!(!format!("{request:?} {report:?}").contains("s3cret"));
    }
}
