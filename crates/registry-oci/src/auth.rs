//! Getting in: remembered challenges, and tokens that are used until they are almost over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use lodeman_registry::{RegistryCredential, RegistrySecret};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::challenge::Challenge;
use crate::credentials::Account;

/// The specification's life of a token whose service does not tell one.
const USUAL_LIFE: Duration = Duration::from_mins(1);
/// However long a token lives, a new one is fetched after this.
const LONGEST_LIFE: Duration = Duration::from_hours(12);
/// So many tokens are kept; a token is small, so this is about repositories.
const MOST_TOKENS: usize = 4096;

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    /// Where it may be shown: `host[:port]` with its scheme.
    pub(crate) origin: String,
    /// What it allows.
    pub(crate) scope: String,
    /// To whom it was given.
    pub(crate) account: Option<Account>,
}

/// A token and when it stops being used.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    pub(crate) use_until: Timestamp,
}

/// A place for one token. Who fetches one holds the lock, so that the others wait for it.
pub(crate) type TokenSlot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// What is remembered between requests.
#[derive(Debug, Default)]
pub(crate) struct AuthMemory {
    challenges: Mutex<HashMap<String, Challenge>>,
    tokens: Mutex<HashMap<TokenKey, TokenSlot>>,
}

impl AuthMemory {
    /// What `origin` asked for last, so that the next request need not be refused first.
    pub(crate) fn challenge(&self, origin: &str) -> Option<Challenge> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    pub(crate) fn remember(&self, origin: &str, challenge: Challenge) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        if challenges.len() >= MOST_TOKENS {
            challenges.clear();
        }
        challenges.insert(origin.to_owned(), challenge);
    }

    /// The place of the token for `key`.
    pub(crate) fn slot(&self, key: TokenKey, now: Timestamp) -> TokenSlot {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST_TOKENS {
            // One that is being fetched stays; its holder has the other reference.
            tokens.retain(|_, slot| {
                slot.try_lock().map_or(true, |token| token.as_ref().is_some_and(|t| t.is_good(now)))
            });
            if tokens.len() >= MOST_TOKENS {
                tokens.clear();
            }
        }
        Arc::clone(tokens.entry(key).or_default())
    }
}

impl Token {
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        now < self.use_until
    }

    /// The header that shows it. `None` if it holds what no header can.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        sensitive(format!("Bearer {}", self.value.expose_secret()))
    }
}

/// The answer of a token service (distribution's token specification; OAuth 2 names in parts).
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default, deserialize_with = "crate::credentials::optional_secret")]
    token: Option<SecretString>,
    #[serde(default, deserialize_with = "crate::credentials::optional_secret")]
    access_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Option<f64>,
}

/// The token in a token service's answer: `token`, else `access_token`; it is used for four fifths of
/// its life.
pub(crate) fn read_token(body: &[u8], now: Timestamp) -> Option<Token> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let filled = |token: Option<SecretString>| token.filter(|token| !token.expose_secret().is_empty());
    let value = filled(answer.token).or_else(|| filled(answer.access_token))?;
    let life = answer
        .expires_in
        .filter(|seconds| *seconds > 0.0)
        .map_or(USUAL_LIFE, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFE))
        .min(LONGEST_LIFE);
    let span = SignedDuration::try_from(life.mul_f64(0.8)).unwrap_or(SignedDuration::ZERO);
    let token = Token { value, use_until: now.saturating_add(span).unwrap_or(Timestamp::MAX) };
    token.header().is_some().then_some(token)
}

/// The scope to ask for: what the registry named if that is no more than pulling from a repository,
/// else pulling from this one.
pub(crate) fn pull_scope(asked: Option<&str>, path: &str) -> String {
    let just_pull = |scope: &&str| {
        let inner = scope.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull"));
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains([' ', ',', ':']))
    };
    asked.filter(just_pull).map_or_else(|| format!("repository:{path}:pull"), str::to_owned)
}

/// The header for name and password. `None` for an identity token, which is none.
pub(crate) fn basic_header(credential: &RegistryCredential) -> Option<HeaderValue> {
    let RegistrySecret::Password(password) = &credential.secret else { return None };
    let pair = SecretString::from(format!("{}:{}", credential.username, password.expose_secret()));
    sensitive(format!("Basic {}", STANDARD.encode(pair.expose_secret())))
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_read_under_either_name_and_used_for_four_fifths_of_its_life() {
        for (body, expected) in [
            (r#"{"token":"a","expires_in":300}"#, Some(("a", 240))),
            (r#"{"access_token":"b","expires_in":100,"issued_at":"x"}"#, Some(("b", 80))),
            (r#"{"token":"","access_token":"b"}"#, Some(("b", 48))),
            (r#"{"token":"a","access_token":"b","expires_in":0}"#, Some(("a", 48))),
            (r#"{"token":"a","expires_in":1e300}"#, Some(("a", 34560))),
            (r#"{"token":null,"access_token":"c","expires_in":10.5}"#, Some(("c", 8))),
            (r#"{"token":"line\nbreak"}"#, None),
            (r#"{"token":7}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            let token = read_token(body.as_bytes(), at(0));
            let found = token.as_ref().map(|t| (t.value.expose_secret(), t.use_until.as_second()));
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn no_more_than_pulling_is_ever_asked_for() {
        for (asked, expected) in [
            (None, "repository:a/b:pull"),
            (Some("repository:mirror/a/b:pull"), "repository:mirror/a/b:pull"),
            (Some("repository:a/b:pull,push"), "repository:a/b:pull"),
            (Some("repository:a/b:*"), "repository:a/b:pull"),
            (Some("registry:catalog:*"), "repository:a/b:pull"),
            (Some("repository:a/b:pull repository:c:pull"), "repository:a/b:pull"),
            (Some("repository::pull"), "repository:a/b:pull"),
        ] {
            assert_eq!(pull_scope(asked, "a/b"), expected, "{asked:?}");
        }
    }

    #[test]
    fn headers_with_secrets_do_not_show_them() {
        let token = read_token(br#"{"token":"s3cret"}"#, at(0)).unwrap();
        assert_eq!(format!("{:?}", token.header().unwrap()), "Sensitive");
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
