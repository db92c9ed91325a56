//! `serve`: the server, from its start to its end.

mod keep;
mod listen;

use std::sync::Arc;
use std::time::Duration;

use lodeman_config::{Config, Profile};
use lodeman_http::Exporter;
use lodeman_updater::app::{App, Loops};
use lodeman_updater::feed::Feed;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::accounts::StoredAccounts;
use crate::cli::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::process::{self, EndSignals};
use crate::session::{Found, find};
#[cfg(feature = "demo")]
use crate::wiring::Demo;
use crate::wiring::{Local, identity, maintain};
use keep::keep;
use listen::Listeners;

/// How long a stop waits for a container that is down; a container runtime usually allows 10 s.
const SHUTDOWN: Duration = Duration::from_secs(8);
/// How often gathered metrics are sorted into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs the server until a signal asks for its end.
///
/// # Errors
/// [`Failure`] when it cannot start, or leaves an operation open.
pub async fn run(config: Config, arguments: &ServeArgs) -> Result<Exit, Failure> {
    let mut signals = EndSignals::new()?;
    process::allow_many_files();
    tokio::spawn(process::ignore_hang_ups());
    #[cfg(feature = "demo")]
    let config = if arguments.demo { Demo::configure(config) } else { config };
    tell(&config, arguments);
    let exporter = config.metrics.enabled.then(Exporter::new);
    if let Some(exporter) = &exporter {
        exporter.install().map_err(|error| Failure::because("metrics are not recorded", &error))?;
    }
    let local = open(&config, arguments).await?;
    StoredAccounts::new(local.store.clone()).make_first(&config).await?;
    let auth = identity(&config, local.store.clone()).await?;
    let feed = Feed::new(local.app.swapper().deps());
    let listeners = Listeners::open(&config, &local, auth.clone(), &feed, exporter.clone()).await?;

    let stopping = local.stopping.clone();
    let running = async {
        // Polled in this order, so that nothing is answered before recovery has begun.
        tokio::join!(
            biased;
            work(&local.app, &stopping),
            listeners.serve(&stopping),
            upkeep(exporter, &stopping),
            feed.run(stopping.clone()),
            maintain(&auth, &stopping),
        )
    };
    let mut running = std::pin::pin!(running);
    let signal = tokio::select! {
        _ = running.as_mut() => "nothing more to do",
        signal = signals.next() => signal,
    };
    tracing::info!("{signal}: beginning nothing new, bringing what is under way to an end");
    stopping.cancel();
    let ended = async {
        running.await;
        local.app.swapper().drained().await;
    };
    tokio::select! {
        ended = timeout(SHUTDOWN, ended) => {
            if ended.is_err() {
                tracing::warn!("what is under way did not end in time; the next start goes on with it");
            }
        }
        signal = signals.next() => {
            return Err(Failure::new(Exit::Interrupted, format!("a second {signal}: ended at once")));
        }
    }
    let left_open = local.left_open().await;
    local.close().await;
    match left_open {
        Ok(0) => {
            tracing::info!("ended");
            Ok(Exit::Done)
        }
        Ok(open) => {
            let message = format!("{open} operations were left open; the next start goes on with them");
            Err(Failure::new(Exit::Interrupted, message))
        }
        Err(error) => Err(Failure::because("whether an operation was left open is not known", &error)),
    }
}

async fn open(config: &Config, arguments: &ServeArgs) -> Result<Local, Failure> {
    #[cfg(feature = "demo")]
    if arguments.demo {
        return Local::demo(config).await;
    }
    #[cfg(not(feature = "demo"))]
    if arguments.demo {
        return Err(Failure::new(Exit::Usage, "--demo: this build has no simulated engine in it"));
    }
    match find(config).await? {
        Found::Nobody(store) => Local::new(config, store, true).await,
        Found::Server(server) => {
            let message = format!(
                "a server (process {}) runs on the data directory `{}` already",
                server.server().process_id,
                config.server.data_dir.display()
            );
            Err(Failure::new(Exit::Failed, message))
        }
    }
}

fn tell(config: &Config, arguments: &ServeArgs) {
    let engine = if arguments.demo { "simulated".to_owned() } else { config.engine.host.to_string() };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        data_dir = %config.server.data_dir.display(),
        engine,
        "starting"
    );
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if config.security.profile == Profile::Home {
        tracing::info!(
            "security profile `home`: labels of containers are trusted, passwords have 8 characters or more, \
             plain HTTP is served on any address; `security.profile = \"strict\"` changes that"
        );
    }
}

/// Recovery, then everything that runs by itself.
async fn work(app: &App, stopping: &CancellationToken) {
    let loops = Arc::new(Loops::new(app.clone(), stopping.clone()));
    let follow = keep("following the engine", stopping, || {
        let loops = loops.clone();
        async move { loops.follow_host().await }
    });
    let rest = async {
        loops.recover().await;
        let scan = keep("scanning", stopping, || {
            let loops = loops.clone();
            async move { loops.scan().await }
        });
        let tidy = keep("clearing up", stopping, || {
            let loops = loops.clone();
            async move { loops.tidy().await }
        });
        tokio::join!(scan, tidy);
    };
    tokio::join!(biased; rest, follow);
}

async fn upkeep(exporter: Option<Exporter>, stopping: &CancellationToken) {
    let Some(exporter) = exporter else { return };
    let mut turns = interval(UPKEEP);
    while stopping.run_until_cancelled(turns.tick()).await.is_some() {
        exporter.upkeep();
    }
}
