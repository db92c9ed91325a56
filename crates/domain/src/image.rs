//! Image references and platforms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, ParseDigestError};

/// The registry that an unqualified reference means.
pub const DOCKER_HUB: &str = "docker.io";

/// A tag, as in the OCI distribution spec: a letter, digit or `_`, then up to 127 of those, `.` or `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// The tag that a reference without one means.
pub const LATEST: &str = "latest";

impl Tag {
    /// The tag `latest`.
    #[must_use]
    pub fn latest() -> Self {
        Self(LATEST.to_owned())
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ok_first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let ok = |b: u8| ok_first(b) || matches!(b, b'.' | b'-');
        let bytes = text.as_bytes();
        if (1..=128).contains(&bytes.len()) && ok_first(bytes[0]) && bytes.iter().all(|b| ok(*b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseReferenceError::BadTag)
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = ParseReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository at a registry, in normal form: `docker.io` and `library/nginx`, never `nginx`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Repository {
    /// Host, with its port where one is given; `docker.io` for Docker Hub and its aliases.
    pub registry: String,
    /// Path within the registry, without slashes at its ends.
    pub path: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// An image reference: registry/repository:tag@digest, normalised, beside the name as the user wrote it.
///
/// Grammar: the reference grammar of the OCI distribution project. The first path segment is a host
/// when it contains a dot or a colon or is `localhost`; `library/` is added on Docker Hub only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
    written_name: String,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// Nothing is there.
    #[error("an image reference is empty")]
    Empty,
    /// Longer than 255 characters before tag and digest.
    #[error("an image name has at most 255 characters")]
    TooLong,
    /// The host part is not one.
    #[error("the registry in an image reference is a host name, with a port where needed")]
    BadRegistry,
    /// A path segment breaks the grammar.
    #[error(
        "a repository consists of lower-case letters and digits, with `.`, `_`, `__` or `-` between them, \
         in segments separated by `/`"
    )]
    BadRepository,
    /// The tag breaks the grammar.
    #[error("a tag has 1 to 128 letters, digits, `_`, `.` or `-` and starts with none of the last two")]
    BadTag,
    /// The digest is none.
    #[error("the digest in an image reference is malformed")]
    BadDigest(#[from] ParseDigestError),
    /// An image id where a reference is needed.
    #[error("this is an image id, not a reference")]
    ImageId,
}

impl ImageReference {
    /// The repository, in normal form.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, where one was written.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, where one was written.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The tag that is meant: the written one, else `latest` unless a digest was written.
    #[must_use]
    pub fn effective_tag(&self) -> Option<Tag> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(Tag::latest()),
        }
    }

    /// The name before tag and digest, spelled as the user spelled it.
    #[must_use]
    pub fn written_name(&self) -> &str {
        &self.written_name
    }

    /// The same name with `tag` and without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// The same name and tag, bound to `digest`.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// `repository@digest` in normal form, without a tag.
    #[must_use]
    pub fn at_digest(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.repository)
    }
}

fn is_host(segment: &str) -> bool {
    segment.contains(['.', ':']) || segment == "localhost"
}

fn valid_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port_ok = port.is_none_or(|p| !p.is_empty() && p.parse::<u16>().is_ok());
    if let Some(inner) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        return port_ok && inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    port_ok && name.split('.').all(label_ok)
}

fn valid_segment(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let alnum = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alnum(first) || !alnum(last) {
        return false;
    }
    // Separators between letters: one dot, one or two underscores, any number of dashes.
    bytes
        .split(alnum)
        .all(|run| matches!(run, [] | [b'.' | b'_'] | [b'_', b'_']) || run.iter().all(|b| *b == b'-'))
}

impl FromStr for ImageReference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use ParseReferenceError as E;
        if text.is_empty() {
            return Err(E::Empty);
        }
        if text.starts_with("sha256:") || text.parse::<crate::container::ContainerId>().is_ok() {
            return Err(E::ImageId);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let last_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[last_slash..].split_once(':') {
            Some((head, tag)) => (&rest[..last_slash + head.len()], Some(tag.parse::<Tag>()?)),
            None => (rest, None),
        };
        if name.len() > 255 {
            return Err(E::TooLong);
        }
        if name == "sha256" {
            // With any tag it would be an id.
            return Err(E::ImageId);
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (DOCKER_HUB, name),
        };
        if !valid_host(registry) {
            return Err(E::BadRegistry);
        }
        if !path.split('/').all(valid_segment) {
            return Err(E::BadRepository);
        }
        let registry = match registry.to_ascii_lowercase() {
            alias if matches!(alias.as_str(), "index.docker.io" | "registry-1.docker.io") => {
                DOCKER_HUB.to_owned()
            }
            other => other,
        };
        let path = if registry == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        // The engine counts what the short form stands for.
        if registry.len() + 1 + path.len() > 255 {
            return Err(E::TooLong);
        }
        Ok(Self { repository: Repository { registry, path }, tag, digest, written_name: name.to_owned() })
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ParseReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        reference.to_string()
    }
}

/// Spelled as the user spelled it.
impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written_name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// What an image runs on, as in the OCI image index: `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …, in Go's names.
    pub architecture: String,
    /// `v7`, `v8`, …, where the architecture has variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an image made for `offered` is the one for `self`. A missing variant means the
    /// architecture's usual one: `v8` of `arm64`, `v7` of `arm`.
    #[must_use]
    pub fn accepts(&self, offered: &Self) -> bool {
        let variant = |p: &Self| match (p.architecture.as_str(), p.variant.as_deref()) {
            ("arm64", None) => Some("v8".to_owned()),
            ("arm", None) => Some("v7".to_owned()),
            (_, v) => v.filter(|v| !v.is_empty()).map(str::to_owned),
        };
        self.os == offered.os
            && self.architecture == offered.architecture
            && variant(self) == variant(offered)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, Option<String>, bool) {
        let r: ImageReference = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        (
            r.repository.registry.clone(),
            r.repository.path.clone(),
            r.tag.as_ref().map(ToString::to_string),
            r.digest.is_some(),
        )
    }

    #[test]
    fn references_are_normalised_as_docker_does() {
        let d = format!("sha256:{}", "1f".repeat(32));
        for (text, host, path, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", None, false),
            ("nginx:1.27", "docker.io", "library/nginx", Some("1.27"), false),
            ("gitea/gitea:1.21", "docker.io", "gitea/gitea", Some("1.21"), false),
            ("docker.io/library/nginx", "docker.io", "library/nginx", None, false),
            ("docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("index.docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("Index.Docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("ghcr.io/o/app:v1", "ghcr.io", "o/app", Some("v1"), false),
            ("localhost:5000/app:v1", "localhost:5000", "app", Some("v1"), false),
            ("localhost/app", "localhost", "app", None, false),
            ("reg.example:443/a/b", "reg.example:443", "a/b", None, false),
            ("[::1]:5000/a", "[::1]:5000", "a", None, false),
            (&format!("nginx@{d}"), "docker.io", "library/nginx", None, true),
            (&format!("nginx:1.27@{d}"), "docker.io", "library/nginx", Some("1.27"), true),
        ] {
            assert_eq!(
                parts(text),
                (host.to_owned(), path.to_owned(), tag.map(str::to_owned), digest),
                "{text}"
            );
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), text, "spelling is kept");
        }
    }

    #[test]
    fn a_malformed_reference_names_its_bad_part() {
        use ParseReferenceError as E;
        for (text, why) in [
            ("", E::Empty),
            ("Nginx", E::BadRepository),
            ("a//b", E::BadRepository),
            ("/a", E::BadRepository),
            ("a/", E::BadRepository),
            ("a..b", E::BadRepository),
            ("--help", E::BadRepository),
            ("a:", E::BadTag),
            ("a:-x", E::BadTag),
            ("a:b c", E::BadTag),
            ("exa_mple.com/a", E::BadRegistry),
            ("host:99999/a", E::BadRegistry),
            ("a@sha256:12", E::BadDigest(ParseDigestError::BadHex)),
            (&"ab".repeat(32), E::ImageId),
            (&"a-b".repeat(80), E::TooLong),
            ("sha256", E::ImageId),
            ("sha256:1.2", E::ImageId),
        ] {
            assert_eq!(text.parse::<ImageReference>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_new_tag_keeps_the_users_spelling_and_drops_the_digest() {
        let d = format!("sha256:{}", "1f".repeat(32));
        let r: ImageReference = format!("nginx:1.27@{d}").parse().unwrap();
        assert_eq!(r.with_tag("1.28".parse().unwrap()).to_string(), "nginx:1.28");
    }

    #[test]
    fn platforms_match_with_their_usual_variant() {
        let p = |v: Option<&str>| Platform {
            os: "linux".into(),
            architecture: "arm64".into(),
            variant: v.map(str::to_owned),
        };
        assert!(p(None).accepts(&p(Some("v8"))));
        assert!(!p(None).accepts(&p(Some("v9"))));
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in "\\PC{0,80}") {
            if let Ok(r) = text.parse::<ImageReference>() {
                proptest::prop_assert_eq!(r.to_string().parse::<ImageReference>().unwrap(), r);
            }
        }
    }
}
