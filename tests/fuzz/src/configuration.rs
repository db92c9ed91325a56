//! The configuration: a file, the environment, flags.

use std::io;
use std::path::{Path, PathBuf};

use lodeman_config::{Config, Sources, key_infos};

use crate::input::text;

/// What every secret is replaced by, to see where it appears.
const SECRET: &str = "Q7zKx9Vw3Lm5Tn8R-Q7zKx9Vw3Lm5Tn8R";

fn read_secret(path: &Path) -> io::Result<String> {
    if path.as_os_str().len().is_multiple_of(3) {
        Err(io::ErrorKind::NotFound.into())
    } else {
        Ok(format!("{SECRET}\n"))
    }
}

/// Lines of TOML, then behind a line `%%env` variables, then behind a line `%%flags` keys, each with `=`.
/// All mistakes are told, no secret is, and what is in force can be given back as flags and is in force.
pub(crate) fn config(input: &[u8]) {
    let text = text(input);
    let (file, rest) = text.split_once("%%env\n").unwrap_or((&text, ""));
    let (env, flags) = rest.split_once("%%flags\n").unwrap_or((rest, ""));
    let pairs = |lines: &str| -> Vec<(String, String)> {
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let keys = key_infos();
    let is_secret = |name: &str| {
        let own = keys.iter().any(|info| info.secret && (info.variable == name || info.key == name));
        own || name.contains("PASSWORD") || name.contains("SECRET") || name.contains("TOKEN")
    };
    let hide = |pairs: Vec<(String, String)>| -> Vec<(String, String)> {
        let hidden = |(name, value): (String, String)| {
            let value = if is_secret(&name) && !name.ends_with("_FILE") { SECRET.to_owned() } else { value };
            (name, value)
        };
        pairs.into_iter().map(hidden).collect()
    };
    let sources = Sources {
        file: Some((PathBuf::from("lodeman.toml"), file.to_owned())),
        env: hide(pairs(env)),
        flags: hide(pairs(flags)),
        system_time_zone: None,
        read_secret: &read_secret,
    };
    let config = match Config::load(&sources) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.problems.is_empty(), "a refusal has a reason");
            let told = format!("{error} {error:?} {:?}", error.warnings);
            assert!(!told.contains(SECRET), "no secret is told: {told}");
            let again = Config::load(&sources).expect_err("a mistake stays one");
            assert_eq!(again, error);
            return;
        }
    };
    let rows = config.explain();
    let told = format!("{rows:?} {:?} {config:?}", config.warnings);
    assert!(!told.contains(SECRET), "no secret is told");

    let plain = |row: &&lodeman_config::EffectiveKey| {
        !row.value.is_empty() && keys.iter().any(|info| info.key == row.key && !info.secret)
    };
    let values: Vec<(String, String)> =
        rows.iter().filter(plain).map(|row| (row.key.to_owned(), row.value.clone())).collect();
    let given = Sources {
        file: None,
        env: Vec::new(),
        flags: values.clone(),
        system_time_zone: None,
        read_secret: &read_secret,
    };
    let again = Config::load(&given).unwrap_or_else(|error| panic!("what is in force is allowed: {error}"));
    let rows = again.explain();
    for (key, value) in values {
        let row = rows.iter().find(|row| row.key == key).expect("every key is explained");
        assert_eq!(row.value, value, "{key} is what it was");
    }
}
