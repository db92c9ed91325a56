//! `history`: what happened.

use lodeman_updater::control::Control;

use crate::cli::HistoryArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render;

pub async fn run(
    control: &dyn Control,
    arguments: &HistoryArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let rows = control.history(arguments.name.clone(), arguments.before, arguments.limit).await?;
    output.print(rows.as_slice(), render::history)?;
    Ok(Exit::Done)
}
