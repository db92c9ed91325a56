//! Log lines on standard error, as text or JSON.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;
use lodeman_config::{Config, LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::render::Style;

/// The bars on the terminal; log lines are written above them.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// From now on log lines step around `bars`; `None`: there are none any more.
pub fn around(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Whether a server logs or a command that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// As configured.
    Server,
    /// Warnings, unless another level is configured: the command tells its result itself.
    Command,
}

/// Begins logging.
pub fn begin(config: &Config, who: Who, style: Style) {
    let level = level(config, who);
    // Libraries tell too much at the levels that ours are of use at.
    let others = if level >= LogLevel::Debug { "info" } else { "warn" };
    let ours = OUR_CRATES.map(|name| format!("{name}={}", level.as_str())).join(",");
    let filter = EnvFilter::new(format!("{others},{ours}"));
    let ansi = style.has_colours() && io::stderr().is_terminal();
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AroundBars).with_ansi(ansi);
    // A second call changes nothing, and there is none.
    let _ = match config.log.format {
        LogFormat::Text => logger.with_target(false).try_init(),
        LogFormat::Json => logger.json().flatten_event(true).try_init(),
    };
}

/// Every crate of ours that logs.
const OUR_CRATES: [&str; 11] = [
    "lodeman",
    "lodeman_config",
    "lodeman_domain",
    "lodeman_engine",
    "lodeman_engine_docker",
    "lodeman_http",
    "lodeman_inventory",
    "lodeman_registry",
    "lodeman_registry_oci",
    "lodeman_store_sqlite",
    "lodeman_updater",
];

fn level(config: &Config, who: Who) -> LogLevel {
    let is_chosen = *config.origin("log.level").1 != lodeman_config::Origin::Default;
    if who == Who::Command && !is_chosen { LogLevel::Warn } else { config.log.level }
}

/// Standard error, around the bars.
struct AroundBars;

impl MakeWriter<'_> for AroundBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bars {
            Some(bars) => bars.suspend(|| io::stderr().write(bytes)),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
