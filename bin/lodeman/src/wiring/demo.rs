//! A simulated engine and registry with a small fleet, to look around in. Nothing real is touched and
//! nothing is kept.

mod data;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lodeman_config::{Config, Origin};
use lodeman_domain::clock::{Clock as _, SystemClock};
use lodeman_domain::image::ImageReference;
use lodeman_engine::fake::{Behaviour, FakeEngine, FakeImage, FakeImages, FakeOptions};
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::fake::FakeRegistry;
use lodeman_store::fake::MemoryStore;
use serde_json::json;

use super::{Hold, Local, World};
use crate::exit::{Exit, Failure};
use data::{DataLock, LockError};

/// One container of the fleet.
struct Sample {
    name: &'static str,
    /// The image it is made from.
    image: &'static str,
    /// Its policy.
    policy: &'static str,
    /// What appears at the registry after it was made.
    newer: &'static str,
    /// Whether what is newer works.
    works: bool,
}

const FLEET: [Sample; 6] = [
    // The tag is built anew: an update by digest.
    Sample {
        name: "web",
        image: "demo.example/web:stable",
        policy: "auto",
        newer: "demo.example/web:stable",
        works: true,
    },
    // A newer version appears.
    Sample {
        name: "api",
        image: "demo.example/api:1.4.2",
        policy: "auto",
        newer: "demo.example/api:1.4.3",
        works: true,
    },
    // One that a person decides on.
    Sample {
        name: "database",
        image: "demo.example/database:16.3",
        policy: "manual",
        newer: "demo.example/database:16.4",
        works: true,
    },
    // The newer one never becomes healthy.
    Sample {
        name: "mail",
        image: "demo.example/mail:2.0.0",
        policy: "auto",
        newer: "demo.example/mail:2.0.1",
        works: false,
    },
    // Never looked at.
    Sample {
        name: "legacy",
        image: "demo.example/legacy:1.0.0",
        policy: "pinned",
        newer: "demo.example/legacy:2.0.0",
        works: true,
    },
    // Nothing is newer.
    Sample { name: "cache", image: "demo.example/cache:7.2.5", policy: "auto", newer: "", works: true },
];

/// The place of a simulation: its directory holds the control socket and nothing else.
pub struct Demo(Mutex<Option<DataLock>>);

impl Demo {
    /// Where a simulation is run: in the configured directory, or beside other temporary things where
    /// none is configured.
    pub fn configure(mut config: Config) -> Config {
        if *config.origin("server.data_dir").1 == Origin::Default {
            config.server.data_dir = std::env::temp_dir().join("lodeman-demo");
        }
        config
    }

    /// Lets go of the directory.
    pub fn close(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Local {
    /// A server's application on a simulated world.
    ///
    /// # Errors
    /// [`Failure`] when the directory cannot be used, or another process uses it.
    pub async fn demo(config: &Config) -> Result<Self, Failure> {
        let lock = DataLock::take(&config.server.data_dir).map_err(|error| match error {
            LockError::Busy => Failure::new(Exit::Failed, "a server runs on this data directory already"),
            LockError::Unusable(message) => Failure::new(Exit::Failed, message),
        })?;
        tracing::warn!(
            "the engine and the registry are simulated: nothing real is touched, nothing is kept; \
             try `lodeman --data-dir {} explain`",
            config.server.data_dir.display()
        );
        let world = world().map_err(|error| {
            Failure::new(Exit::Failed, format!("the simulated fleet cannot be made: {error}"))
        })?;
        let hold = Hold::Demo(Demo(Mutex::new(Some(lock))));
        Self::assemble(config, world, Arc::new(MemoryStore::new()), hold, true).await
    }
}

fn world() -> Result<World, Box<dyn std::error::Error>> {
    let images = FakeImages::default();
    let registry = FakeRegistry::new();
    let options = FakeOptions {
        epoch: SystemClock.now(),
        pull_time: Duration::from_secs(2),
        ..FakeOptions::containerd()
    };
    let engine = FakeEngine::new(options, images.clone());
    for sample in FLEET {
        publish(&images, &registry, sample.image, "first", true)?;
        let request = json!({
            "Image": sample.image,
            "Labels": { "lodeman.policy": sample.policy },
            "HostConfig": { "RestartPolicy": { "Name": "unless-stopped" } },
        });
        engine.run(sample.name, &request)?;
        if !sample.newer.is_empty() {
            publish(&images, &registry, sample.newer, "second", sample.works)?;
        }
    }
    Ok(World { engine: Arc::new(engine), registry: Arc::new(registry) })
}

/// Puts an image behind `reference`, for the registry to tell of and for the engine to pull.
fn publish(
    images: &FakeImages,
    registry: &FakeRegistry,
    reference: &str,
    build: &str,
    works: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let parsed: ImageReference = reference.parse()?;
    let tag = parsed.effective_tag().ok_or("a sample image has a tag")?;
    let seed = format!("{reference} {build}");
    let stored = registry.push_image(parsed.repository(), &tag, &ImageBlueprint::new(seed.as_str()));
    let config = json!({ "Cmd": ["/serve"], "Healthcheck": { "Test": ["CMD", "/healthy"], "Interval": 1_000_000_000_u64 } });
    let behaviour =
        if works { Behaviour::default() } else { Behaviour::unhealthy_after(Duration::from_secs(3)) };
    let mut image = FakeImage::new(&seed).with_config(&config).with_behaviour(behaviour);
    image.manifest_digest = stored.manifest.digest;
    image.config_digest = stored.config.digest;
    // The digest is the registry's, which was just told.
    drop(images.publish(reference, &image));
    Ok(())
}
