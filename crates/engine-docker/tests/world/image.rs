//! Images `FROM scratch` with one static program in them, made here.

use lodeman_domain::image::Platform;
use lodeman_engine::contract::SampleImage;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// An image in its parts.
pub struct Built {
    pub config: Vec<u8>,
    pub layer: Vec<u8>,
}

pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_cksum();
        builder.append_data(&mut header, path, *content).expect("it is written to memory");
    }
    builder.into_inner().expect("it is written to memory")
}

/// An image whose `/bin/busybox` is the machine's, with this OCI `config`.
pub fn build(platform: &Platform, config: &Map<String, Value>) -> Built {
    let path = std::env::var("LODEMAN_TEST_BUSYBOX").unwrap_or_else(|_| "/bin/busybox".to_owned());
    let busybox = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{path}: {error}; install busybox-static or name one by LODEMAN_TEST_BUSYBOX")
    });
    let layer = archive(&[("bin/busybox", 0o755, &busybox)]);
    let config = json!({
        "architecture": platform.architecture, "os": platform.os, "config": config,
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
        "created": jiff::Timestamp::from_second(SampleImage::CREATED_SECONDS).expect("a time").to_string(),
        "history": [{ "created_by": "lodeman tests" }],
    });
    Built { config: config.to_string().into_bytes(), layer }
}

impl Built {
    /// The image as `docker load` takes it.
    pub fn for_load(&self, reference: &str) -> Vec<u8> {
        let name = digest(&self.config).replace("sha256:", "") + ".json";
        let manifest = json!([{ "Config": name, "RepoTags": [reference], "Layers": ["layer.tar"] }]);
        archive(&[
            (&name, 0o644, &self.config),
            ("layer.tar", 0o644, &self.layer),
            ("manifest.json", 0o644, manifest.to_string().as_bytes()),
        ])
    }

    /// The image's manifest as a registry takes it.
    pub fn manifest(&self) -> Value {
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        json!({
            "schemaVersion": 2, "mediaType": kind,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": self.config.len(), "digest": digest(&self.config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                "size": self.layer.len(), "digest": digest(&self.layer),
            }],
        })
    }
}

/// A file at the top of an archive.
pub fn one_file(name: &str, content: &str) -> Vec<u8> {
    archive(&[(name, 0o644, content.as_bytes())])
}

/// The one file of an archive.
pub fn read_one_file(bytes: &[u8]) -> Option<String> {
    use std::io::Read;
    let mut archive = tar::Archive::new(bytes);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let mut content = String::new();
    entry.read_to_string(&mut content).ok()?;
    Some(content)
}
