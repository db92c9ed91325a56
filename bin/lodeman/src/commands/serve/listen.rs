//! What the server listens on: its control socket, and the probes.

use std::sync::Arc;

use lodeman_auth::AuthService;
use lodeman_config::{Config, EngineHost, LogFormat, Profile};
use lodeman_http::sentinel::{About, Door, Sentinel, Surroundings, span};
use lodeman_http::{ControlSocket, Exporter, MetricsAccess, ProbeConfig, serve, server};
use lodeman_store_sqlite::DATABASE_FILE;
use lodeman_updater::control::Control;
use lodeman_updater::feed::Feed;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accounts::StoredAccounts;
use crate::exit::{Exit, Failure};
use crate::wiring::{Local, cookies, numbers};

/// Open listeners that nobody is answered on yet.
pub struct Listeners {
    socket: ControlSocket,
    tcp: Option<TcpListener>,
    control: Arc<dyn Control>,
    accounts: Arc<StoredAccounts>,
    probes: ProbeConfig,
    sentinel: Sentinel,
}

impl Listeners {
    /// Opens them.
    ///
    /// # Errors
    /// [`Failure`] that names the address that cannot be had.
    pub async fn open(
        config: &Config,
        local: &Local,
        auth: Arc<AuthService>,
        feed: &Feed,
        exporter: Option<Exporter>,
    ) -> Result<Self, Failure> {
        let socket = ControlSocket::bind(&config.server.data_dir)
            .map_err(|error| Failure::because("the server cannot be spoken with", &error))?;
        let tcp = if config.server.enabled { Some(bind(config).await?) } else { None };
        Ok(Self {
            socket,
            tcp,
            control: Arc::new(local.app.clone()),
            accounts: Arc::new(StoredAccounts::new(local.store.clone())),
            probes: ProbeConfig {
                metrics: metrics_access(config, exporter),
                detail: config.security.profile == Profile::Home,
                docs: config.server.docs,
            },
            sentinel: Sentinel::new(
                local.app.clone(),
                Door { auth, cookies: cookies(config) },
                feed.clone(),
                About { data_directory: config.server.data_dir.clone(), started_at: local.app.now() },
                surroundings(config),
            ),
        })
    }

    /// Answers until `stopping`, then lets the answers under way end.
    pub async fn serve(self, stopping: &CancellationToken) {
        let Self { socket, tcp, control, accounts, probes, sentinel } = self;
        let http = async {
            if let Some(tcp) = tcp {
                serve(tcp, server(control.clone(), probes, &sentinel), stopping.clone()).await;
            }
        };
        tokio::join!(socket.serve(control.clone(), accounts, stopping.clone()), http);
    }
}

async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.server.listen;
    let failed = |error: std::io::Error| {
        let message = format!("server.listen: the address {address} cannot be listened on: {error}");
        Failure::new(Exit::Failed, message)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "listening");
    Ok(listener)
}

/// The configuration as Docker Sentinel's environment variables would say it.
fn surroundings(config: &Config) -> Surroundings {
    let EngineHost::Unix(socket) = &config.engine.host;
    let session = numbers(config).session_life;
    Surroundings::new([
        ("DOCKER_SOCK", socket.display().to_string()),
        ("DB_PATH", config.server.data_dir.join(DATABASE_FILE).display().to_string()),
        ("LOG_JSON", (config.log.format == LogFormat::Json).to_string()),
        ("WEB_PORT", config.server.listen.port().to_string()),
        ("WEB_ENABLED", config.server.enabled.to_string()),
        ("SESSION_EXPIRY", span::format(session)),
        ("COOKIE_SECURE", cookies(config).secure.to_string()),
        ("METRICS", config.metrics.enabled.to_string()),
    ])
}

fn metrics_access(config: &Config, exporter: Option<Exporter>) -> MetricsAccess {
    match (exporter, &config.metrics.token) {
        (None, _) => MetricsAccess::Off,
        (Some(exporter), _) if config.metrics.public => MetricsAccess::Public(exporter),
        (Some(exporter), Some(token)) => MetricsAccess::Token(exporter, token.clone()),
        (Some(_), None) => MetricsAccess::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_config::Sources;

    #[test]
    fn the_configuration_is_told_as_its_variables_would_say_it() {
        let toml = "[server]\nlisten = \":9000\"\ndata_dir = \"/data\"\n[log]\nformat = \"json\"\n\
                    [engine]\nhost = \"unix:///run/docker.sock\"\n[security]\nadmin_password = \"CANARY CANARY 1\"";
        let sources = Sources {
            file: Some(("/etc/lodeman.toml".into(), toml.to_owned())),
            env: Vec::new(),
            flags: Vec::new(),
            system_time_zone: None,
            read_secret: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        let told = surroundings(&Config::load(&sources).unwrap());
        for (name, value) in [
            ("DOCKER_SOCK", "/run/docker.sock"),
            ("DB_PATH", "/data/lodeman.db"),
            ("LOG_JSON", "true"),
            ("WEB_PORT", "9000"),
            ("WEB_ENABLED", "true"),
            ("SESSION_EXPIRY", "720h0m0s"),
            ("METRICS", "false"),
        ] {
            assert_eq!(told.get(name), Some(value), "{name}");
        }
        assert!(!format!("{told:?}").contains("CANARY"));
    }
}
