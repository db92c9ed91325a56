//! Docker's client configuration, `config.json`: `auths`, `credHelpers`, `credsStore`.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lodeman_domain::image::{DOCKER_HUB, Repository};
use lodeman_registry::{RegistryCredential, RegistryError, RegistrySecret};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Place;
use super::helper::{self, HelperAnswer};
use crate::config::{DockerConfigFile, normal_host};

/// A longer file is refused.
const LARGEST_BYTES: u64 = 1024 * 1024;
/// How long a helper's answer is used; it may hand out credentials that do not last.
const HELPER_ANSWER_LASTS: Duration = Duration::from_mins(5);

/// The file, read again whenever it changed.
#[derive(Debug)]
pub(super) struct DockerConfig {
    file: DockerConfigFile,
    helpers_in: Vec<PathBuf>,
    keep_for: Duration,
    read: Mutex<Option<(Option<SystemTime>, Arc<Contents>)>>,
    answers: Mutex<HashMap<(String, String), HelperSaid>>,
}

/// What a helper said, and when.
type HelperSaid = (Instant, Option<RegistryCredential>);

#[derive(Debug, Default)]
pub(super) struct Contents {
    auths: Vec<(Place, Entry)>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// Where the credential for a repository is.
pub(super) enum Source<'a> {
    Helper(&'a str),
    Entry(&'a Entry),
    Nothing,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Entry {
    #[serde(deserialize_with = "super::optional_secret")]
    auth: Option<SecretString>,
    username: Option<String>,
    #[serde(deserialize_with = "super::optional_secret")]
    password: Option<SecretString>,
    #[serde(deserialize_with = "super::optional_secret")]
    identitytoken: Option<SecretString>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(…)")
    }
}

impl DockerConfig {
    pub(super) fn new(file: DockerConfigFile) -> Self {
        let helpers_in = helper::search_path();
        Self {
            file,
            helpers_in,
            keep_for: HELPER_ANSWER_LASTS,
            read: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// As `docker pull` looks: the registry's own helper, an entry with content, the default store.
    pub(super) async fn find(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        let registry = &repository.registry;
        let failed = |reason: String| RegistryError::Credential { registry: registry.clone(), reason };
        let contents = self.contents().await.map_err(failed)?;
        match contents.source(repository) {
            Source::Helper(helper) => self.ask_helper(helper, registry).await.map_err(failed),
            Source::Entry(entry) => entry.credential(registry).map(Some).map_err(failed),
            Source::Nothing => Ok(None),
        }
    }

    /// The registries that the file has something for: a helper, or an entry, which `docker login` leaves
    /// behind also where the secret is in a store.
    pub(super) async fn registries(&self) -> Vec<String> {
        let Ok(contents) = self.contents().await else { return Vec::new() };
        let stored = contents.store.is_some();
        let entries = contents.auths.iter().filter(|(_, entry)| stored || !entry.is_empty());
        entries.map(|(place, _)| place.host.clone()).chain(contents.helpers.keys().cloned()).collect()
    }

    async fn contents(&self) -> Result<Arc<Contents>, String> {
        let path = &self.file.path;
        let changed = match tokio::fs::metadata(path).await {
            Ok(metadata) if metadata.len() > LARGEST_BYTES => {
                return Err(format!("{} is longer than {LARGEST_BYTES} bytes", path.display()));
            }
            Ok(metadata) => metadata.modified().ok(),
            Err(error) if error.kind() == ErrorKind::NotFound && !self.file.required => {
                return Ok(Arc::default());
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let mut read = self.read.lock().await;
        if let Some((of, contents)) = read.as_ref()
            && of.is_some()
            && *of == changed
        {
            return Ok(Arc::clone(contents));
        }
        let contents = Arc::new(read_file(path).await?);
        *read = Some((changed, Arc::clone(&contents)));
        Ok(contents)
    }

    async fn ask_helper(&self, helper: &str, registry: &str) -> Result<Option<RegistryCredential>, String> {
        let key = (helper.to_owned(), registry.to_owned());
        let mut answers = self.answers.lock().await;
        if let Some((since, credential)) = answers.get(&key)
            && since.elapsed() < self.keep_for
        {
            return Ok(credential.clone());
        }
        let server = if registry == DOCKER_HUB { "https://index.docker.io/v1/" } else { registry };
        let credential = match helper::get(helper, server, &self.helpers_in).await? {
            HelperAnswer::Nothing => None,
            // The name that stands for an identity token in the helpers' protocol.
            HelperAnswer::Found { username, secret } if username == "<token>" => Some(RegistryCredential {
                registry: registry.to_owned(),
                username: String::new(),
                secret: RegistrySecret::IdentityToken(secret),
            }),
            HelperAnswer::Found { username, secret } => Some(RegistryCredential {
                registry: registry.to_owned(),
                username,
                secret: RegistrySecret::Password(secret),
            }),
        };
        answers.insert(key, (Instant::now(), credential.clone()));
        Ok(credential)
    }
}

async fn read_file(path: &Path) -> Result<Contents, String> {
    let mut bytes = Vec::new();
    let opened = tokio::fs::File::open(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
    let read = opened.take(LARGEST_BYTES).read_to_end(&mut bytes).await;
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    // serde's own message may quote what stands in the file, so only the place is told.
    Contents::parse(&bytes).map_err(|error| {
        format!("{} is not valid at line {}, column {}", path.display(), error.line(), error.column())
    })
}

impl Contents {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let written: Written = serde_json::from_slice(bytes)?;
        Ok(Self {
            auths: written.auths.into_iter().map(|(key, entry)| (Place::parse(&key), entry)).collect(),
            helpers: written
                .cred_helpers
                .into_iter()
                .map(|(key, helper)| (normal_host(&Place::parse(&key).host), helper))
                .collect(),
            store: written.creds_store.filter(|store| !store.is_empty()),
        })
    }

    /// Where the credential for `repository` is.
    pub(super) fn source(&self, repository: &Repository) -> Source<'_> {
        if let Some(helper) = self.helpers.get(&repository.registry) {
            return Source::Helper(helper);
        }
        let fitting = self.auths.iter().filter_map(|(place, entry)| Some((place.fit(repository)?, entry)));
        let best = fitting.filter(|(_, entry)| !entry.is_empty()).max_by_key(|(fit, _)| *fit);
        match (best, &self.store) {
            (Some((_, entry)), _) => Source::Entry(entry),
            (None, Some(helper)) => Source::Helper(helper),
            (None, None) => Source::Nothing,
        }
    }
}

impl Entry {
    /// With a store configured, `docker login` leaves an empty entry behind.
    fn is_empty(&self) -> bool {
        use secrecy::ExposeSecret;
        let blank = |secret: &Option<SecretString>| {
            secret.as_ref().is_none_or(|secret| secret.expose_secret().is_empty())
        };
        blank(&self.auth) && blank(&self.password) && blank(&self.identitytoken)
    }

    pub(super) fn credential(&self, registry: &str) -> Result<RegistryCredential, String> {
        use secrecy::ExposeSecret;
        let registry = registry.to_owned();
        let filled = |secret: &Option<SecretString>| {
            secret.clone().filter(|secret| !secret.expose_secret().is_empty())
        };
        if let Some(token) = filled(&self.identitytoken) {
            let username = String::new();
            return Ok(RegistryCredential {
                registry,
                username,
                secret: RegistrySecret::IdentityToken(token),
            });
        }
        let (username, password) = match (filled(&self.auth), &self.username, filled(&self.password)) {
            (Some(auth), _, _) => decode(auth.expose_secret()).ok_or("an `auth` entry is not valid")?,
            (None, Some(username), Some(password)) => (username.clone(), password),
            _ => return Err("an entry has a password without a user".to_owned()),
        };
        Ok(RegistryCredential { registry, username, secret: RegistrySecret::Password(password) })
    }
}

/// `user:password` in base64.
fn decode(auth: &str) -> Option<(String, SecretString)> {
    let bytes = STANDARD.decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.trim_end_matches('\0').split_once(':')?;
    Some((username.to_owned(), SecretString::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_domain::image::ImageReference;
    use secrecy::ExposeSecret;

    async fn find(config: &DockerConfig, image: &str) -> Result<Option<(String, String)>, RegistryError> {
        let reference: ImageReference = image.parse().unwrap();
        let found = config.find(reference.repository()).await?;
        Ok(found.map(|credential| {
            let secret = match credential.secret {
                RegistrySecret::Password(secret) => secret.expose_secret().to_owned(),
                RegistrySecret::IdentityToken(secret) => format!("token {}", secret.expose_secret()),
            };
            (credential.username, secret)
        }))
    }

    fn file(content: &str) -> (tempfile::TempDir, DockerConfig) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, content).unwrap();
        (folder, DockerConfig::new(DockerConfigFile { path, required: true }))
    }

    #[tokio::test]
    async fn the_registries_with_something_in_the_file_are_told_without_asking_a_helper() {
        let (_folder, config) = file(
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YW5uOnB3"},"ghcr.io/team":{"auth":"YW5uOnB3"},
                "empty.example":{}},"credHelpers":{"helped.example":"no-such-helper"}}"#,
        );
        assert_eq!(config.registries().await, ["ghcr.io", "docker.io", "helped.example"]);
        let (_folder, config) = file("no JSON");
        assert_eq!(config.registries().await, [""; 0]);
    }

    #[tokio::test]
    async fn entries_are_read_in_every_form_that_docker_login_writes() {
        let (_folder, config) = file(
            r#"{"auths": {
                "https://index.docker.io/v1/": {"auth": "aHViOnA6dw=="},
                "ghcr.io": {"username": "ann", "password": "x"},
                "ghcr.io/team": {"auth": "dGVhbTp5"},
                "acr.example": {"auth": "MDA6", "identitytoken": "refresh"},
                "empty.example": {}, "broken.example": {"auth": "%%%"}
            }, "HttpHeaders": {"User-Agent": "x"}}"#,
        );
        let pair = |a: &str, b: &str| Ok(Some((a.to_owned(), b.to_owned())));
        assert_eq!(find(&config, "nginx").await, pair("hub", "p:w"));
        assert_eq!(find(&config, "ghcr.io/o/a").await, pair("ann", "x"));
        assert_eq!(find(&config, "ghcr.io/team/a").await, pair("team", "y"));
        assert_eq!(find(&config, "acr.example/a").await, pair("", "token refresh"));
        assert_eq!(find(&config, "empty.example/a").await, Ok(None));
        assert_eq!(find(&config, "quay.io/a").await, Ok(None));
        let error = find(&config, "broken.example/a").await.unwrap_err();
        assert_eq!(error.category(), "credential");
        assert!(!error.to_string().contains("%%%"), "{error}");
    }

    #[tokio::test]
    async fn helpers_are_asked_in_dockers_order_and_their_answers_are_kept_for_a_while() {
        // Answers with the server, and with how often it was asked.
        let (folder, _) = super::super::helper::tests::script(
            r#"read server; echo x >> "$0.log"; printf '{"Username":"<token>","Secret":"%s %s"}' \
               "$server" "$(grep -c x "$0.log")""#,
        );
        let (_file, mut config) = file(
            r#"{"auths": {"ghcr.io": {"auth": "YTpi"}, "quay.io": {}},
                "credHelpers": {"https://one.example": "test", "none.example": "absent"},
                "credsStore": "test"}"#,
        );
        config.helpers_in = vec![folder.path().to_owned()];
        let token = |text: &str| Ok(Some((String::new(), format!("token {text}"))));
        assert_eq!(find(&config, "one.example/a").await, token("one.example 1"));
        assert_eq!(find(&config, "one.example/b").await, token("one.example 1"), "kept");
        assert_eq!(find(&config, "ghcr.io/a/b").await, Ok(Some(("a".into(), "b".into()))));
        assert_eq!(find(&config, "quay.io/a/b").await, token("quay.io 2"), "an empty entry");
        assert_eq!(find(&config, "nginx").await, token("https://index.docker.io/v1/ 3"));
        let error = find(&config, "none.example/a").await.unwrap_err();
        assert!(error.to_string().contains("`docker-credential-absent` is not on the path"), "{error}");
        config.keep_for = Duration::ZERO;
        assert_eq!(find(&config, "one.example/a").await, token("one.example 4"));
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again() {
        let (folder, config) = file(r#"{"auths": {}}"#);
        assert_eq!(find(&config, "ghcr.io/a/b").await, Ok(None));
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}}"#).unwrap();
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(find(&config, "ghcr.io/a/b").await, Ok(Some(("a".into(), "b".into()))));
    }

    #[tokio::test]
    async fn a_broken_or_missing_file_is_told_without_its_content() {
        let (_folder, config) = file(r#"{"auths": {"ghcr.io": {"auth": ["s3cret"]}}}"#);
        let error = find(&config, "ghcr.io/a/b").await.unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("s3cret"), "{error}");
        let missing = |required| {
            let path = "/nonexistent/lodeman/config.json".into();
            DockerConfig::new(DockerConfigFile { path, required })
        };
        assert_eq!(find(&missing(true), "ghcr.io/a/b").await.unwrap_err().category(), "credential");
        assert_eq!(find(&missing(false), "ghcr.io/a/b").await, Ok(None));
    }
}
