//! The container engine that is configured.

use std::sync::Arc;

use lodeman_config::Config;
use lodeman_engine::ContainerEngine;
use lodeman_engine_docker::{DockerEngine, DockerEngineConfig};

use crate::exit::{Exit, Failure, chain};

/// An engine at the configured address. It is not spoken with yet.
///
/// # Errors
/// [`Failure`] when the address cannot be used.
pub fn connect(config: &Config) -> Result<Arc<dyn ContainerEngine>, Failure> {
    let engine = DockerEngine::connect(DockerEngineConfig::new(config.engine.host.to_string()));
    let engine =
        engine.map_err(|error| Failure::new(Exit::Usage, format!("engine.host: {}", chain(&error))))?;
    Ok(Arc::new(engine))
}
