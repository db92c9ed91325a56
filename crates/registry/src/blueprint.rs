//! Small, real images as bytes: what the fake keeps and what a test pushes to a real registry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a Docker manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Which of the two families of media types an image is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// The OCI image spec's.
    #[default]
    Oci,
    /// Docker's, schema 2.
    Docker,
}

/// What an image is to be. Images that differ in any part have different digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBlueprint {
    /// What it runs on.
    pub platform: Platform,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it says it was built.
    pub created: Option<Timestamp>,
    /// Its content: one file of this text.
    pub content: String,
    /// The media types it is written in.
    pub dialect: Dialect,
}

/// One object as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Digest of `bytes`.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'static str,
    /// The object itself.
    pub bytes: Vec<u8>,
}

/// An image as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// What it runs on.
    pub platform: Platform,
    /// Its only layer.
    pub layer: StoredObject,
    /// Its config.
    pub config: StoredObject,
    /// Its manifest.
    pub manifest: StoredObject,
}

/// The digest of `bytes`.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    let hex = Sha256::digest(bytes).iter().fold(String::from("sha256:"), |mut text, byte| {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    });
    hex.parse().unwrap_or_else(|_| unreachable!("64 hex digits after the algorithm are a digest"))
}

impl StoredObject {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { digest: digest_of(&bytes), media_type, bytes }
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

impl ImageBlueprint {
    /// An image for `linux/amd64` with this content and no labels.
    #[must_use]
    pub fn new(content: impl Into<String>) -> Self {
        let platform = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
        Self {
            platform,
            labels: BTreeMap::new(),
            created: None,
            content: content.into(),
            dialect: Dialect::Oci,
        }
    }

    /// The same for the platform written as `os/architecture[/variant]`.
    #[must_use]
    pub fn on(mut self, platform: &str) -> Self {
        let mut parts = platform.splitn(3, '/').map(str::to_owned);
        self.platform = Platform {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            variant: parts.next(),
        };
        self
    }

    /// The same with one more label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same in another dialect.
    #[must_use]
    pub fn in_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// The image's objects.
    #[must_use]
    pub fn build(&self) -> BuiltImage {
        let (layer_type, config_type, manifest_type) = match self.dialect {
            Dialect::Oci => (
                "application/vnd.oci.image.layer.v1.tar",
                "application/vnd.oci.image.config.v1+json",
                OCI_MANIFEST,
            ),
            Dialect::Docker => (
                "application/vnd.docker.image.rootfs.diff.tar",
                "application/vnd.docker.container.image.v1+json",
                DOCKER_MANIFEST,
            ),
        };
        let layer = StoredObject::new(layer_type, tar_of("content", self.content.as_bytes()));
        let mut config = json!({
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "config": { "Labels": self.labels },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
            "history": [{ "created_by": "lodeman" }],
        });
        if let Some(variant) = &self.platform.variant {
            config["variant"] = json!(variant);
        }
        if let Some(created) = self.created {
            config["created"] = json!(created.to_string());
        }
        let config = StoredObject::new(config_type, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        });
        let manifest = StoredObject::new(manifest_type, manifest.to_string().into_bytes());
        BuiltImage { platform: self.platform.clone(), layer, config, manifest }
    }
}

/// An index of `images`, in their order; with `attested` each is followed by the entry of an
/// attestation, as build tools add it.
#[must_use]
pub fn build_index(images: &[BuiltImage], attested: Option<&BuiltImage>, dialect: Dialect) -> StoredObject {
    let mut entries = Vec::new();
    for image in images {
        let mut entry = image.manifest.descriptor();
        entry["platform"] = json!(image.platform);
        entries.push(entry);
        if let Some(attestation) = attested {
            let mut entry = attestation.manifest.descriptor();
            entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
            entry["annotations"] = json!({
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image.manifest.digest,
            });
            entries.push(entry);
        }
    }
    let media_type = match dialect {
        Dialect::Oci => OCI_INDEX,
        Dialect::Docker => DOCKER_INDEX,
    };
    let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
    StoredObject::new(media_type, index.to_string().into_bytes())
}

/// A tar archive (POSIX ustar) of one file.
fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    fn put(header: &mut [u8; 512], at: usize, text: &str) {
        for (slot, byte) in header[at..].iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
    }
    let mut header = [0_u8; 512];
    put(&mut header, 0, name);
    put(&mut header, 100, "0000644\0");
    put(&mut header, 108, "0000000\0");
    put(&mut header, 116, "0000000\0");
    put(&mut header, 124, &format!("{:011o}\0", content.len()));
    put(&mut header, 136, "00000000000\0");
    put(&mut header, 148, "        ");
    put(&mut header, 156, "0");
    put(&mut header, 257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut header, 148, &format!("{sum:06o}\0 "));
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    // Padding to a whole block, then the two empty blocks that end an archive.
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_differ_only_in_platform_or_content_have_different_manifests() {
        let one = ImageBlueprint::new("a").build();
        assert_eq!(one, ImageBlueprint::new("a").build());
        assert_ne!(one.manifest.digest, ImageBlueprint::new("b").build().manifest.digest);
        let arm = ImageBlueprint::new("a").on("linux/arm64/v8").build();
        assert_ne!(one.manifest.digest, arm.manifest.digest);
        assert_eq!(one.layer.digest, arm.layer.digest);
    }

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        assert_eq!(
            digest_of(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
