//! `check`: which newer versions of images exist. Needs neither engine nor data directory.

use std::sync::Arc;

use lodeman_config::Config;
use lodeman_domain::image::ImageReference;
use lodeman_http::RemoteControl;
use lodeman_registry::RegistryClient;
use lodeman_updater::app::check_image;
use lodeman_updater::control::{Control as _, ControlError, ImageCheck};
use serde::Serialize;

use crate::cli::CheckArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::wiring::registry_client;
use crate::{process::EndSignals, render};

/// What became of the question about one image.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Checked {
    /// Its registry answered.
    Known(ImageCheck),
    /// It did not.
    Failed {
        /// What was asked about.
        reference: String,
        /// Why there is no answer.
        error: String,
    },
}

/// Who asks the registries. A server that runs has tokens and tag lists at hand already.
enum Asker {
    Server(RemoteControl),
    Here(Arc<dyn RegistryClient>),
}

impl Asker {
    async fn check(&self, image: ImageReference) -> Result<ImageCheck, ControlError> {
        match self {
            Self::Server(server) => server.check(image).await,
            Self::Here(client) => check_image(&**client, image).await,
        }
    }
}

pub async fn run(config: &Config, arguments: &CheckArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut signals = EndSignals::new()?;
    // A server that may not be spoken with is as good as none: this needs nothing of it.
    let asker = match RemoteControl::find(&config.server.data_dir).await {
        Ok(Some(server)) => Asker::Server(server),
        Ok(None) | Err(_) => Asker::Here(registry_client(config)),
    };
    let (checked, exit) = tokio::select! {
        checked = ask(&asker, &arguments.images) => checked,
        signal = signals.next() => return Err(Failure::new(Exit::Interrupted, signal)),
    };
    output.print(checked.as_slice(), render::checks)?;
    Ok(exit)
}

async fn ask(asker: &Asker, images: &[ImageReference]) -> (Vec<Checked>, Exit) {
    let mut all = Vec::new();
    let mut exit = Exit::Done;
    for image in images {
        all.push(match asker.check(image.clone()).await {
            Ok(check) => Checked::Known(check),
            Err(error) => {
                let failure = Failure::from(error);
                exit = exit.or(failure.exit);
                Checked::Failed { reference: image.to_string(), error: failure.message }
            }
        });
    }
    (all, exit)
}
