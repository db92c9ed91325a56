//! The readers of what registries and Docker's client write, by themselves (feature `readers`).
//!
//! A client reaches them only behind a connection. Here they can be sent anything at all, so that a test
//! or a fuzzer can hold them to what they promise: an answer or a refusal for any input, no secret in a
//! message, no other host than the one that was asked.

use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::image::Repository;
use lodeman_registry::{ManifestContent, QuotaNotice, RegistryCredential, RemoteImageConfig};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

pub use crate::challenge::Challenge;

/// The challenge that is answered, of those in these `WWW-Authenticate` headers.
#[must_use]
pub fn challenge(headers: &[&str]) -> Option<Challenge> {
    crate::challenge::choose(headers.iter().copied())
}

/// The scope of the token that is fetched for the repository at `path`, where a challenge asked for `asked`.
#[must_use]
pub fn pull_scope(asked: Option<&str>, path: &str) -> String {
    crate::auth::pull_scope(asked, path)
}

/// The target of the `Link` headers' `rel="next"`, as written. What no header can hold is left out.
#[must_use]
pub fn next_link(headers: &[&str]) -> Option<String> {
    crate::headers::next_link(&map(headers.iter().map(|value| ("link", *value))))
}

/// The page of tags behind `page`, as these `Link` headers name it.
///
/// # Errors
/// When the link leads to another host, or is no address; also when `page` is none.
pub fn next_page(page: &str, headers: &[&str]) -> Result<Option<String>, &'static str> {
    let page: Url = page.parse().map_err(|_| "the page's own address is none")?;
    let headers = map(headers.iter().map(|value| ("link", *value)));
    Ok(crate::tags::linked_page(&page, &headers)?.map(String::from))
}

/// How long a `Retry-After` header asks to wait.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    crate::headers::retry_after(&map(std::iter::once(("retry-after", header))), now)
}

/// What these headers, names in lower case, say about a quota. What no header can hold is left out.
#[must_use]
pub fn quota_notice(headers: &[(&str, &str)], now: Timestamp) -> Option<QuotaNotice> {
    crate::headers::quota_notice(&map(headers.iter().copied()), now)
}

/// What a manifest or index holds.
///
/// # Errors
/// What is wrong with it, without quoting it.
pub fn manifest(body: &[u8]) -> Result<ManifestContent, String> {
    crate::manifest::read_manifest(body)
}

/// What an image's config says.
///
/// # Errors
/// What is wrong with it, without quoting it.
pub fn image_config(body: &[u8]) -> Result<RemoteImageConfig, String> {
    crate::manifest::read_config(body)
}

/// The token in a token service's answer, and until when it is used.
#[must_use]
pub fn token(body: &[u8], now: Timestamp) -> Option<(SecretString, Timestamp)> {
    let token = crate::auth::read_token(body, now)?;
    Some((SecretString::from(token.value.expose_secret()), token.use_until))
}

/// Where Docker's `config.json` has the credential for a repository.
#[derive(Debug)]
pub enum DockerCredential {
    /// In the file itself.
    Written(RegistryCredential),
    /// With a helper of this name, which may be no name of a program.
    Helper(String),
    /// Nowhere.
    Nowhere,
}

fn map<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pair = |(name, value): (&str, &str)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let mut map = HeaderMap::new();
    for (name, value) in pairs.filter_map(pair) {
        map.append(name, value);
    }
    map
}

/// Where a `config.json` has the credential for `repository`. No helper is run.
///
/// # Errors
/// What is wrong with it, without quoting it.
pub fn docker_credential(file: &[u8], repository: &Repository) -> Result<DockerCredential, String> {
    crate::credentials::written_in(file, repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_no_header_can_hold_are_left_out() {
        assert_eq!(next_link(&["\n", "</a>; rel=next"]).as_deref(), Some("/a"));
        assert_eq!(retry_after("\u{7f}", Timestamp::UNIX_EPOCH), None);
        assert_eq!(quota_notice(&[("no name", "1")], Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn a_page_leads_to_no_other_host() {
        let next = |link: &str| next_page("https://r.example/v2/a/tags/list", &[link]);
        assert_eq!(
            next("</v2/a/tags/list?last=b>; rel=next").unwrap().unwrap(),
            "https://r.example/v2/a/tags/list?last=b"
        );
        assert!(next("<https://other.example/x>; rel=next").is_err());
    }
}
