//! Manifests and configs as they come over the wire, read into what the port tells.

use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use lodeman_registry::{IndexEntry, ManifestContent, RemoteImageConfig};
use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The four kinds of manifest that are understood.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The digest of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.parse().unwrap_or_else(|_| unreachable!("64 hex digits after the algorithm are a digest"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

/// What a manifest holds. The error says what is wrong with it, without quoting it.
pub(crate) fn read_manifest(body: &[u8]) -> Result<ManifestContent, String> {
    let shape: Shape = serde_json::from_slice(body).map_err(|error| not_json("the manifest", &error))?;
    if shape.schema_version == Some(1) {
        return Err("the manifest is of the long retired schema 1".to_owned());
    }
    let is_index = shape.manifests.is_some();
    let is_image = shape.config.is_some() || shape.layers.is_some();
    let fits = match shape.media_type.as_deref() {
        Some(OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE) => is_index,
        Some(OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE) => is_image,
        Some(_) => return Err("the manifest is of no kind that images have".to_owned()),
        None => true,
    };
    // One that could be read both ways means different things to different readers.
    if !fits || is_index == is_image {
        return Err("the manifest is neither clearly an index nor clearly an image".to_owned());
    }
    if is_index {
        let index: OciImageIndex =
            serde_json::from_slice(body).map_err(|error| not_json("the index", &error))?;
        return Ok(ManifestContent::Index { entries: index.manifests.iter().filter_map(entry).collect() });
    }
    let image: OciImageManifest =
        serde_json::from_slice(body).map_err(|error| not_json("the manifest", &error))?;
    let config = image.config.digest.parse();
    Ok(ManifestContent::Image { config: config.map_err(|_| "the config's digest is none".to_owned())? })
}

fn entry(written: &ImageIndexEntry) -> Option<IndexEntry> {
    let platform = written.platform.as_ref().map(|platform| Platform {
        os: platform.os.to_string(),
        architecture: platform.architecture.to_string(),
        variant: platform.variant.clone().filter(|variant| !variant.is_empty()),
    });
    let annotated =
        written.annotations.as_ref().is_some_and(|all| all.contains_key("vnd.docker.reference.type"));
    let nowhere = platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown");
    Some(IndexEntry { digest: written.digest.parse().ok()?, platform, attestation: annotated || nowhere })
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
    created: Option<String>,
    config: Option<ContainerConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerConfig {
    labels: Option<BTreeMap<String, String>>,
}

/// What a config says. The error says what is wrong with it, without quoting it.
pub(crate) fn read_config(body: &[u8]) -> Result<RemoteImageConfig, String> {
    let config: ImageConfig =
        serde_json::from_slice(body).map_err(|error| not_json("the image's config", &error))?;
    Ok(RemoteImageConfig {
        platform: Platform {
            // Some builders leave it out; images without one were always Linux's.
            os: if config.os.is_empty() { "linux".to_owned() } else { config.os },
            architecture: config.architecture,
            variant: config.variant.filter(|variant| !variant.is_empty()),
        },
        labels: config.config.and_then(|config| config.labels).unwrap_or_default(),
        created: config.created.and_then(|text| text.parse::<Timestamp>().ok()),
    })
}

/// serde's own message may quote what it found, so only the place is told.
fn not_json(what: &str, error: &serde_json::Error) -> String {
    format!("{what} does not parse at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_registry::blueprint::{Dialect, ImageBlueprint, build_index};

    #[test]
    fn both_dialects_are_read_with_their_platforms_and_attestations() {
        for dialect in [Dialect::Oci, Dialect::Docker] {
            let image = ImageBlueprint::new("a").on("linux/arm/v7").in_dialect(dialect).build();
            let expected = ManifestContent::Image { config: image.config.digest.clone() };
            assert_eq!(read_manifest(&image.manifest.bytes), Ok(expected));
            let attestation = ImageBlueprint::new("b").build();
            let index = build_index(std::slice::from_ref(&image), Some(&attestation), dialect);
            let Ok(ManifestContent::Index { entries }) = read_manifest(&index.bytes) else {
                panic!("an index")
            };
            assert_eq!(entries[0].platform.as_ref(), Some(&image.platform));
            assert_eq!((entries[0].attestation, entries[1].attestation), (false, true));
            assert_eq!(digest_of(&index.bytes), index.digest);
        }
    }

    #[test]
    fn what_is_no_manifest_is_named_and_not_quoted() {
        for (body, expected) in [
            ("<html>s3cret</html>", "line 1"),
            ("", "line 1"),
            ("[]", "line 1"),
            ("{}", "neither"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
            (r#"{"manifests":[],"config":{},"layers":[]}"#, "neither"),
            (r#"{"mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]}"#, "neither"),
            (r#"{"mediaType":"s3cret","config":{}}"#, "no kind"),
            (
                r#"{"schemaVersion":2,"config":{"mediaType":"s3cret","digest":"md5:1","size":1},"layers":[]}"#,
                "digest",
            ),
            (r#"{"schemaVersion":2,"manifests":"s3cret"}"#, "line 1"),
        ] {
            let error = read_manifest(body.as_bytes()).unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{body}: {error}");
        }
    }

    #[test]
    fn entries_of_other_algorithms_and_unknown_platforms_do_no_harm() {
        let digest = digest_of(b"x");
        let body = format!(
            r#"{{"schemaVersion":2,"manifests":[
                {{"mediaType":"x","size":1,"digest":"sha512:00"}},
                {{"mediaType":"x","size":1,"digest":"{digest}","platform":{{"os":"plan10","architecture":"q"}}}},
                {{"mediaType":"x","size":1,"digest":"{digest}"}}
            ]}}"#
        );
        let Ok(ManifestContent::Index { entries }) = read_manifest(body.as_bytes()) else {
            panic!("an index")
        };
        let named = entries[0].platform.as_ref().map(ToString::to_string);
        assert_eq!((entries.len(), named.as_deref()), (2, Some("plan10/q")));
        assert_eq!(entries[1].platform, None);
    }

    #[test]
    fn a_config_may_lack_almost_everything() {
        let config = read_config(br#"{"architecture":"amd64","created":"yesterday","config":null}"#).unwrap();
        assert_eq!(config.platform.to_string(), "linux/amd64");
        assert_eq!((config.labels.len(), config.created), (0, None));
        assert!(read_config(br#"{"config":{"Labels":{"a":1}}}"#).unwrap_err().contains("line 1"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_stumble(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            proptest::prop_assert!(read_manifest(&bytes).is_err());
            if let Ok(config) = read_config(&bytes) {
                proptest::prop_assert!(!config.platform.os.is_empty());
            }
        }
    }
}
