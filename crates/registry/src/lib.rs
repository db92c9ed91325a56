//! Which newer versions of an image exist, and whether what runs is what its reference means now.
//!
//! [`RegistryClient`] is the port to image registries. The crate `lodeman-registry-oci` speaks to real
//! ones; `fake` (feature `fake`) keeps registries in memory, and `contract` (same feature) is the suite
//! that both must pass. Over the port stand [`check`], which compares a running image with its
//! registry, and [`ScanSession`], which asks each question once however many containers have it.
//!
//! # Which newer versions of an image exist
//!
//! ```
//! # #[cfg(feature = "fake")] {
//! use lodeman_domain::image::ImageReference;
//! use lodeman_domain::version::{Rules, Scope, choose};
//! use lodeman_registry::{RegistryClient, RegistryError};
//!
//! async fn newer(registry: &dyn RegistryClient, image: &str) -> Result<Vec<String>, RegistryError> {
//!     let image: ImageReference = image.parse().expect("a valid reference");
//!     let Some(current) = image.effective_tag() else { return Ok(Vec::new()) };
//!     let list = registry.list_tags(image.repository()).await?;
//!     let rules = Rules { scope: Scope::Minor, ..Rules::default() };
//!     let choice = choose(&current, list.tags.iter(), &rules);
//!     Ok(choice.candidates.iter().map(|newer| newer.tag.to_string()).collect())
//! }
//! # use lodeman_registry::{blueprint::ImageBlueprint, fake::FakeRegistry};
//! # let registry = FakeRegistry::new();
//! # let image: ImageReference = "nginx".parse().unwrap();
//! # for tag in ["1.26.1", "1.26.2", "1.27.3", "1.27.3-alpine", "1.28.0-rc1", "2.0.0", "latest"] {
//! #     registry.push_image(image.repository(), &tag.parse().unwrap(), &ImageBlueprint::new(tag));
//! # }
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! assert_eq!(newer(&registry, "nginx:1.26.1").await?, ["1.27.3", "1.26.2"]);
//! # Ok::<(), RegistryError>(()) }).unwrap();
//! # }
//! ```

#[cfg(feature = "fake")]
pub mod blueprint;
pub mod check;
#[cfg(feature = "fake")]
pub mod contract;
mod credential;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod port;
mod quota;
mod remote;
mod session;

pub use credential::{RegistryCredential, RegistrySecret};
pub use error::RegistryError;
pub use port::RegistryClient;
pub use quota::{
    QuotaHealth, QuotaNotice, QuotaReset, QuotaSpent, RegistryQuota, RequestBudget, quota_health, reserve,
    with_reserve,
};
pub use remote::{IndexEntry, ManifestContent, RemoteImageConfig, RemoteManifest, TagList, TagOrDigest};
pub use session::ScanSession;
