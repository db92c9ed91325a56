//! What the tests of loading share.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use lodeman_config::{Config, ConfigError, Sources};

pub fn no_file(path: &Path) -> io::Result<String> {
    match path.to_str() {
        Some("/run/secrets/password") => Ok("correct horse\n".to_owned()),
        Some("/run/secrets/accounts") => {
            Ok(r#"[{"registry": "quay.io", "username": "u", "password": "CANARY"}]"#.to_owned())
        }
        Some("/etc/lan.pem") => {
            Ok("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n".to_owned())
        }
        Some("/etc/key.pem") => {
            Ok("-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n".to_owned())
        }
        Some("/run/secrets/empty") => Ok("\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

pub fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

pub fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Sources {
        file: (!file.is_empty()).then(|| ("/etc/lodeman.toml".into(), file.to_owned())),
        env: pairs(env),
        flags: pairs(flags),
        system_time_zone: None,
        read_secret: &no_file,
    })
}

pub fn good(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Config {
    load(file, env, flags).unwrap_or_else(|error| panic!("{error}"))
}

pub fn stored(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs(list).into_iter().collect()
}

pub fn value(config: &Config, key: &str) -> String {
    let rows = config.explain();
    rows.into_iter().find(|row| row.key == key).unwrap_or_else(|| panic!("{key}")).value
}
