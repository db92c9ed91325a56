//! `run-once`: look for updates now and apply what policy allows.

use lodeman_updater::control::{Control, RunReport};

use super::exit_of;
use crate::cli::RunOnceArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::{Detail, follow};
use crate::render;

pub async fn run(
    control: &dyn Control,
    arguments: &RunOnceArgs,
    by: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let names = &arguments.names;
    let report = follow(control, output, Detail::Brief, names, control.run(names.clone(), by)).await?;
    output.print(&report, render::run_report)?;
    Ok(exit(&report))
}

/// An update that does not stand weighs more than a check that failed.
fn exit(report: &RunReport) -> Exit {
    let updates: Vec<Exit> = report.updates.iter().map(exit_of).collect();
    if updates.contains(&Exit::NotUpdated) {
        Exit::NotUpdated
    } else if report.scan.failed > 0 || updates.contains(&Exit::Failed) {
        Exit::Failed
    } else {
        Exit::Done
    }
}
