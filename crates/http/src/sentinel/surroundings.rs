//! What the configuration says beside the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What the configuration says beside the settings, under the names of Docker Sentinel's environment
/// variables without their prefix: `DOCKER_SOCK`, `WEB_PORT`. Holds no secrets.
#[derive(Debug, Clone, Default)]
pub struct Surroundings(Arc<BTreeMap<&'static str, String>>);

impl Surroundings {
    /// Surroundings with these values; what is not among them has its default.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(Arc::new(values.into_iter().collect()))
    }

    /// The value under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
