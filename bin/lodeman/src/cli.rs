//! The command line: what can be written, and what `--help` says about it.

#![expect(clippy::doc_markdown, reason = "these comments are the help, which shows them as they are")]

mod arguments;
mod values;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use crate::exit::EXIT_CODES;
pub use arguments::{
    CheckArgs, CompletionsArgs, CreateAdminArgs, DecideArgs, ExplainArgs, HealthcheckArgs, HistoryArgs,
    OneContainer, RecoverArgs, RunOnceArgs, ServeArgs,
};

const ABOUT: &str = "\
Lodeman finds newer images for the containers of this host, decides by policy which to install, and \
replaces a container so that no crash can lose it: the new one is proven healthy, or the old one runs \
again.

Every command speaks with the server that runs on the same data directory; where none runs, it does \
the work itself. So both of these work:

  lodeman serve &  lodeman run-once        the server does it
  lodeman run-once                         this process does it, e.g. from cron";

const EXAMPLES: &str = "\
Examples:
  lodeman check nginx:1.26                 which newer versions exist (no engine needed)
  lodeman run-once                         look for updates, apply what policy allows
  lodeman explain web                      why `web` runs what it runs, and what can be done
  lodeman queue                            what waits for a person
  lodeman approve web --revision 3         install exactly what was shown
  lodeman watch web                        update `web` now and see how long it is down
  lodeman rollback web                     go back to what `web` ran before
  lodeman serve --config /etc/lodeman/lodeman.toml";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "lodeman",
    version,
    about = "Keeps containers current without breaking them.",
    long_about = ABOUT,
    after_help = "Without a command, `serve` is meant. `--help` shows examples and exit codes.",
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    disable_help_subcommand = true,
    propagate_version = true,
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be said to every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Configuration file [default: $LODEMAN_CONFIG, else /etc/lodeman/lodeman.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory: database, key and control socket [default: server.data_dir]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Sets a key of the configuration, above file and environment; may be repeated
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE", value_parser = values::assignment)]
    pub set: Vec<(String, String)>,
    /// Prints the result as one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// Whether to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server: follows the engine, scans on schedule, applies what policy allows
    Serve(ServeArgs),
    /// Looks for updates now and applies what policy allows, with progress
    RunOnce(RunOnceArgs),
    /// Updates one container now, whatever its policy, and shows the swap with its downtime
    Watch(OneContainer),
    /// Tells which newer versions of images exist; needs neither engine nor server
    Check(CheckArgs),
    /// Tells why containers run what they run, and what can be done
    Explain(ExplainArgs),
    /// Lists what waits to be applied
    Queue,
    /// Applies a queued update now
    Approve(DecideArgs),
    /// Says no to a queued update, until something newer appears
    Reject(DecideArgs),
    /// Never offers this version, or this digest, to this container again
    Ignore(DecideArgs),
    /// Goes back to what a container ran before its last update
    Rollback(OneContainer),
    /// Lists what happened, newest first
    History(HistoryArgs),
    /// Shows, or does, what brings interrupted operations to an end
    Recover(RecoverArgs),
    /// Makes an account that may do everything
    CreateAdmin(CreateAdminArgs),
    /// Brings the database to the form that this version needs, then ends
    Migrate,
    /// Prints every key of the configuration with its value and where it comes from, and all mistakes
    CheckConfig,
    /// Prints the OpenAPI document of the HTTP API, to make clients from
    Openapi,
    /// Prints the completions of this command line for a shell
    Completions(CompletionsArgs),
    /// Asks the running server whether it is alive, for a container's health check
    Healthcheck(HealthcheckArgs),
}

#[cfg(test)]
mod tests;
