//! `healthcheck`: ask the running server whether it is alive.

use std::time::Duration;

use lodeman_config::Config;
use lodeman_http::RemoteControl;
use lodeman_updater::control::{Control, Readiness};
use tokio::time::timeout;

use crate::cli::HealthcheckArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render;

/// How long a server that is alive may take to tell how it is.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn run(config: &Config, arguments: &HealthcheckArgs, output: &mut Output) -> Result<Exit, Failure> {
    let directory = &config.server.data_dir;
    let Some(server) = RemoteControl::find(directory).await? else {
        let message = format!("no server runs on the data directory `{}`", directory.display());
        return Err(Failure::new(Exit::Failed, message));
    };
    ask(&server, arguments, output).await
}

pub async fn ask(
    control: &dyn Control,
    arguments: &HealthcheckArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let Ok(readiness) = timeout(PATIENCE, control.readiness()).await else {
        return Err(Failure::new(Exit::Failed, "the server does not answer in time"));
    };
    let readiness: Readiness = readiness?;
    output.print(&readiness, render::readiness)?;
    Ok(if readiness.ready || !arguments.ready { Exit::Done } else { Exit::Failed })
}
