//! Whoever clears up behind a lab, also when its owner is killed.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use super::sweep;

/// A process that sweeps a lab as soon as this process is gone, however it went.
#[derive(Debug)]
pub struct Guard(#[expect(dead_code, reason = "its pipe is what the guard listens to")] Child);

impl Guard {
    pub(super) fn post(program: &Path, arguments: &[String], folder: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).arg(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Self).with_context(|| format!("starting the guard {}", program.display()))
    }

    /// Being that process: waits until its owner is gone, then sweeps `folder`.
    ///
    /// # Errors
    /// When something of the lab stays.
    pub fn stand(folder: &Path) -> Result<()> {
        let mut nothing = Vec::new();
        // Nobody writes: this ends when the other end of the pipe is closed.
        std::io::stdin().read_to_end(&mut nothing)?;
        sweep(folder)
    }
}
