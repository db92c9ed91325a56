//! Where a command's work is done: by the server that runs, or here.

use std::sync::Arc;
use std::time::Duration;

use lodeman_config::Config;
use lodeman_http::RemoteControl;
use lodeman_store_sqlite::SqliteStore;
use lodeman_updater::control::Control;
use tokio::time::{Instant, sleep, timeout};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::process::EndSignals;
use crate::render::plain;
use crate::wiring::{Local, OpenFailure, open_store};

/// How long a process that holds the data directory may take to answer on its socket: it may just
/// be starting, or ending.
const HANDOVER: Duration = Duration::from_secs(10);
/// How long what is under way may take once the command is asked to end.
const SHUTDOWN: Duration = Duration::from_secs(8);

/// What a command needs where it does its work itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The database.
    Look,
    /// An engine that answers, and nothing left over from an interrupted operation.
    Act,
}

/// Who does the work.
enum Worker {
    Server(RemoteControl),
    Here(Box<Local>),
}

/// Either the server of a data directory, or the directory itself.
pub enum Found {
    /// A server runs.
    Server(RemoteControl),
    /// None runs, and none can start while this database is open.
    Nobody(Arc<SqliteStore>),
}

/// Finds the server of the data directory, or takes the directory and opens its database.
///
/// # Errors
/// [`Failure`] when neither is possible.
pub async fn find(config: &Config) -> Result<Found, Failure> {
    let directory = &config.server.data_dir;
    let until = Instant::now() + HANDOVER;
    loop {
        if let Some(server) = RemoteControl::find(directory).await? {
            return Ok(Found::Server(server));
        }
        let owner = match open_store(config).await {
            Ok(store) => return Ok(Found::Nobody(store)),
            Err(OpenFailure::Unusable(failure)) => return Err(failure),
            Err(OpenFailure::Busy(owner)) => owner,
        };
        if Instant::now() >= until {
            let owner = owner.map_or_else(String::new, |id| format!(" (process {id})"));
            let message = format!(
                "another process{owner} uses the data directory `{}` and does not answer; try again",
                directory.display()
            );
            return Err(Failure::new(Exit::Interrupted, message));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Does `job` by the server that runs, or here; ends it in order when a signal asks for that.
///
/// # Errors
/// The job's failure, or why it could not be begun or was not ended.
pub async fn work(
    config: &Config,
    need: Need,
    output: &mut Output,
    job: impl AsyncFnOnce(&dyn Control, &mut Output) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let mut signals = EndSignals::new()?;
    let found = tokio::select! {
        found = find(config) => found?,
        signal = signals.next() => return Err(before_it_began(signal)),
    };
    match found {
        Found::Server(server) => by(&Worker::Server(server), signals, output, job).await,
        Found::Nobody(store) => {
            let local = Box::new(Local::new(config, store, false).await?);
            let worker = Worker::Here(local);
            let result = by(&worker, signals, output, async |control, output| {
                if need == Need::Act {
                    recover_first(control).await?;
                }
                job(control, output).await
            })
            .await;
            if let Worker::Here(local) = worker {
                local.close().await;
            }
            result
        }
    }
}

async fn by(
    worker: &Worker,
    mut signals: EndSignals,
    output: &mut Output,
    job: impl AsyncFnOnce(&dyn Control, &mut Output) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let control: Arc<dyn Control> = match worker {
        Worker::Server(server) => Arc::new(server.clone()),
        Worker::Here(local) => Arc::new(local.app.clone()),
    };
    let mut job = std::pin::pin!(job(&*control, output));
    let signal = tokio::select! {
        result = job.as_mut() => {
            if let Worker::Here(local) = worker {
                local.app.swapper().drained().await;
            }
            return result;
        }
        signal = signals.next() => signal,
    };
    let Worker::Here(local) = worker else {
        let message = format!("{signal}: this command ends; the server goes on with what was asked");
        return Err(Failure::new(Exit::Interrupted, message));
    };
    eprintln!("lodeman: {signal}: bringing what is under way to an end (once more: end at once)");
    local.stopping.cancel();
    let ended = async {
        // What it says now is of less weight than that it was interrupted.
        drop(job.as_mut().await);
        local.app.swapper().drained().await;
    };
    tokio::select! {
        _ = timeout(SHUTDOWN, ended) => {}
        _ = signals.next() => {}
    }
    let message = match local.left_open().await {
        Ok(0) => format!("{signal}: what was under way was brought to an end"),
        _ => format!("{signal}: an operation was left open; the next start goes on with it"),
    };
    Err(Failure::new(Exit::Interrupted, message))
}

fn before_it_began(signal: &str) -> Failure {
    Failure::new(Exit::Interrupted, format!("{signal}: nothing was begun"))
}

/// Brings interrupted operations to an end before anything else is done.
async fn recover_first(control: &dyn Control) -> Result<(), Failure> {
    let readiness = control.readiness().await?;
    let away = readiness.components.iter().find(|part| part.name == "engine" && !readiness.ready);
    if let Some(reason) = away.and_then(|part| part.reason.as_deref()) {
        return Err(Failure::new(Exit::Failed, format!("the container engine cannot be asked: {reason}")));
    }
    for item in control.recover().await?.operations {
        let outcome = item.outcome.map_or("is still open", |outcome| outcome.as_str());
        eprintln!("lodeman: an interrupted operation on `{}` was recovered: {outcome}", plain(&item.name));
    }
    Ok(())
}
