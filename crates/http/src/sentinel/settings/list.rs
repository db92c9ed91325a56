//! All settings at once.

use std::collections::BTreeMap;

use axum::extract::State;
use lodeman_domain::setting::find_setting;
use lodeman_updater::control::{Control as _, SettingView};

use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::reply::Reply;
use crate::sentinel::{Sentinel, span};

/// Settings that are told under a second name, too: that of their environment variable.
const TWINS: [(&str, &str); 12] = [
    ("poll_interval", "POLL_INTERVAL"),
    ("grace_period", "GRACE_PERIOD"),
    ("default_policy", "DEFAULT_POLICY"),
    ("image_cleanup", "IMAGE_CLEANUP"),
    ("image_backup", "IMAGE_BACKUP"),
    ("schedule", "SCHEDULE"),
    ("hooks_enabled", "HOOKS"),
    ("dependency_aware", "DEPS"),
    ("rollback_policy", "ROLLBACK_POLICY"),
    ("show_stopped", "SHOW_STOPPED"),
    ("scan_concurrency", "SCAN_CONCURRENCY"),
    ("maintenance_window", "MAINTENANCE_WINDOW"),
];

/// Variables that are no settings, and their values where nobody says another. What this server does not
/// have yet is as good as not configured.
const OTHERS: [(&str, &str); 29] = [
    ("DOCKER_SOCK", "/var/run/docker.sock"),
    ("DB_PATH", ""),
    ("LOG_JSON", "true"),
    ("GOTIFY_URL", ""),
    ("WEBHOOK_URL", ""),
    ("WEB_PORT", "8080"),
    ("WEB_ENABLED", "true"),
    ("HOST", ""),
    ("SESSION_EXPIRY", "720h0m0s"),
    ("COOKIE_SECURE", "false"),
    ("TLS_CERT", ""),
    ("TLS_KEY", ""),
    ("TLS_AUTO", "false"),
    ("WEBAUTHN_RPID", ""),
    ("WEBAUTHN_DISPLAY_NAME", "Docker-Sentinel"),
    ("WEBAUTHN_ORIGINS", ""),
    ("HOOKS_WRITE_LABELS", "false"),
    ("METRICS", "false"),
    ("MODE", ""),
    ("CLUSTER", "false"),
    ("CLUSTER_PORT", "9443"),
    ("CLUSTER_DIR", ""),
    ("CLUSTER_ADVERTISE", ""),
    ("SERVER_ADDR", ""),
    ("HOST_NAME", ""),
    ("GRACE_PERIOD_OFFLINE", "30m0s"),
    ("REMOVE_VOLUMES", "false"),
    ("PORTAINER_URL", ""),
    ("NPM_URL", ""),
];

/// Stored values that have endpoints of their own.
const APART: [&str; 2] = ["notification_config", "notification_channels"];

/// What stands for a value that is not shown.
const MASK: &str = "****";

/// Whether a stored value is a secret, by its key: nobody reads those here.
fn is_secret(key: &str) -> bool {
    let words = ["secret", "password", "token", "credential", "s3_config"];
    find_setting(key).map_or_else(|| words.iter().any(|word| key.contains(word)), |spec| spec.secret)
}

/// A setting as this surface spells it.
fn told(setting: &SettingView) -> String {
    let value = &setting.value;
    match setting.key.as_str() {
        "poll_interval" | "grace_period" => {
            span::parse(value).map_or_else(|_| value.clone(), |span| span::format(span.length))
        }
        // As it was typed.
        "update_delay" => match &setting.stored {
            Some(stored) if setting.problem.is_none() && !setting.fixed => stored.clone(),
            _ if value == "0s" => String::new(),
            _ => value.clone(),
        },
        "version_scope" if value.is_empty() => "default".to_owned(),
        _ => value.clone(),
    }
}

/// Every setting as text.
#[utoipa::path(
    get, path = "/api/settings", tag = "Settings",
    responses((status = 200, description = "The settings in force, each as text; once more as \
                                            `SENTINEL_…` where they have an environment variable; and \
                                            whatever else is stored, secrets as `****`",
               body = BTreeMap<String, String>,
               example = json!({ "SENTINEL_POLL_INTERVAL": "6h0m0s", "poll_interval": "6h0m0s",
                                 "latest_auto_update": "false", "paused": "false" })),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_settings(
    State(sentinel): State<Sentinel>,
) -> Result<Reply<BTreeMap<String, String>>, Failure> {
    let failed = |error| Failure::inside(&error, "failed to load settings");
    let listed = sentinel.app.settings().await.map_err(failed)?;
    let stored = sentinel.app.list_stored_values().await.map_err(failed)?;
    let mut all = BTreeMap::new();
    for (name, default) in OTHERS {
        let value = sentinel.surroundings.get(name).unwrap_or(default);
        all.insert(format!("SENTINEL_{name}"), value.to_owned());
    }
    for (key, value) in stored {
        if !APART.contains(&key.as_str()) {
            let is_hidden = is_secret(&key) && !value.is_empty();
            all.insert(key, if is_hidden { MASK.to_owned() } else { value });
        }
    }
    for setting in listed {
        let value = if is_secret(&setting.key) && !setting.value.is_empty() {
            MASK.to_owned()
        } else {
            told(&setting)
        };
        if let Some((_, twin)) = TWINS.iter().find(|(key, _)| *key == setting.key) {
            all.insert(format!("SENTINEL_{twin}"), value.clone());
        }
        all.insert(setting.key, value);
    }
    Ok(Reply(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_keys() {
        for key in
            ["webhook_secret", "oidc_client_secret", "npm_password", "enroll_token", "backup_s3_config"]
        {
            assert!(is_secret(key), "{key}");
        }
        for key in ["poll_interval", "stack_order", "auth_setup_complete", "npm_email"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
