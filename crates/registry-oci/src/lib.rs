//! The registry port over the OCI distribution API.
//!
//! [`OciRegistryClient`] asks real registries. Its rules: every request has a deadline and reads a
//! bounded answer; a challenge is met once, a referral followed three times at most; a credential is
//! shown to its own registry and that registry's token service and to nobody else; plain HTTP is for
//! loopback and for registries that are named for it; what a registry says about waiting and about
//! quotas is heeded before the next request is sent.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lodeman_domain::{clock::SystemClock, image::ImageReference};
//! use lodeman_registry::RegistryClient;
//! use lodeman_registry_oci::{OciRegistryClient, OciRegistryConfig};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = OciRegistryClient::new(&OciRegistryConfig::default(), Arc::new(SystemClock));
//! let image: ImageReference = "nginx:1.27".parse()?;
//! for tag in registry.list_tags(image.repository()).await?.tags.iter() {
//!     println!("{tag}");
//! }
//! # Ok(()) }
//! ```

mod auth;
mod cache;
mod challenge;
mod client;
mod config;
mod credentials;
mod endpoint;
mod exchange;
mod headers;
mod manifest;
mod metrics;
mod mirror;
#[cfg(feature = "readers")]
pub mod readers;
mod resolver;
mod tags;
mod throttle;
mod transport;

pub use client::OciRegistryClient;
pub use config::{
    BodyLimits, DockerConfigFile, ExtraRoot, Mirror, OciRegistryConfig, StoredCredential, TokenService,
};
pub use mirror::MirroredClient;
