//! Accounts at registries, which are tables and not single values.

use std::collections::BTreeSet;

use lodeman_domain::setting::{SettingSource, nearest};
use secrecy::{ExposeSecret, SecretString};
use toml::{Table, Value};

use super::{Collected, GivenCredentials};
use crate::key::{CREDENTIALS, CREDENTIALS_ALLOWED};
use crate::problem::{Origin, shown};
use crate::registry::{RegistryCredential, WrittenCredential, parse_prefix};

const FIELDS: [&str; 4] = ["registry", "username", "password", "password_file"];

impl Collected<'_> {
    pub(super) fn read_credential_tables(&mut self, origin: &Origin, value: &Value) {
        let tables = value.as_array().and_then(|list| list.iter().map(Value::as_table).collect());
        let Some(tables): Option<Vec<&Table>> = tables else {
            self.problem(CREDENTIALS, origin.clone(), format!("allowed are {CREDENTIALS_ALLOWED}"));
            return;
        };
        let mut written = Vec::new();
        for (at, table) in tables.into_iter().enumerate() {
            let mut fields = [const { None }; 4];
            for (name, value) in table {
                let key = format!("{CREDENTIALS}[{at}].{}", shown(name));
                let field = FIELDS.iter().position(|field| field == name);
                match (field, value) {
                    (Some(field), Value::String(text)) => fields[field] = Some(text.clone()),
                    (Some(_), _) => self.problem(key, origin.clone(), "is no text"),
                    (None, _) => {
                        let message = match nearest(name, FIELDS) {
                            Some(meant) => format!("there is no such key; did you mean `{meant}`?"),
                            None => format!("there is no such key; allowed are {}", FIELDS.join(", ")),
                        };
                        self.problem(key, origin.clone(), message);
                    }
                }
            }
            let [registry, username, password, password_file] = fields;
            let (registry, username) = (registry.unwrap_or_default(), username.unwrap_or_default());
            written.push(WrittenCredential { registry, username, password, password_file });
        }
        self.give_credentials(SettingSource::File, origin, written);
    }

    pub(super) fn read_credential_json(&mut self, origin: &Origin, text: &str) {
        match serde_json::from_str::<Vec<WrittenCredential>>(text) {
            Ok(written) => self.give_credentials(SettingSource::Environment, origin, written),
            Err(error) => {
                // Its own words may quote the text.
                let place = format!("line {}, column {}", error.line(), error.column());
                let message = format!("is not understood at {place}; allowed are {CREDENTIALS_ALLOWED}");
                self.problem(CREDENTIALS, origin.clone(), message);
            }
        }
    }

    pub(super) fn read_credential_file(&mut self, origin: &Origin, path: &str) {
        if let Some(text) = self.secret_from(CREDENTIALS, origin, path) {
            self.read_credential_json(origin, text.expose_secret());
        }
    }

    fn give_credentials(&mut self, source: SettingSource, origin: &Origin, written: Vec<WrittenCredential>) {
        let mut list = Vec::new();
        let mut prefixes = BTreeSet::new();
        for (at, one) in written.into_iter().enumerate() {
            let key = |field: &str| format!("{CREDENTIALS}[{at}].{field}");
            let place = parse_prefix(&one.registry).map_err(|allowed| {
                let message = format!("is `{}`; {allowed}", shown(&one.registry));
                self.problem(key("registry"), origin.clone(), message);
            });
            if one.username.is_empty()
                || one.username.contains(':')
                || one.username.chars().any(char::is_control)
            {
                self.problem(key("username"), origin.clone(), "a user's name is not empty and has no `:`");
            }
            let password: Option<SecretString> = match (one.password, one.password_file) {
                (Some(password), None) if !password.is_empty() => Some(password.into()),
                (None, Some(path)) => self.secret_from(&key("password"), origin, &path),
                _ => {
                    let message = "exactly one of password and password_file is needed, and not an empty one";
                    self.problem(key("password"), origin.clone(), message);
                    None
                }
            };
            let (Ok((host, path)), Some(password)) = (place, password) else { continue };
            let credential = RegistryCredential { host, path, username: one.username, password };
            if !prefixes.insert(credential.prefix()) {
                let message = format!("there is already an account for `{}`", credential.prefix());
                self.problem(key("registry"), origin.clone(), message);
            }
            list.push(credential);
        }
        self.credentials.push(GivenCredentials { source, origin: origin.clone(), list });
    }
}
