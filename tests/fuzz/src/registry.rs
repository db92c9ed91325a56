//! What registries send, and what Docker's client keeps about them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::{SignedDuration, Timestamp};
use lodeman_domain::image::{ImageReference, Platform};
use lodeman_registry::{ManifestContent, QuotaReset, RegistryCredential, RegistrySecret, RemoteManifest};
use lodeman_registry_oci::readers::{self, Challenge, DockerCredential};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::input::{instant, parts, text};

/// The instant at which an answer comes.
fn now() -> Timestamp {
    instant("1700000000")
}

/// The page of tags whose `Link` is read.
const PAGE: &str = "https://registry.example:5000/v2/team/app/tags/list?n=100";

/// `WWW-Authenticate` headers, one a line. What is answered can be written again and is then answered in
/// the same way; a token is only ever for pulling.
pub(crate) fn challenge(input: &[u8]) {
    let text = text(input);
    let headers: Vec<&str> = text.lines().collect();
    let Some(found) = readers::challenge(&headers) else { return };
    let Challenge::Bearer { realm, service, scope } = &found else { return };
    assert!(!realm.is_empty());
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let parameter = |key: &str, value: &Option<String>| {
        value.as_ref().map_or_else(String::new, |value| format!(",{key}={}", quoted(value)))
    };
    let (named, asked) = (parameter("service", service), parameter("scope", scope));
    let written = format!("Bearer realm={}{named}{asked}", quoted(realm));
    // Quoting makes it longer, and longer ones than 8 KiB are not read.
    if written.len() <= 8 * 1024 {
        assert_eq!(readers::challenge(&[&written]).as_ref(), Some(&found), "it is read as it is written");
        let with_basic = ["Basic realm=\"x\"", &written];
        assert_eq!(readers::challenge(&with_basic).as_ref(), Some(&found), "a token comes before a password");
    }
    let asked = readers::pull_scope(scope.as_deref(), "team/app");
    let inner = asked.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull"));
    assert!(inner.is_some_and(|inner| !inner.is_empty() && !inner.contains([' ', ',', ':'])), "{asked}");
}

/// Headers, one a line: a `Link`, a wait, a quota. The next page is with the same host; numbers are those
/// that were written.
pub(crate) fn headers(input: &[u8]) {
    let text = text(input);
    let lines: Vec<&str> = text.lines().collect();
    if let Some(link) = readers::next_link(&lines) {
        assert!(lines.iter().any(|line| line.contains(&link)), "it stands in a header");
        let alone = format!("<{link}>; rel=\"next\"");
        assert_eq!(readers::next_link(&[&alone]), Some(link), "it is read as it is written");
    }
    if let Ok(Some(page)) = readers::next_page(PAGE, &lines) {
        assert!(page.starts_with("https://registry.example:5000/"), "{page}");
    }
    for line in &lines {
        if let Some(wait) = readers::retry_after(line, now()) {
            let number = line.trim().parse::<u64>();
            assert!(number.is_err() || number == Ok(wait.as_secs()), "a number means seconds");
        }
    }
    let pairs: Vec<(&str, &str)> = lines.iter().filter_map(|line| line.split_once(": ")).collect();
    if let Some(notice) = readers::quota_notice(&pairs, now()) {
        for number in [notice.limit, notice.remaining] {
            let stands = pairs.iter().any(|(_, value)| {
                value.split([';', ',']).next().and_then(|first| first.trim().parse().ok()) == Some(number)
            });
            assert!(stands, "{number} stands in a header");
        }
        if let QuotaReset::Window(window) = notice.reset {
            assert!(!window.is_zero());
        }
    }
}

/// A manifest, an index, an image's config, or a token. How it is spaced does not matter, a platform gets an
/// entry that is made for it, and a token is not used for ever.
pub(crate) fn manifest(input: &[u8]) {
    // What nobody reads may be no text, and then it is no JSON for others.
    let respaced = || -> Option<Vec<u8>> {
        let value: Value = serde_json::from_slice(input).ok()?;
        serde_json::to_vec_pretty(&value).ok()
    };
    if let Ok(content) = readers::manifest(input) {
        if let Some(again) = respaced() {
            assert_eq!(readers::manifest(&again).as_ref(), Ok(&content), "spaces do not matter");
        }
        let digest = format!("sha256:{}", "0".repeat(64)).parse().expect("a digest");
        let manifest = RemoteManifest { digest, content };
        let platforms = manifest.runnable().filter_map(|entry| entry.platform.clone());
        let amd64 = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None };
        for wanted in platforms.chain([amd64]) {
            let Some(entry) = manifest.entry_for(&wanted) else { continue };
            let offered = entry.platform.as_ref().expect("it says what it runs on");
            assert!(!entry.attestation && offered.os == wanted.os);
            assert_eq!(offered.architecture, wanted.architecture, "it runs there");
        }
        if let ManifestContent::Image { .. } = manifest.content {
            assert_eq!(manifest.runnable().count(), 0);
        }
    }
    if let Ok(config) = readers::image_config(input) {
        if let Some(again) = respaced() {
            assert_eq!(readers::image_config(&again).as_ref(), Ok(&config), "spaces do not matter");
        }
        assert!(!config.platform.os.is_empty() && config.version().is_none_or(|version| !version.is_empty()));
    }
    if let Some((token, until)) = readers::token(input, now()) {
        assert!(!token.expose_secret().is_empty() && !token.expose_secret().contains(['\r', '\n']));
        let longest = now() + SignedDuration::from_hours(12);
        assert!(until >= now() && until <= longest, "{until}");
    }
}

fn told(credential: &RegistryCredential) -> (String, String, String, bool) {
    let (secret, is_token) = match &credential.secret {
        RegistrySecret::Password(secret) => (secret, false),
        RegistrySecret::IdentityToken(secret) => (secret, true),
    };
    let secret = secret.expose_secret().to_owned();
    (credential.registry.clone(), credential.username.clone(), secret, is_token)
}

/// An image, then Docker's `config.json`. A credential is for the image's own registry, and can be written
/// and found again.
pub(crate) fn docker_config(input: &[u8]) {
    let split = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let image = text(&input[..split]);
    let ([image], _) = parts::<1>(&image);
    let Ok(image) = image.parse::<ImageReference>() else { return };
    let file = &input[input.len().min(split + 1)..];
    let Ok(found) = readers::docker_credential(file, image.repository()) else { return };
    let DockerCredential::Written(credential) = found else { return };
    let Ok(value) = serde_json::from_slice::<Value>(file) else { return };
    assert_eq!(credential.registry, image.repository().registry, "it goes to no other registry");
    let again = readers::docker_credential(value.to_string().as_bytes(), image.repository());
    let Ok(DockerCredential::Written(again)) = again else { panic!("spaces do not matter") };
    assert_eq!(told(&again), told(&credential));

    let header = URL_SAFE.decode(credential.engine_header().expose_secret()).expect("base64");
    let header: Value = serde_json::from_slice(&header).expect("the engine is shown JSON");
    let (registry, username, secret, is_token) = told(&credential);
    assert_eq!(header[if is_token { "identitytoken" } else { "password" }], secret);
    let entry = if is_token {
        json!({ "identitytoken": secret })
    } else if username.contains(':') || secret.ends_with('\0') {
        // Such a pair cannot be told apart again once it is one text.
        return;
    } else {
        json!({ "auth": STANDARD.encode(format!("{username}:{secret}")) })
    };
    let written = json!({ "auths": { &registry: entry } }).to_string();
    let Ok(DockerCredential::Written(read)) =
        readers::docker_credential(written.as_bytes(), image.repository())
    else {
        panic!("what is written is found")
    };
    assert_eq!(told(&read), told(&credential));
}
