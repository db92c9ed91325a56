//! The configuration of this process: file, environment, flags.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use lodeman_config::{Config, ConfigError, Sources};

use crate::cli::Global;
use crate::exit::{Exit, Failure};

/// The file that is read where none is named.
const USUAL_FILE: &str = "/etc/lodeman/lodeman.toml";
/// The variable that names the file.
const FILE_VARIABLE: &str = "LODEMAN_CONFIG";
/// The longest configuration file, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;
/// The longest file that the configuration names (secrets, root certificates), in bytes; a little more
/// than what is accepted.
const LONGEST_SECRET: u64 = 640 * 1024;

/// Why there is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read.
    File(Failure),
    /// What the sources say cannot be used.
    Content(ConfigError),
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::File(failure) => failure,
            LoadError::Content(error) => Self::new(Exit::Usage, error.to_string()),
        }
    }
}

/// The configuration that this process is given.
///
/// # Errors
/// [`LoadError`] with everything that is wrong.
pub fn load(global: &Global) -> Result<Config, LoadError> {
    load_with(global, variables(std::env::vars_os()))
}

fn load_with(global: &Global, env: Vec<(String, String)>) -> Result<Config, LoadError> {
    let file = read_file(global.config.as_deref(), &env).map_err(LoadError::File)?;
    let mut flags = global.set.clone();
    if let Some(directory) = &global.data_dir {
        flags.push(("server.data_dir".to_owned(), absolute(directory).map_err(LoadError::File)?));
    }
    let sources = Sources {
        file,
        env,
        flags,
        system_time_zone: TimeZone::try_system().ok().and_then(|zone| zone.iana_name().map(str::to_owned)),
        read_secret: &read_secret,
    };
    Config::load(&sources).map_err(LoadError::Content)
}

/// The environment; a variable that is no text cannot be one of ours.
fn variables(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

fn read_file(named: Option<&Path>, env: &[(String, String)]) -> Result<Option<(PathBuf, String)>, Failure> {
    let variable = env.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
    let named = named.map(Path::to_path_buf).or_else(|| variable.map(|(_, path)| PathBuf::from(path)));
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| PathBuf::from(USUAL_FILE));
    match read_bounded(&path, LONGEST_FILE) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => {
            let message = format!("the configuration file `{}` cannot be read: {error}", path.display());
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

/// The text of a file that holds a secret.
pub fn read_secret(path: &Path) -> io::Result<String> {
    read_bounded(path, LONGEST_SECRET)
}

fn read_bounded(path: &Path, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(longest + 1).read_to_string(&mut text)?;
    if read as u64 > longest {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {longest} bytes")));
    }
    Ok(text)
}

fn absolute(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let absolute = std::path::absolute(path).map_err(|error| {
        Failure::new(Exit::Usage, format!("--data-dir `{shown}` cannot be used: {error}"))
    })?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|_| Failure::new(Exit::Usage, format!("--data-dir `{shown}` is no UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn global(arguments: &[&str]) -> Global {
        crate::cli::Cli::try_parse_from([&["lodeman"], arguments].concat()).unwrap().global
    }

    #[test]
    fn flags_stand_above_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lodeman.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\ndata_dir = \"/a\"\n").unwrap();
        let config =
            load_with(&global(&["--config", file.to_str().unwrap(), "--data-dir", "/b"]), Vec::new())
                .unwrap();
        assert_eq!(config.server.data_dir, Path::new("/b"));
        assert_eq!(config.server.listen.port(), 1);
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let failure = Failure::from(
            load_with(&global(&["--config", "/nowhere/lodeman.toml"]), Vec::new()).unwrap_err(),
        );
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("`/nowhere/lodeman.toml` cannot be read"), "{failure}");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let flags = ["--set", "log.level=loud", "--set", "server.listen=nowhere"];
        let failure = Failure::from(load_with(&global(&flags), Vec::new()).unwrap_err());
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("log.level (command line)"), "{failure}");
        assert!(failure.message.contains("server.listen (command line)"), "{failure}");
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        let error = read_secret(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
