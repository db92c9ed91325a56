//! Bad input: every message names its key and what is allowed, and nothing panics.

use crate::common::{good, load};
use lodeman_config::key_infos;

/// File, `VARIABLE=value`, the key that is named, and a part of the message.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("[server]\nlisten = \"8080\"", "", "server.listen", "an address and a port"),
    ("[server]\ndata_dir = \"data\"", "", "server.data_dir", "an absolute path"),
    ("[server]\nenabled = \"yes\"", "", "server.enabled", "true or false"),
    ("[server]\nlisten = 8080.5", "", "server.listen", "broken number"),
    ("[server]\nlisten = [\"a\"]", "", "server.listen", "is a list"),
    ("[server]\nlisten = 1979-05-27", "", "server.listen", "is a date"),
    ("[server.listen]\na = 1", "", "server.listen", "is a table"),
    ("[server]\nlistn = \":80\"", "", "server.listn", "did you mean `server.listen`"),
    ("[sever]\nlisten = \":80\"", "", "sever.listen", "did you mean `server.listen`"),
    ("[zzzzzz]\nqqqqqq = 1", "", "zzzzzz.qqqqqq", "there is no such key"),
    ("listen = 1", "", "listen", "keys stand in sections"),
    ("[server\n", "", "file", "line 1 is no TOML"),
    ("[a]\nx = 1\nx = 2", "", "file", "line 3 is no TOML"),
    ("[engine]\nhost = \"tcp://10.0.0.1:2376\"", "", "engine.host", "tcp:// are not supported yet"),
    ("[engine]\nhost = \"gopher://x\"", "", "engine.host", "unix:///var/run/docker.sock"),
    ("[scope]\ninclude = [\"colour:red\"]", "", "scope.include", "label:KEY"),
    ("[scope]\ninclude = [1]", "", "scope.include", "something other than text"),
    (
        "[registry]\ninsecure_registries = [\"http://x\"]",
        "",
        "registry.insecure_registries",
        "without http://",
    ),
    ("[registry]\nmirrors = [\"docker.io\"]", "", "registry.mirrors", "docker.io=mirror.lan:5000"),
    ("[registry]\ntoken_services = [\"a.b=c\"]", "", "registry.token_services", "login.elsewhere.example"),
    ("[registry]\nroot_certificates = [\"ca.pem\"]", "", "registry.root_certificates", "absolute paths"),
    ("[registry]\nroot_certificates = [\"/none.pem\"]", "", "registry.root_certificates", "cannot be read"),
    ("[registry]\nroot_certificates = [\"/etc/key.pem\"]", "", "registry.root_certificates", "private key"),
    ("", "LODEMAN_REGISTRY_HTTPS_PROXY=ftp://u:CANARY@p", "registry.https_proxy", "http://proxy.lan:3128"),
    ("", "LODEMAN_REGISTRY_NO_PROXY=a b", "registry.no_proxy", "10.0.0.0/8"),
    ("", "LODEMAN_REGISTRY_RESERVE_REQUESTS=-1", "registry.reserve_requests", "from 0 to 1000"),
    ("[registry]\ncredentials = 5", "", "registry.credentials", "tables with registry"),
    (
        "[[registry.credentials]]\nregistry = \"x y\"\nusername = \"u\"\npassword = \"CANARY\"",
        "",
        "registry.credentials[0].registry",
        "without https://",
    ),
    (
        "[[registry.credentials]]\nregistry = \"ghcr.io\"\npassword = \"CANARY\"",
        "",
        "registry.credentials[0].username",
        "not empty",
    ),
    (
        "[[registry.credentials]]\nregistry = \"ghcr.io\"\nusername = \"u\"",
        "",
        "registry.credentials[0].password",
        "exactly one of",
    ),
    (
        "[[registry.credentials]]\nregistry = \"ghcr.io\"\nusername = \"u\"\npasswort = \"CANARY\"",
        "",
        "registry.credentials[0].passwort",
        "did you mean `password`",
    ),
    (
        "[[registry.credentials]]\nregistry = \"ghcr.io\"\nusername = \"u\"\npassword_file = \"/none\"",
        "",
        "registry.credentials[0].password_file",
        "cannot be read",
    ),
    ("", "LODEMAN_SCHEDULE_POLL_INTERVAL=soon", "schedule.poll_interval", "5m to 24h"),
    ("", "LODEMAN_SCHEDULE_POLL_INTERVAL=0", "schedule.poll_interval", "out of bounds"),
    ("", "LODEMAN_SCHEDULE_CRON=0 25 * * *", "schedule.cron", "`hour`"),
    ("", "LODEMAN_SCHEDULE_TIME_ZONE=Mars", "schedule.time_zone", "Europe/Berlin"),
    ("", "LODEMAN_SCHEDULE_MAINTENANCE_WINDOW=whenever", "schedule.maintenance_window", "[day] HH:MM"),
    ("", "LODEMAN_UPDATES_DEFAULT_POLICY=all", "updates.default_policy", "auto, manual or pinned"),
    (
        "",
        "LODEMAN_UPDATES_DEFAULT_POLCY=auto",
        "LODEMAN_UPDATES_DEFAULT_POLCY",
        "did you mean `LODEMAN_UPDATES_DEFAULT_POLICY`",
    ),
    ("", "LODEMAN_XYZZYXYZZY=1", "LODEMAN_XYZZYXYZZY", "there is no such variable"),
    ("", "LODEMAN_SERVER_LISTEN_FILE=/x", "LODEMAN_SERVER_LISTEN_FILE", "there is no such variable"),
    ("", "LODEMAN_SECURITY_ADMIN_PASSWORD=CANARY", "security.admin_password", "8 to 128"),
    ("", "LODEMAN_SECURITY_ADMIN_PASSWORD_FILE=/none", "security.admin_password_file", "cannot be read"),
    ("", "LODEMAN_ADMIN_PASSWORD_FILE=/run/secrets/empty", "security.admin_password_file", "is empty"),
    ("", "LODEMAN_SECRET_KEY=CANARY", "security.secret_key", "64 hex digits"),
    ("", "LODEMAN_METRICS_TOKEN=CANARY", "metrics.token", "16 visible"),
    ("", "LODEMAN_REGISTRY_CREDENTIALS=[{\"CANARY\":1}]", "registry.credentials", "JSON array"),
    ("", "LODEMAN_LOG_LEVEL=loud", "log.level", "error, warn, info"),
    ("", "SENTINEL_POLL_INTERVAL=6", "schedule.poll_interval", "unit"),
    ("", "SENTINEL_LATEST_AUTO_UPDATE=yes", "updates.latest_auto_update", "true or false"),
    ("", "SENTINEL_LOG_JSON=perhaps", "log.format", "true or false"),
    ("", "SENTINEL_ROLLBACK_POLICY=auto", "updates.rollback_policy", "manual or pinned"),
    ("", "SENTINEL_DB_PATH=sentinel.db", "server.data_dir", "/data/sentinel.db"),
    ("", "SENTINEL_WEB_PORT=http", "server.listen", "1 to 65535"),
    ("", "SENTINEL_DOCKER_SOCK=tcp://1.2.3.4:2375", "engine.host", "not supported yet"),
    ("", "SENTINEL_HOOKS=banana", "updates.hooks_enabled", "true or false"),
    ("", "SENTINEL_TLS_AUTO=banana", "SENTINEL_TLS_AUTO", "true or false"),
    ("", "LODEMAN_DISPLAY_DASHBOARD_COLUMNS=image,colour", "display.dashboard_columns", "ports"),
    ("", "SENTINEL_SESSION_EXPIRY=long", "security.session_life", "5m to 365d"),
    ("", "SENTINEL_SESSION_EXPIRY=1m", "security.session_life", "5m to 365d"),
    ("", "SENTINEL_COOKIE_SECURE=maybe", "security.cookie_secure", "true or false"),
    ("", "SENTINEL_AUTH_ENABLED=maybe", "security.authentication", "true or false"),
    ("[server]\ndocs = \"no\"", "", "server.docs", "true or false"),
    ("", "SENTINEL_MODE=agent", "SENTINEL_MODE", "not supported yet"),
];

#[test]
fn every_bad_input_names_its_key_and_what_is_allowed() {
    for (file, variable, key, part) in CASES {
        let env: Vec<_> = variable.split_once('=').into_iter().collect();
        let error = load(file, &env, &[]).expect_err(&format!("{file}{variable}"));
        let text = error.to_string();
        assert!(
            error.problems.iter().any(|p| p.key == *key && p.message.contains(part)),
            "{file} {variable}: {text}"
        );
        assert!(!text.contains("CANARY"), "{text}");
    }
    let error = load("", &[], &[("server.listn", ":1")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration has a problem: server.listn (command line): there is no such key; did you \
         mean `server.listen`?"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn any_file_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = load(&text, &[], &[]);
    }

    #[test]
    fn any_value_of_any_key_is_read_or_refused(at in 0_usize..200, value in "\\PC{0,40}") {
        let infos = key_infos();
        let info = &infos[at % infos.len()];
        let (section, name) = info.key.split_once('.').unwrap();
        let quoted = serde_json::to_string(&value).unwrap();
        let file = format!("[{section}]\n{name} = {quoted}\n");
        let from_file = load(&file, &[], &[]);
        let from_variable = load("", &[(info.variable.as_str(), value.as_str())], &[]);
        for outcome in [from_file, from_variable] {
            match outcome {
                Ok(config) => proptest::prop_assert!(!config.explain().is_empty()),
                Err(error) => proptest::prop_assert!(!error.problems.is_empty()),
            }
        }
    }

    #[test]
    fn any_file_of_the_right_shape_is_read_or_refused(
        text in "(\\[(server|registry|updates)\\]\n([a-z_]{1,9} = [\"0-9a-z\\[\\]]{0,9}\n){0,3}){0,3}",
    ) {
        let _ = load(&text, &[], &[]);
    }

    #[test]
    fn any_environment_is_read_or_refused(
        env in proptest::collection::vec(
            ("(LODEMAN|SENTINEL)_[A-Z_]{1,20}|TZ|HOME|DOCKER_CONFIG", "\\PC{0,30}"), 0..6,
        ),
    ) {
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = load("", &env, &[]);
    }

    #[test]
    fn any_stored_settings_are_read_or_told(
        kept in proptest::collection::btree_map("[a-z_]{1,20}|paused|filters|schedule", "\\PC{0,30}", 0..6),
    ) {
        let (_, problems) = good("", &[], &[]).settings(&kept);
        proptest::prop_assert!(problems.len() <= kept.len());
    }
}
