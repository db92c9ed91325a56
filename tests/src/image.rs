//! Images as bytes: a layer, a config, a manifest, made without an engine.

mod tar;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub use tar::{Archive, read_file};

/// Media type of a layer that is not compressed.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of an image's config.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One object of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its media type.
    pub media_type: &'static str,
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// Itself.
    pub bytes: Vec<u8>,
}

impl Object {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, digest: digest_of(&bytes), bytes }
    }

    fn json(media_type: &'static str, value: &Value) -> Self {
        Self::new(media_type, value.to_string().into_bytes())
    }

    /// How a manifest or an index names it.
    #[must_use]
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// The digest of `bytes`.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The machine's architecture, as images name it.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// An image to be made.
#[derive(Debug, Clone)]
pub struct Image {
    /// The OCI config's `config`: `Cmd`, `Env`, `Labels`, …
    pub config: Map<String, Value>,
    /// Its only layer.
    layer: Arc<Object>,
    /// Its architecture.
    pub architecture: String,
}

/// An image as a registry keeps it.
#[derive(Debug, Clone)]
pub struct Built {
    /// The layer.
    pub layer: Arc<Object>,
    /// The config.
    pub config: Object,
    /// The manifest.
    pub manifest: Object,
    /// Its architecture.
    pub architecture: String,
}

impl Image {
    /// An image whose only layer is `archive`.
    #[must_use]
    pub fn new(archive: Archive) -> Self {
        let layer = Arc::new(Object::new(LAYER, archive.finish()));
        Self { config: Map::new(), layer, architecture: architecture().to_owned() }
    }

    /// An image of this machine's static `busybox`, also as `/bin/sh`, with nothing else but the folders
    /// `/tmp` and `/data`.
    ///
    /// # Errors
    /// When this machine has no static busybox.
    pub fn busybox() -> Result<Self> {
        static MADE: OnceLock<Image> = OnceLock::new();
        if let Some(made) = MADE.get() {
            return Ok(made.clone());
        }
        // Only what was found is kept: what is missing now may be installed a moment later.
        let program = find_busybox()?;
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("bin/busybox", 0o755, &program);
        archive.link("bin/sh", "/bin/busybox");
        archive.folder("tmp");
        archive.folder("data");
        Ok(MADE.get_or_init(|| Self::new(archive)).clone())
    }

    /// The same with one more value in its config.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// The same with this program and these arguments.
    #[must_use]
    pub fn command(self, command: &[&str]) -> Self {
        self.with("Cmd", json!(command))
    }

    /// The same with a script of busybox's shell.
    #[must_use]
    pub fn script(self, script: &str) -> Self {
        self.command(&["/bin/busybox", "sh", "-c", script])
    }

    /// The same with one more variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let list = self.config.entry("Env").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!(format!("{name}={value}")));
        }
        self
    }

    /// The same with one more label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        let labels = self.config.entry("Labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(key.to_owned(), json!(value));
        }
        self
    }

    /// Makes it.
    #[must_use]
    pub fn build(&self) -> Built {
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": [self.layer.digest] },
        });
        let config = Object::json(CONFIG, &config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": [self.layer.descriptor()],
        });
        let manifest = Object::json(MANIFEST, &manifest);
        Built { layer: self.layer.clone(), config, manifest, architecture: self.architecture.clone() }
    }
}

/// An index of these images, and of an attestation beside each where asked.
#[must_use]
pub fn index(images: &[Built], attested: bool) -> Object {
    let mut entries = Vec::new();
    for image in images {
        let mut entry = image.manifest.descriptor();
        entry["platform"] = json!({ "os": "linux", "architecture": image.architecture });
        entries.push(entry);
        if attested {
            // Its blob need not be there: nobody who picks by platform asks for it.
            entries.push(json!({
                "mediaType": MANIFEST,
                "digest": digest_of(image.manifest.digest.as_bytes()),
                "size": 2,
                "platform": { "os": "unknown", "architecture": "unknown" },
                "annotations": {
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": image.manifest.digest,
                },
            }));
        }
    }
    Object::json(INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }))
}

fn find_busybox() -> Result<Vec<u8>> {
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
    let found = places
        .iter()
        .find(|place| place.exists())
        .context("there is no busybox to make sample images of: install the package busybox-static")?;
    let program = std::fs::read(found)?;
    // A program that needs a loader names it; an image from nothing has none.
    let dynamic = program.windows(9).any(|window| window == b"/ld-linux")
        || program.windows(7).any(|w| w == b"ld-musl");
    anyhow::ensure!(!dynamic, "{} is not static: install the package busybox-static", found.display());
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_image_has_the_same_digest_and_another_has_another() {
        let image = |version: &str| {
            let mut archive = Archive::default();
            archive.file("a", 0o644, b"text");
            Image::new(archive).command(&["/a"]).env("A", "1").label("version", version).build()
        };
        assert_eq!(image("1").manifest, image("1").manifest);
        assert_ne!(image("1").manifest.digest, image("2").manifest.digest);
        assert_eq!(image("1").layer.digest, image("2").layer.digest);
        let config: Value = serde_json::from_slice(&image("1").config.bytes).unwrap();
        assert_eq!(config["config"], json!({"Cmd": ["/a"], "Env": ["A=1"], "Labels": {"version": "1"}}));
    }

    #[test]
    fn an_index_names_each_platform_and_marks_attestations() {
        let image = Image::new(Archive::default());
        let other = Image { architecture: "s390x".to_owned(), ..image.clone() };
        let index: Value =
            serde_json::from_slice(&index(&[image.build(), other.build()], true).bytes).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        assert_eq!(entries.len(), 4);
        assert_eq!(entries[2]["platform"]["architecture"], "s390x");
        assert_eq!(entries[3]["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
    }
}
