//! What `up` remembers, so that a second one is quick and `down` finds everything.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use lodeman_tests::lab::root;
use serde::{Deserialize, Serialize};

use super::network::Before;
use super::place::Place;

/// What `up` remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The engine's socket.
    pub socket: Option<PathBuf>,
    /// Whether we started that engine.
    pub own_engine: bool,
    /// How the machine's network was before that engine.
    pub network: Option<Before>,
    /// The registry's host and port, as references name it.
    pub registry: String,
    /// The address the server listens at.
    pub listen: String,
    /// How often `up` ran: each time brings something new to update to.
    pub round: u32,
    /// When the program that the server runs was built, in words of the file system.
    pub program: String,
    /// The configuration that the server runs with.
    pub configuration: String,
}

/// The folder of everything that `up` makes.
pub fn folder() -> PathBuf {
    root().join("up")
}

fn file() -> PathBuf {
    folder().join("state.json")
}

impl State {
    /// What was remembered; nothing the first time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load() -> Result<Self> {
        std::fs::create_dir_all(folder()).with_context(|| format!("making {}", folder().display()))?;
        match std::fs::read(file()) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("reading {}", file().display()))
            }
            Err(_) => Ok(Self::default()),
        }
    }

    /// Remembers it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<()> {
        std::fs::write(file(), serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("writing {}", file().display()))
    }

    /// Notes where the fleet is.
    ///
    /// # Errors
    /// When an earlier one is on another engine.
    pub fn moved_to(&mut self, place: &Place) -> Result<()> {
        let socket = place.socket().map(Path::to_owned);
        if let (Some(before), Some(now)) = (&self.socket, &socket)
            && before != now
        {
            bail!(
                "an earlier `up` used the engine at {}, and this one would use {}; `cargo xtask down` first",
                before.display(),
                now.display()
            );
        }
        self.socket = socket;
        self.own_engine = matches!(place, Place::Own(_));
        self.save()
    }
}
