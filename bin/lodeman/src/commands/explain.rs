//! `explain`: why containers run what they run.

use lodeman_updater::control::Control;

use crate::cli::ExplainArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render;

pub async fn run(
    control: &dyn Control,
    arguments: &ExplainArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let explanations = control.explain(arguments.name.clone()).await?;
    output.print(explanations.as_slice(), render::explanations)?;
    Ok(Exit::Done)
}
