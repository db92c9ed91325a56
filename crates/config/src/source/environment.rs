//! The environment: our own variables, those of Docker Sentinel, and the machine's.

use lodeman_domain::schedule::NamedZone;
use lodeman_domain::setting::{SettingSource, nearest};

use super::{Collected, listed, unknown_variable};
use crate::key::{CREDENTIALS, Key, variable_of};
use crate::problem::{Origin, shown};
use crate::registry::proxy;
use crate::sentinel::{Translation, names, translation};

/// Short forms of variables that are set before anything else is.
const ALIASES: [(&str, &str); 4] = [
    ("LODEMAN_ADMIN_PASSWORD", "LODEMAN_SECURITY_ADMIN_PASSWORD"),
    ("LODEMAN_ADMIN_PASSWORD_FILE", "LODEMAN_SECURITY_ADMIN_PASSWORD_FILE"),
    ("LODEMAN_SECRET_KEY", "LODEMAN_SECURITY_SECRET_KEY"),
    ("LODEMAN_SECRET_KEY_FILE", "LODEMAN_SECURITY_SECRET_KEY_FILE"),
];

/// What programs of all kinds heed for proxies.
const PROXIES: [(&str, &[&str]); 3] = [
    ("registry.http_proxy", &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
    ("registry.https_proxy", &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
    ("registry.no_proxy", &["NO_PROXY", "no_proxy"]),
];

/// Names the configuration file itself; the program reads it before it comes here.
const CONFIG_FILE: &str = "LODEMAN_CONFIG";

impl Collected<'_> {
    /// What environment variables say. An empty one is as good as none.
    pub fn read_environment(&mut self, variables: &[(String, String)]) {
        for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
            if name.starts_with("LODEMAN_") && name != CONFIG_FILE && !is_service_link(name, text) {
                self.read_own(name, text);
            } else if let Some(short) = name.strip_prefix("SENTINEL_") {
                self.read_sentinel(name, short, text);
            }
        }
    }

    fn read_own(&mut self, name: &str, text: &str) {
        let source = SettingSource::Environment;
        let origin = Origin::Environment(shown(name));
        let alias = ALIASES.iter().find(|(short, _)| *short == name);
        let full = alias.map_or(name, |(_, full)| full);
        let find = |variable: &str| Key::all().find(|key| key.variable() == variable);
        let credentials = variable_of(CREDENTIALS);
        if let Some(key) = find(full) {
            self.give(key, source, origin, listed(key, text));
        } else if full == credentials {
            self.read_credential_json(&origin, text);
        } else if let Some(variable) = full.strip_suffix("_FILE") {
            if variable == credentials {
                self.read_credential_file(&origin, text);
            } else if let Some(key) = find(variable).filter(|key| key.has_file_form()) {
                self.give_from_file(key, source, origin, text);
            } else {
                self.problem(shown(name), origin, unknown_variable(name));
            }
        } else {
            self.problem(shown(name), origin, unknown_variable(name));
        }
    }

    fn read_sentinel(&mut self, name: &str, short: &str, text: &str) {
        let origin = Origin::Environment(shown(name));
        match translation(short) {
            Some(Translation::Keys(keys)) => {
                for (key, convert) in *keys {
                    let Some(key) = Key::find(key) else { continue };
                    match convert(text) {
                        Ok(text) => self.give(key, SettingSource::Sentinel, origin.clone(), text),
                        Err(error) => {
                            let message = format!("is `{}`: {error}", shown(text));
                            self.problem(key.name(), origin.clone(), message);
                        }
                    }
                }
            }
            Some(Translation::Secret(key)) => {
                if let Some(key) = Key::find(key) {
                    self.give(key, SettingSource::Sentinel, origin, text);
                }
            }
            Some(Translation::Unsupported(check)) => match check(text) {
                Ok(()) => {
                    self.warn(shown(name), origin, "this version does not support it; it has no effect");
                }
                Err(error) => self.problem(shown(name), origin, error),
            },
            None => {
                let message = match nearest(short, names()) {
                    Some(meant) => format!("there is no such variable; did you mean `SENTINEL_{meant}`?"),
                    None => "there is no such variable; it has no effect".to_owned(),
                };
                self.warn(shown(name), origin, message);
            }
        }
    }

    /// What the machine and the user's surroundings say: the time zone, proxies, and Docker's client
    /// file.
    pub fn read_surroundings(&mut self, variables: &[(String, String)], system_zone: Option<&str>) {
        let find = |name: &str| {
            variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
        };
        let zone = match find("TZ").map(|text| text.strip_prefix(':').unwrap_or(text)) {
            Some(text) => Some((text, Origin::Environment("TZ".to_owned()))),
            None => system_zone.map(|text| (text, Origin::System("the machine's time zone".to_owned()))),
        };
        if let (Some((text, origin)), Some(key)) = (zone, Key::find("schedule.time_zone")) {
            // Others set these for purposes of their own, so what we cannot read is no error.
            if text.parse::<NamedZone>().is_ok() {
                self.give(key, SettingSource::System, origin, text);
            } else {
                let message = format!("`{}` is no time zone that is known here; UTC is used", shown(text));
                self.warn(key.name(), origin, message);
            }
        }
        for (key, names) in PROXIES {
            let found = names.iter().find_map(|name| Some((*name, find(name)?)));
            let (Some((name, text)), Some(key)) = (found, Key::find(key)) else { continue };
            let origin = Origin::Environment(name.to_owned());
            if key.name() == "registry.no_proxy" || proxy(text).is_ok() {
                self.give(key, SettingSource::System, origin, listed(key, text));
            } else {
                // Its text may hold a password, so it is not shown.
                let message = format!("is no proxy that can be used; allowed is {}", key.allowed());
                self.warn(key.name(), origin, message);
            }
        }
        let folder = match (find("DOCKER_CONFIG"), find("HOME")) {
            (Some(folder), _) => Some((folder.to_owned(), "DOCKER_CONFIG")),
            (None, Some(home)) => Some((format!("{home}/.docker"), "HOME")),
            (None, None) => None,
        };
        if let (Some((folder, name)), Some(key)) = (folder, Key::find("registry.docker_config"))
            && folder.starts_with('/')
        {
            let origin = Origin::Environment(name.to_owned());
            self.give(key, SettingSource::System, origin, format!("{folder}/config.json"));
        }
    }
}

/// Kubernetes describes services by variables named after them; one called `lodeman` makes these.
fn is_service_link(name: &str, text: &str) -> bool {
    let is_address = text.starts_with("tcp://") || text.starts_with("udp://");
    let numbered = name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || numbered
        || (name.ends_with("_PORT") && is_address)
}
