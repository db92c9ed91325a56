//! The configuration file.

use lodeman_domain::setting::SettingSource;
use toml::{Table, Value};

use super::{Collected, unknown_key};
use crate::key::{CREDENTIALS, Key};
use crate::problem::{Origin, shown};

const MAX_FILE: usize = 1024 * 1024;

impl Collected<'_> {
    /// What the configuration file says.
    pub fn read_file(&mut self, path: &str, text: &str) {
        let origin = Origin::File(shown(path));
        if text.len() > MAX_FILE {
            self.problem("file", origin, "has more than 1 MiB; that is no configuration");
            return;
        }
        match text.parse::<Table>() {
            Ok(table) => table.iter().for_each(|(section, value)| self.read_section(&origin, section, value)),
            Err(error) => {
                // The error's own text quotes lines of the file, and those may hold secrets.
                let line = error.span().map_or(1, |span| {
                    text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
                });
                self.problem("file", origin, format!("line {line} is no TOML: {}", shown(error.message())));
            }
        }
    }

    fn read_section(&mut self, origin: &Origin, section: &str, value: &Value) {
        let Value::Table(keys) = value else {
            self.problem(shown(section), origin.clone(), "keys stand in sections, such as [server]");
            return;
        };
        for (name, value) in keys {
            let full = format!("{section}.{name}");
            if full == CREDENTIALS {
                self.read_credential_tables(origin, value);
            } else if let Some(key) = Key::find(&full) {
                match text_of(key, value) {
                    Ok(text) => self.give(key, SettingSource::File, origin.clone(), text),
                    Err(found) => {
                        let message = format!("is {found}; allowed is {}", key.allowed());
                        self.problem(full, origin.clone(), message);
                    }
                }
            } else if let Some(key) =
                full.strip_suffix("_file").and_then(Key::find).filter(|k| k.has_file_form())
            {
                match value {
                    Value::String(path) => {
                        self.give_from_file(key, SettingSource::File, origin.clone(), path);
                    }
                    _ => self.problem(full, origin.clone(), "is no text; allowed is the path of a file"),
                }
            } else {
                let message = unknown_key(&full);
                self.problem(shown(&full), origin.clone(), message);
            }
        }
    }
}

/// A value as text; on error what it is instead.
fn text_of(key: Key, value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Array(items) if key.is_list() => {
            let line = |item: &Value| match item {
                Value::String(text) if !text.contains('\n') => Ok(text.clone()),
                _ => Err("a list with something other than text in it"),
            };
            Ok(items.iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n"))
        }
        Value::Float(_) => Err("a broken number"),
        Value::Datetime(_) => Err("a date"),
        Value::Array(_) => Err("a list"),
        Value::Table(_) => Err("a table"),
    }
}
