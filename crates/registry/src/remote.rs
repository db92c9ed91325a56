//! What a registry tells: manifests, configs and tag lists, reduced to what Lodeman decides on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{Platform, Tag};

/// Which manifest of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagOrDigest {
    /// The one a tag points to now.
    Tag(Tag),
    /// Exactly this one.
    Digest(Digest),
}

impl From<Tag> for TagOrDigest {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for TagOrDigest {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// As it stands in the path of a request.
impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A manifest and its own digest, which was computed over the bytes received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteManifest {
    /// Digest of the manifest's bytes.
    pub digest: Digest,
    /// What it holds.
    pub content: ManifestContent,
}

/// What a manifest holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestContent {
    /// An OCI image index or a Docker manifest list: one manifest per platform.
    Index {
        /// In the order of the index. Entries with a digest other than sha256 are left out.
        entries: Vec<IndexEntry>,
    },
    /// The manifest of one image.
    Image {
        /// Digest of the image's config, which is the image id on the classic store.
        config: Digest,
    },
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The manifest it points to.
    pub digest: Digest,
    /// What it runs on; absent where the index does not say.
    pub platform: Option<Platform>,
    /// Whether it describes another entry (provenance, bill of materials) and cannot be run.
    pub attestation: bool,
}

impl RemoteManifest {
    /// The entries of an index that can be run; none for a single image.
    pub fn runnable(&self) -> impl Iterator<Item = &IndexEntry> {
        let entries = match &self.content {
            ManifestContent::Index { entries } => entries.as_slice(),
            ManifestContent::Image { .. } => &[],
        };
        entries.iter().filter(|entry| !entry.attestation)
    }

    /// The entry of an index that an engine on `wanted` takes: the one made for exactly that
    /// platform, else the best older variant of the same architecture.
    #[must_use]
    pub fn entry_for(&self, wanted: &Platform) -> Option<&IndexEntry> {
        self.runnable()
            .filter_map(|entry| Some((fit(wanted, entry.platform.as_ref()?)?, entry)))
            .min_by_key(|(fit, _)| *fit)
            .map(|(_, entry)| entry)
    }
}

/// How well `offered` serves `wanted`: 0 exactly, more for older variants, `None` not at all.
///
/// An engine runs images of older variants of its own architecture (`arm/v6` on `arm/v7`), as
/// containerd's platform matching has it; it never runs newer ones.
pub(crate) fn fit(wanted: &Platform, offered: &Platform) -> Option<u32> {
    if wanted.accepts(offered) {
        return Some(0);
    }
    if wanted.os != offered.os || wanted.architecture != offered.architecture {
        return None;
    }
    let level = |platform: &Platform| {
        let usual = match platform.architecture.as_str() {
            "amd64" => 1,
            "arm" => 7,
            _ => return None,
        };
        match platform.variant.as_deref() {
            None | Some("") => Some(usual),
            Some(variant) => variant.strip_prefix('v')?.parse::<u32>().ok(),
        }
    };
    level(wanted)?.checked_sub(level(offered)?).map(|below| below.saturating_add(1))
}

/// The config of an image, as far as it says what the image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteImageConfig {
    /// What the image runs on.
    pub platform: Platform,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
    /// When it was built; absent or 1970 in reproducible builds.
    pub created: Option<Timestamp>,
}

impl RemoteImageConfig {
    /// The version the image gives itself: the annotation key `org.opencontainers.image.version` of
    /// the OCI image spec, used as a label.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.labels.get("org.opencontainers.image.version").map(String::as_str).filter(|v| !v.is_empty())
    }
}

/// The tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagList {
    /// In the registry's order, without repeats. Shared, because lists of ten thousands exist.
    pub tags: Arc<[Tag]>,
    /// Whether there are more than were read.
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        Platform { os: parts.next().unwrap(), architecture: parts.next().unwrap(), variant: parts.next() }
    }

    fn index(platforms: &[&str]) -> RemoteManifest {
        let digest = |n: usize| format!("sha256:{n:064x}").parse::<Digest>().unwrap();
        let entries = platforms.iter().enumerate().map(|(n, text)| IndexEntry {
            digest: digest(n),
            platform: Some(platform(text)),
            attestation: *text == "unknown/unknown",
        });
        RemoteManifest { digest: digest(999), content: ManifestContent::Index { entries: entries.collect() } }
    }

    #[test]
    fn an_engine_takes_its_own_variant_and_else_the_best_older_one() {
        for (wanted, offered, taken) in [
            ("linux/amd64", &["linux/arm64", "linux/amd64"][..], Some(1)),
            ("linux/amd64", &["linux/amd64/v3", "linux/amd64"], Some(1)),
            ("linux/amd64", &["linux/amd64/v2"], None),
            ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], Some(1)),
            ("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], Some(1)),
            ("linux/arm/v6", &["linux/arm/v7"], None),
            ("linux/arm64", &["linux/arm64/v8"], Some(0)),
            ("linux/arm64", &["linux/arm/v7"], None),
            ("linux/amd64", &["windows/amd64"], None),
            ("unknown/unknown", &["unknown/unknown"], None),
            ("linux/riscv64", &[], None),
        ] {
            let manifest = index(offered);
            let found = manifest.entry_for(&platform(wanted)).map(|entry| entry.digest.clone());
            let expected = taken.map(|n: usize| format!("sha256:{n:064x}").parse().unwrap());
            assert_eq!(found, expected, "{wanted} of {offered:?}");
        }
    }
}
