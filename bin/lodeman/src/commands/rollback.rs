//! `rollback`: go back to what a container ran before its last update.

use lodeman_updater::control::Control;

use super::exit_of;
use crate::cli::OneContainer;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::{Detail, follow};
use crate::render;

pub async fn run(
    control: &dyn Control,
    arguments: &OneContainer,
    by: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let name = arguments.name.clone();
    let names = [name.clone()];
    let summary = follow(control, output, Detail::Steps, &names, control.rollback(name, by)).await?;
    output.print(&summary, render::summary)?;
    Ok(exit_of(&summary))
}
