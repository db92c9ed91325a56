//! Running other programs, and telling how far we are.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use lodeman_tests::lab::workspace;

/// Tells one step, as it begins.
pub fn say(text: &str) {
    eprintln!("==> {text}");
}

/// The `cargo` that runs us, in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace());
    // What cargo set for this program would make what it builds for others look different.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command whose output is shown; gives how long it took.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<Duration> {
    let began = Instant::now();
    let text = shown(command);
    let status = command.status().with_context(|| format!("starting {text}"))?;
    if !status.success() {
        bail!("{text} ended with {status}");
    }
    Ok(began.elapsed())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}

/// This program, for what it starts of itself.
///
/// # Errors
/// When the system does not say where it is.
pub fn ourselves() -> Result<PathBuf> {
    std::env::current_exe().context("this program does not know where it is")
}

/// A span of time as a person says it.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) => format!("{:.1} s", span.as_secs_f32()),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_short() {
        assert_eq!(span(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(span(Duration::from_secs(754)), "12 min 34 s");
    }

    #[test]
    fn a_command_is_shown_without_its_folders() {
        assert_eq!(shown(Command::new("/usr/bin/cargo").args(["test", "-q"])), "cargo test -q");
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let failed = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(failed.to_string().contains("sh -c exit 3"), "{failed}");
    }
}
