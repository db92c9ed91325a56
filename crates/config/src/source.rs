//! Reading the sources: which key is given which text, and where.

mod credentials;
mod environment;
mod file;

use std::path::Path;

use lodeman_domain::setting::{SettingSource, nearest};
use secrecy::{ExposeSecret, SecretString};

use crate::key::{CREDENTIALS, Key, variable_of};
use crate::load::ReadSecret;
use crate::problem::{Origin, Problem, shown};
use crate::registry::RegistryCredential;

/// A text for a key.
pub(crate) struct Given {
    pub key: Key,
    pub source: SettingSource,
    pub origin: Origin,
    /// Secrets are among these, so it shows nothing by itself.
    pub text: SecretString,
}

/// A list of accounts.
pub(crate) struct GivenCredentials {
    pub source: SettingSource,
    pub origin: Origin,
    pub list: Vec<RegistryCredential>,
}

/// What all sources say.
pub(crate) struct Collected<'a> {
    read_secret: &'a ReadSecret<'a>,
    pub values: Vec<Given>,
    pub credentials: Vec<GivenCredentials>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// No secret is longer, and a longer file was named by mistake.
const MAX_SECRET: usize = 64 * 1024;

impl<'a> Collected<'a> {
    pub fn new(read_secret: &'a ReadSecret<'a>) -> Self {
        let (values, credentials) = (Vec::new(), Vec::new());
        Self { read_secret, values, credentials, problems: Vec::new(), warnings: Vec::new() }
    }

    fn give(&mut self, key: Key, source: SettingSource, origin: Origin, text: impl Into<String>) {
        self.values.push(Given { key, source, origin, text: text.into().into() });
    }

    fn problem(&mut self, key: impl Into<String>, origin: Origin, message: impl Into<String>) {
        self.problems.push(Problem::new(key, origin, message));
    }

    fn warn(&mut self, key: impl Into<String>, origin: Origin, message: impl Into<String>) {
        self.warnings.push(Problem::new(key, origin, message));
    }

    /// Gives `key` what stands in the file at `path`.
    fn give_from_file(&mut self, key: Key, source: SettingSource, origin: Origin, path: &str) {
        if let Some(secret) = self.secret_from(key.name(), &origin, path) {
            self.values.push(Given { key, source, origin, text: secret });
        }
    }

    /// The secret in the file at `path`, without the line ends that editors leave behind.
    fn secret_from(&mut self, key: &str, origin: &Origin, path: &str) -> Option<SecretString> {
        let message = match (self.read_secret)(Path::new(path.trim())) {
            Ok(text) if text.len() > MAX_SECRET => "has more than 65536 bytes; that is no secret".to_owned(),
            Ok(text) => match text.trim_end_matches(['\r', '\n']) {
                "" => "is empty".to_owned(),
                secret => return Some(secret.to_owned().into()),
            },
            Err(error) => format!("cannot be read: {error}"),
        };
        self.problem(format!("{key}_file"), origin.clone(), format!("file `{}` {message}", shown(path)));
        None
    }

    /// What command-line flags say, by key.
    pub fn read_flags(&mut self, flags: &[(String, String)]) {
        for (name, text) in flags {
            let origin = Origin::Flag(shown(name));
            match Key::find(name) {
                Some(key) => self.give(key, SettingSource::Flag, origin, listed(key, text)),
                None => self.problem(shown(name), origin, unknown_key(name)),
            }
        }
    }

    /// Reports keys that are given more than one text by one kind of source.
    pub fn report_conflicts(&mut self) {
        let mut found = Vec::new();
        for (at, later) in self.values.iter().enumerate() {
            let same = |earlier: &&Given| {
                earlier.key.name() == later.key.name()
                    && earlier.source == later.source
                    && earlier.text.expose_secret() != later.text.expose_secret()
            };
            if let Some(earlier) = self.values[..at].iter().find(same) {
                let message = format!("is also given, with another value, by {}", earlier.origin);
                found.push(Problem::new(later.key.name(), later.origin.clone(), message));
            }
        }
        self.problems.append(&mut found);
    }
}

/// A list may be written with commas where lines are awkward.
fn listed(key: Key, text: &str) -> String {
    // A JSON array has commas of its own.
    let is_plain = !text.contains('\n') && !text.trim_start().starts_with("[\"");
    if key.is_list() && is_plain { text.replace(',', "\n") } else { text.to_owned() }
}

/// Every name that may stand in a file.
fn key_names() -> Vec<String> {
    let file_form = |key: &Key| key.has_file_form().then(|| format!("{}_file", key.name()));
    let mut names: Vec<_> = Key::all().filter_map(|key| file_form(&key)).collect();
    names.extend(Key::all().map(|key| key.name().to_owned()));
    names.push(CREDENTIALS.to_owned());
    names
}

fn unknown_key(name: &str) -> String {
    let names = key_names();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(meant) => format!("there is no such key; did you mean `{meant}`?"),
        None => "there is no such key".to_owned(),
    }
}

fn unknown_variable(name: &str) -> String {
    let names: Vec<_> = key_names().iter().map(|name| variable_of(name)).collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(meant) => format!("there is no such variable; did you mean `{meant}`?"),
        None => "there is no such variable".to_owned(),
    }
}
