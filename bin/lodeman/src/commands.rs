//! The sub-commands, one a file. Each is given the seam to the updater and a place for its result.

mod check;
mod check_config;
mod completions;
mod create_admin;
mod decide;
mod explain;
mod healthcheck;
mod history;
mod migrate;
mod queue;
mod recover;
mod rollback;
mod run_once;
mod serve;
mod watch;

pub use check::Checked;

use lodeman_domain::update::Outcome;
use lodeman_updater::control::UpdateSummary;

use crate::cli::{Cli, Command, ServeArgs};
use crate::configuration::{self, LoadError};
use crate::exit::{Exit, Failure};
use crate::logging::{self, Who};
use crate::output::Output;
use crate::process;
use crate::render::Style;
use crate::session::{Need, work};

/// Does what the command line says.
///
/// # Errors
/// [`Failure`] with the exit code and a sentence.
pub async fn dispatch(cli: Cli, output: &mut Output) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    let command = command.unwrap_or(Command::Serve(ServeArgs::default()));
    // What the program tells of itself does not depend on how it is configured.
    match &command {
        Command::Openapi => {
            output.raw(&lodeman_http::openapi())?;
            return Ok(Exit::Done);
        }
        Command::Completions(arguments) => return completions::run(arguments, output),
        _ => {}
    }
    let loaded = configuration::load(&global);
    if matches!(command, Command::CheckConfig) {
        return check_config::run(loaded, output);
    }
    let config = loaded.map_err(|error: LoadError| Failure::from(error))?;
    let who = if matches!(command, Command::Serve(_)) { Who::Server } else { Who::Command };
    logging::begin(&config, who, Style::chosen(global.color, &std::io::stderr()));
    let by = process::user();
    let by = by.as_str();
    match command {
        Command::Serve(arguments) => serve::run(config, &arguments).await,
        Command::RunOnce(arguments) => {
            work(&config, Need::Act, output, async |control, output| {
                run_once::run(control, &arguments, by, output).await
            })
            .await
        }
        Command::Watch(arguments) => {
            work(&config, Need::Act, output, async |control, output| {
                watch::run(control, &arguments, by, output).await
            })
            .await
        }
        Command::Check(arguments) => check::run(&config, &arguments, output).await,
        Command::Explain(arguments) => {
            work(&config, Need::Look, output, async |control, output| {
                explain::run(control, &arguments, output).await
            })
            .await
        }
        Command::Queue => {
            work(&config, Need::Look, output, async |control, output| queue::run(control, output).await).await
        }
        Command::Approve(arguments) => {
            work(&config, Need::Act, output, async |control, output| {
                decide::approve(control, &arguments, by, output).await
            })
            .await
        }
        Command::Reject(arguments) => {
            work(&config, Need::Look, output, async |control, output| {
                decide::reject(control, &arguments, by, output).await
            })
            .await
        }
        Command::Ignore(arguments) => {
            work(&config, Need::Look, output, async |control, output| {
                decide::ignore(control, &arguments, by, output).await
            })
            .await
        }
        Command::Rollback(arguments) => {
            work(&config, Need::Act, output, async |control, output| {
                rollback::run(control, &arguments, by, output).await
            })
            .await
        }
        Command::History(arguments) => {
            work(&config, Need::Look, output, async |control, output| {
                history::run(control, &arguments, output).await
            })
            .await
        }
        Command::Recover(arguments) => {
            work(&config, Need::Look, output, async |control, output| {
                recover::run(control, &arguments, output).await
            })
            .await
        }
        Command::CreateAdmin(arguments) => create_admin::run(&config, &arguments, output).await,
        Command::Migrate => migrate::run(&config, output).await,
        // Done above.
        Command::CheckConfig | Command::Openapi | Command::Completions(_) => Ok(Exit::Done),
        Command::Healthcheck(arguments) => healthcheck::run(&config, &arguments, output).await,
    }
}

/// The exit code that tells how one update ended.
fn exit_of(summary: &UpdateSummary) -> Exit {
    match summary.outcome {
        None
        | Some(
            Outcome::Updated
            | Outcome::UpdatedUnproven
            | Outcome::Restored
            | Outcome::Restarted
            | Outcome::Pulled
            | Outcome::DryRun,
        ) => Exit::Done,
        Some(Outcome::CheckFailed) => Exit::Failed,
        Some(
            Outcome::RolledBack
            | Outcome::Aborted
            | Outcome::SkippedByHook
            | Outcome::External
            | Outcome::Held,
        ) => Exit::NotUpdated,
    }
}

#[cfg(test)]
mod tests;
