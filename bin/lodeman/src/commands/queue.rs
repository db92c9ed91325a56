//! `queue`: what waits to be applied.

use lodeman_updater::control::Control;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render;

pub async fn run(control: &dyn Control, output: &mut Output) -> Result<Exit, Failure> {
    let entries = control.queue().await?;
    output.print(entries.as_slice(), render::queue)?;
    Ok(Exit::Done)
}
