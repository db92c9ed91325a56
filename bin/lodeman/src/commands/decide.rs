//! `approve`, `reject`, `ignore`: what becomes of a queued update.

use lodeman_updater::control::Control;

use super::exit_of;
use crate::cli::DecideArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::{Detail, follow};
use crate::render;

pub async fn approve(
    control: &dyn Control,
    arguments: &DecideArgs,
    by: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let name = arguments.name.clone();
    let names = [name.clone()];
    let work = control.approve(name, arguments.which(), by);
    let summary = follow(control, output, Detail::Steps, &names, work).await?;
    output.print(&summary, render::summary)?;
    Ok(exit_of(&summary))
}

pub async fn reject(
    control: &dyn Control,
    arguments: &DecideArgs,
    by: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let entry = control.reject(arguments.name.clone(), arguments.which(), by).await?;
    output.print(&entry, render::decided)?;
    Ok(Exit::Done)
}

pub async fn ignore(
    control: &dyn Control,
    arguments: &DecideArgs,
    by: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let entry = control.ignore(arguments.name.clone(), arguments.which(), by).await?;
    output.print(&entry, render::decided)?;
    Ok(Exit::Done)
}
