//! The Lodeman server and command line: sub-commands, wiring, signals. What is decided is decided in
//! the crates below.

mod accounts;
mod cli;
mod commands;
mod configuration;
mod exit;
mod logging;
mod output;
mod password;
mod process;
mod progress;
mod render;
mod session;
#[cfg(test)]
mod testing;
mod wiring;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use jiff::tz::TimeZone;
use lodeman_domain::clock::SystemClock;

use cli::Cli;
use exit::{Exit, Failure};
use output::Output;
use render::Style;

/// Blocking work is files, the database and password hashes; none of it comes in crowds.
const BLOCKING_THREADS: usize = 16;

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::seclude();
    let style = Style::chosen(cli.global.color, &std::io::stdout());
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let to = Box::new(std::io::stdout());
    let mut output = Output::new(cli.global.json, style, zone, Arc::new(SystemClock), to);
    match run(cli, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.fail(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, output: &mut Output) -> Result<Exit, Failure> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err(Failure::new(Exit::Failed, "the cryptography of this process was chosen already"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::because("the process cannot be set up", &error))?;
    let result = runtime.block_on(commands::dispatch(cli, output));
    // What is left on other threads is not waited for: its effects are in the journal.
    runtime.shutdown_background();
    result
}
