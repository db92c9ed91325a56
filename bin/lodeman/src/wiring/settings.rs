//! The settings in force: what is configured, with the stored ones on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use lodeman_config::Config;
use lodeman_domain::setting::{SettingSource, SettingSpec, Settings};
use lodeman_store::Store;
use lodeman_updater::app::{LiveSettings, SettingsBook};
use lodeman_updater::control::FieldProblem;

use crate::exit::Failure;

/// The settings in force, as they change. What of the stored ones cannot be used is told in the log.
///
/// # Errors
/// [`Failure`] when the stored ones cannot be read.
pub async fn live(config: &Config, store: &dyn Store) -> Result<LiveSettings, Failure> {
    let live = LiveSettings::new(Arc::new(Configured(config.clone())));
    let read = live.reload(store).await;
    read.map_err(|error| Failure::because("the stored settings cannot be read", &error))?;
    Ok(live)
}

struct Configured(Config);

impl SettingsBook for Configured {
    fn in_force(&self, stored: &BTreeMap<String, String>) -> (Settings, Vec<FieldProblem>) {
        let (settings, problems) = self.0.settings(stored);
        let problem =
            |problem: lodeman_config::Problem| FieldProblem { message: problem.message, field: problem.key };
        (settings, problems.into_iter().map(problem).collect())
    }

    fn origin(&self, spec: &SettingSpec) -> (SettingSource, String) {
        let (source, origin) = self.0.origin(spec.config_key);
        (source, origin.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_config::Sources;
    use lodeman_store::Write;
    use lodeman_store::fake::MemoryStore;
    use std::time::Duration;

    fn config(toml: &str, flags: &[(&str, &str)]) -> Config {
        let sources = Sources {
            file: Some(("/etc/lodeman.toml".into(), toml.to_owned())),
            env: Vec::new(),
            flags: flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            system_time_zone: None,
            read_secret: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        Config::load(&sources).unwrap()
    }

    #[tokio::test]
    async fn a_stored_setting_lies_between_the_file_and_a_flag() {
        let toml = "[updates]\nsoak = \"1m\"\ngrace_period = \"1s\"\npaused = true";
        let config = config(toml, &[("updates.grace_period", "2s")]);
        let store = MemoryStore::new();
        let put = |key: &str, value: &str| Write::PutSetting { key: key.into(), value: value.into() };
        store.commit(vec![put("soak", "3m"), put("grace_period", "4s")]).await.unwrap();
        let live = live(&config, &store).await.unwrap();
        let settings = live.now();
        assert_eq!(settings.soak, Duration::from_mins(3));
        assert_eq!(settings.grace_period, Duration::from_secs(2));
        assert!(settings.paused);
    }

    #[tokio::test]
    async fn a_stored_restriction_that_cannot_be_read_fails_closed_and_is_told() {
        let store = MemoryStore::new();
        let broken = Write::PutSetting { key: "include".into(), value: "name:[".into() };
        store.commit(vec![broken]).await.unwrap();
        let live = live(&config("", &[]), &store).await.unwrap();
        assert!(live.now().paused);
        let problems = live.problems();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "include");
        assert!(problems[0].message.contains("automatic actions are paused"), "{problems:?}");
    }
}
