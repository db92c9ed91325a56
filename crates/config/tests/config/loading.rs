//! Loading a configuration, by the public API.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{good, load, no_file, stored, value};
use lodeman_config::{Config, EngineHost, LogFormat, LogLevel, Origin, Profile, Sources, key_infos};
use lodeman_domain::policy::Policy;
use lodeman_domain::setting::{LabelTrust, SettingSource};
use secrecy::ExposeSecret;

#[test]
fn the_defaults_are_as_documented() {
    let config = good("", &[], &[]);
    assert_eq!(config.warnings, []);
    let mut text = String::new();
    for row in config.explain() {
        text.push_str(format!("{} = {:?} ({})", row.key, row.value, row.source).as_str());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
    for info in key_infos() {
        let shown = value(&config, info.key);
        let shown = if shown == "none" { String::new() } else { shown };
        assert_eq!(shown, info.default, "{}", info.key);
        assert!(!info.allowed.is_empty() && !info.summary.is_empty(), "{}", info.key);
    }
}

#[test]
fn later_sources_win_and_say_so() {
    let file = "[schedule]\npoll_interval = \"1h\"\n";
    let sentinel = ("SENTINEL_POLL_INTERVAL", "2h");
    let own = ("LODEMAN_SCHEDULE_POLL_INTERVAL", "4h");
    let flag = ("schedule.poll_interval", "5h");
    let kept = stored(&[("poll_interval", "3h")]);
    let nothing = BTreeMap::new();
    for (config, stored, hours, source) in [
        (good("", &[], &[]), &nothing, 6, SettingSource::Default),
        (good(file, &[], &[]), &nothing, 1, SettingSource::File),
        (good(file, &[sentinel], &[]), &nothing, 2, SettingSource::Sentinel),
        (good(file, &[sentinel], &[]), &kept, 3, SettingSource::Stored),
        (good(file, &[sentinel, own], &[]), &kept, 4, SettingSource::Environment),
        (good(file, &[own, sentinel], &[flag]), &kept, 5, SettingSource::Flag),
    ] {
        let (settings, problems) = config.settings(stored);
        assert_eq!(settings.poll_interval, Duration::from_hours(hours));
        assert_eq!(problems, []);
        let rows = config.explain_with(stored);
        let row = rows.iter().find(|row| row.key == "schedule.poll_interval").unwrap();
        assert_eq!((row.source, row.value.as_str()), (source, format!("{hours}h").as_str()));
        assert_eq!(config.is_fixed("poll_interval"), source.is_fixed());
    }
}

#[test]
fn every_key_can_be_set_in_file_environment_and_flag() {
    let sample = |key: &str| match key {
        "server.listen" => "127.0.0.1:9",
        "server.data_dir" | "security.secret_key_file" | "registry.docker_config" => "/x",
        "engine.host" => "unix:///x",
        "registry.insecure_registries" => "r.lan:5000",
        "registry.mirrors" | "registry.token_services" => "docker.io=r.lan",
        "registry.root_certificates" => "r.lan:5000=/etc/lan.pem",
        "registry.http_proxy" | "registry.https_proxy" => "http://ann:CANARY@proxy.lan:3128",
        "registry.no_proxy" => "10.0.0.0/8",
        "registry.timeout" | "updates.health_deadline_cap" => "2m",
        "security.profile" => "strict",
        "security.admin_username" => "root",
        "security.admin_password" | "metrics.token" => "0123456789abcdef",
        "security.secret_key" => "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "log.level" => "debug",
        "log.format" => "json",
        "schedule.poll_interval"
        | "security.session_life"
        | "updates.rollback_point_lifetime"
        | "updates.image_backup_retention" => "2h",
        "display.stack_order" => r#"["media"]"#,
        "display.dashboard_columns" => r#"["ports"]"#,
        "schedule.cron" => "0 4 * * *",
        "schedule.time_zone" => "Europe/Berlin",
        "schedule.maintenance_window" => "02:00-06:00",
        "scope.include" | "scope.exclude" => "web*",
        "updates.default_policy" => "pinned",
        "updates.version_scope" => "minor",
        "updates.rollback_policy" => "manual",
        "updates.grace_period" | "updates.delay" | "updates.soak" => "1m",
        "registry.concurrency"
        | "registry.reserve_requests"
        | "updates.scan_concurrency"
        | "updates.max_parallel_per_host" => "2",
        _ => "true",
    };
    for info in key_infos().into_iter().filter(|info| info.key != "registry.credentials") {
        let (section, name) = info.key.split_once('.').unwrap();
        let text = sample(info.key);
        let file = format!("[{section}]\n{name} = '{text}'\n");
        for (config, source) in [
            (good(&file, &[], &[]), SettingSource::File),
            (good("", &[(info.variable.as_str(), text)], &[]), SettingSource::Environment),
            (good("", &[], &[(info.key, text)]), SettingSource::Flag),
        ] {
            assert_eq!(config.origin(info.key).0, source, "{}", info.key);
            let expected = match info.key {
                "registry.http_proxy" | "registry.https_proxy" => "http://…@proxy.lan:3128",
                _ if info.secret => "(set)",
                _ => text,
            };
            assert_eq!(value(&config, info.key), expected, "{}", info.key);
        }
    }
}

#[test]
fn values_arrive_in_their_types() {
    let config = good(
        r#"
        [server]
        listen = ":9090"
        data_dir = "/data"
        [engine]
        host = "/run/user/1000/docker.sock"
        [registry]
        insecure_registries = ["registry.lan:5000", "10.0.0.7:5000"]
        docker_config = "/root/.docker/config.json"
        concurrency = 8
        [security]
        profile = "strict"
        [updates]
        default_policy = "auto"
        image_cleanup = false
        [scope]
        include = ["label:lodeman.fleet=sample", "name:[a,b]*"]
        [metrics]
        enabled = true
        token = "0123456789abcdef"
        [log]
        level = "debug"
        format = "json"
        "#,
        &[],
        &[],
    );
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9090");
    assert_eq!(config.engine.host, EngineHost::Unix("/run/user/1000/docker.sock".into()));
    assert_eq!(config.registry.insecure, ["registry.lan:5000", "10.0.0.7:5000"]);
    assert!(config.registry.docker_config.as_ref().unwrap().explicit);
    assert_eq!(config.security.profile, Profile::Strict);
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.log.format, LogFormat::Json);
    let (settings, _) = config.settings(&BTreeMap::new());
    assert_eq!(settings.default_policy, Policy::Auto);
    assert!(!settings.image_cleanup);
    assert_eq!(settings.include.len(), 2);
    assert_eq!(settings.label_trust, LabelTrust::StricterOnly);
    let trusting = good("", &[("LODEMAN_SECURITY_TRUST_LABELS", "true")], &[("security.profile", "strict")]);
    assert_eq!(trusting.settings(&BTreeMap::new()).0.label_trust, LabelTrust::Trusted);
}

#[test]
fn lists_are_separated_by_commas_or_lines_in_the_environment() {
    for text in ["web*,image:redis*", "web*\nimage:redis*"] {
        let config = good("", &[("LODEMAN_SCOPE_EXCLUDE", text)], &[]);
        assert_eq!(value(&config, "scope.exclude"), "web*\nimage:redis*");
    }
    for text in ["media,web", "[\"media\",\"web\"]"] {
        let config = good("", &[("LODEMAN_DISPLAY_STACK_ORDER", text)], &[]);
        assert_eq!(value(&config, "display.stack_order"), r#"["media","web"]"#);
    }
    let config = good("[display]\ndashboard_columns = [\"ports\", \"image\"]", &[], &[]);
    assert_eq!(value(&config, "display.dashboard_columns"), r#"["ports","image"]"#);
}

#[test]
fn all_problems_are_told_together() {
    let error = load(
        "[server]\nlisten = \"x\"\nnonsense = 1\n[updates]\nsoak = \"9d\"",
        &[("LODEMAN_LOG_LEVEL", "loud"), ("SENTINEL_GRACE_PERIOD", "x"), ("SENTINEL_TLS_AUTO", "true")],
        &[("metrics.enabled", "maybe")],
    )
    .unwrap_err();
    let mut keys: Vec<_> = error.problems.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "log.level",
            "metrics.enabled",
            "server.listen",
            "server.nonsense",
            "updates.grace_period",
            "updates.soak"
        ]
    );
    assert_eq!(error.warnings.len(), 1, "warnings are told even then");
    assert!(error.to_string().starts_with("the configuration has 6 problems:\n  - "));
}

#[test]
fn a_key_given_twice_by_one_kind_of_source_is_a_problem() {
    let env = [
        ("LODEMAN_ADMIN_PASSWORD", "first password"),
        ("LODEMAN_SECURITY_ADMIN_PASSWORD_FILE", "/run/secrets/password"),
    ];
    let error = load("", &env, &[]).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert!(error.problems[0].message.contains("LODEMAN_ADMIN_PASSWORD"), "{error}");
    let both = "[security]\nsecret_key_file = \"/k\"\nsecret_key = \
                \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"";
    assert!(load(both, &[], &[]).unwrap_err().to_string().contains("one of the two"));
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    for (file, env) in [
        ("[security]\nadmin_password_file = \"/run/secrets/password\"", vec![]),
        ("", vec![("LODEMAN_SECURITY_ADMIN_PASSWORD_FILE", "/run/secrets/password")]),
        ("", vec![("LODEMAN_ADMIN_PASSWORD_FILE", "/run/secrets/password")]),
    ] {
        let config = good(file, &env, &[]);
        let password = config.security.admin_password.as_ref().unwrap();
        assert_eq!(password.expose_secret(), "correct horse");
        assert_eq!(value(&config, "security.admin_password"), "(set)");
        assert!(!format!("{config:?}").contains("horse"));
    }
}

#[test]
fn accounts_come_from_tables_and_from_a_json_file() {
    let file = "[[registry.credentials]]\nregistry = \"ghcr.io\"\nusername = \"bob\"\npassword = \"CANARY\"\n\
                [[registry.credentials]]\nregistry = \"docker.io\"\nusername = \"eve\"\n\
                password_file = \"/run/secrets/password\"\n";
    let config = good(file, &[], &[]);
    assert_eq!(value(&config, "registry.credentials"), "ghcr.io as bob\ndocker.io as eve");
    assert_eq!(config.registry.credentials[1].password.expose_secret(), "correct horse");
    let env = [("LODEMAN_REGISTRY_CREDENTIALS_FILE", "/run/secrets/accounts")];
    let config = good(file, &env, &[]);
    assert_eq!(value(&config, "registry.credentials"), "quay.io as u", "the environment wins");
    assert!(!format!("{config:?}").contains("CANARY"));
    let twice = file.replace("docker.io", "GHCR.io");
    assert!(load(&twice, &[], &[]).unwrap_err().to_string().contains("already an account for `ghcr.io`"));
}

#[test]
fn sentinels_environment_is_translated() {
    let config = good(
        "",
        &[
            ("SENTINEL_DOCKER_SOCK", "/run/docker.sock"),
            ("SENTINEL_DB_PATH", "/data/sentinel.db"),
            ("SENTINEL_POLL_INTERVAL", "1h30m"),
            ("SENTINEL_GRACE_PERIOD", "45s"),
            ("SENTINEL_DEFAULT_POLICY", "auto"),
            ("SENTINEL_LATEST_AUTO_UPDATE", "T"),
            ("SENTINEL_SCHEDULE", "0 4 * * *"),
            ("SENTINEL_MAINTENANCE_WINDOW", "02:00-06:00"),
            ("SENTINEL_SCAN_CONCURRENCY", "500"),
            ("SENTINEL_IMAGE_CLEANUP", "false"),
            ("SENTINEL_ROLLBACK_POLICY", "pinned"),
            ("SENTINEL_IMAGE_BACKUP", "true"),
            ("SENTINEL_HOOKS", "true"),
            ("SENTINEL_DEPS", "false"),
            ("SENTINEL_SHOW_STOPPED", "false"),
            ("SENTINEL_LOG_JSON", "true"),
            ("SENTINEL_METRICS", "1"),
            ("SENTINEL_WEB_PORT", "9000"),
            ("SENTINEL_SESSION_EXPIRY", "720h"),
            ("SENTINEL_COOKIE_SECURE", "true"),
            ("SENTINEL_AUTH_ENABLED", "true"),
            ("SENTINEL_MODE", ""),
        ],
        &[],
    );
    assert_eq!(config.warnings, []);
    for (key, expected) in [
        ("engine.host", "unix:///run/docker.sock"),
        ("server.data_dir", "/data"),
        ("schedule.poll_interval", "1h30m"),
        ("updates.grace_period", "45s"),
        ("updates.default_policy", "auto"),
        ("updates.latest_auto_update", "true"),
        ("schedule.cron", "0 4 * * *"),
        ("schedule.maintenance_window", "02:00-06:00"),
        ("updates.scan_concurrency", "50"),
        ("updates.image_cleanup", "false"),
        ("updates.rollback_policy", "pinned"),
        ("updates.image_backup", "true"),
        ("updates.hooks_enabled", "true"),
        ("updates.dependency_aware", "false"),
        ("display.show_stopped", "false"),
        ("log.format", "json"),
        ("metrics.enabled", "true"),
        ("metrics.public", "true"),
        ("server.listen", "0.0.0.0:9000"),
        ("security.session_life", "30d"),
        ("security.cookie_secure", "true"),
        ("security.authentication", "true"),
    ] {
        assert_eq!(value(&config, key), expected, "{key}");
        assert_eq!(config.origin(key).0, SettingSource::Sentinel, "{key}");
    }
}

#[test]
fn authentication_that_is_off_is_warned_about() {
    for (profile, part) in [("home", "may do everything"), ("strict", "has no effect")] {
        let config = good("", &[("SENTINEL_AUTH_ENABLED", "false")], &[("security.profile", profile)]);
        assert_eq!(config.security.authentication, Some(false));
        let warned: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(warned.len() == 1 && warned[0].contains(part), "{warned:?}");
    }
}

#[test]
fn what_has_no_effect_is_warned_about() {
    let config = good(
        "[metrics]\nenabled = true\n[schedule]\nmaintenance_window = \"10:00-10:00\"",
        &[("SENTINEL_TLS_AUTO", "true"), ("SENTINEL_POL_INTERVAL", "1h"), ("TZ", "Mars/Olympus")],
        &[],
    );
    let told: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    for part in [
        "SENTINEL_TLS_AUTO (environment variable SENTINEL_TLS_AUTO): this version does not support it",
        "did you mean `SENTINEL_POLL_INTERVAL`",
        "`Mars/Olympus` is no time zone",
        "nobody may read them",
        "these windows never open",
    ] {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn the_surroundings_give_time_zone_and_docker_config() {
    let config = good("", &[("TZ", ":Europe/Berlin"), ("HOME", "/home/ann")], &[]);
    assert_eq!(value(&config, "schedule.time_zone"), "Europe/Berlin");
    assert_eq!(
        config.origin("schedule.time_zone"),
        (SettingSource::System, &Origin::Environment("TZ".into()))
    );
    let file = config.registry.docker_config.as_ref().unwrap();
    assert_eq!((file.path.to_str(), file.explicit), (Some("/home/ann/.docker/config.json"), false));
    let config = good("[registry]\ndocker_config = \"none\"", &[("DOCKER_CONFIG", "/cfg")], &[]);
    assert!(config.registry.docker_config.is_none());
    let sources = Sources {
        file: None,
        env: Vec::new(),
        flags: Vec::new(),
        system_time_zone: Some("Asia/Tokyo".to_owned()),
        read_secret: &no_file,
    };
    assert_eq!(value(&Config::load(&sources).unwrap(), "schedule.time_zone"), "Asia/Tokyo");
}

#[test]
fn the_surroundings_proxies_are_used_as_other_programs_use_them() {
    let surroundings = [
        ("http_proxy", "proxy.lan:3128"),
        ("HTTPS_PROXY", "http://ann:CANARY@proxy.lan:3129"),
        ("ALL_PROXY", "http://other.lan:1"),
        ("NO_PROXY", "registry.lan, 10.0.0.0/8"),
    ];
    let config = good("", &surroundings, &[]);
    assert_eq!(value(&config, "registry.http_proxy"), "http://proxy.lan:3128");
    assert_eq!(value(&config, "registry.https_proxy"), "http://…@proxy.lan:3129");
    assert_eq!(config.registry.no_proxy, ["registry.lan", "10.0.0.0/8"]);
    let origin = &Origin::Environment("HTTPS_PROXY".into());
    assert_eq!(config.origin("registry.https_proxy"), (SettingSource::System, origin));
    assert!(!format!("{config:?}").contains("CANARY"));
    // What is configured wins, and `none` is a configuration too.
    let config = good("[registry]\nhttps_proxy = \"none\"", &surroundings, &[]);
    assert_eq!(config.registry.https_proxy, None);
    // One that cannot be used is another program's business.
    let config = good("", &[("ALL_PROXY", "socks5://ann:CANARY@proxy.lan:1080")], &[]);
    assert_eq!((config.registry.http_proxy, config.registry.https_proxy), (None, None));
    assert_eq!(config.warnings.len(), 2);
    assert!(config.warnings.iter().all(|w| !w.to_string().contains("CANARY")), "{:?}", config.warnings);
}

#[test]
fn in_the_profile_strict_only_a_configured_proxy_is_used() {
    let strict = "[security]\nprofile = \"strict\"\n[registry]\nhttp_proxy = \"own.lan:1\"";
    let config =
        good(strict, &[("HTTP_PROXY", "a.lan:1"), ("HTTPS_PROXY", "a.lan:1"), ("NO_PROXY", "*")], &[]);
    assert_eq!(value(&config, "registry.http_proxy"), "http://own.lan:1");
    assert_eq!(
        (value(&config, "registry.https_proxy"), value(&config, "registry.no_proxy")),
        Default::default()
    );
    let warned: Vec<&str> = config.warnings.iter().map(|w| w.key.as_str()).collect();
    assert_eq!(warned, ["registry.https_proxy", "registry.no_proxy"]);
}

#[test]
fn root_certificates_are_read_when_the_configuration_is() {
    let file = "[registry]\nroot_certificates = [\"/etc/lan.pem\", \"r.lan:5000=/etc/lan.pem\"]";
    let roots = good(file, &[], &[]).registry.root_certificates;
    assert_eq!(
        roots.iter().map(|root| root.registry.as_deref()).collect::<Vec<_>>(),
        [None, Some("r.lan:5000")]
    );
    assert!(roots.iter().all(|root| root.pem.contains("CERTIFICATE")));
}

#[test]
fn variables_of_others_are_left_alone() {
    let config = good(
        "",
        &[
            ("PATH", "/bin"),
            ("LODEMAN_CONFIG", "/etc/lodeman.toml"),
            ("LODEMAN_SERVICE_HOST", "10.0.0.1"),
            ("LODEMAN_SERVICE_PORT_HTTP", "8080"),
            ("LODEMAN_PORT", "tcp://10.0.0.1:8080"),
            ("LODEMAN_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("LODEMAN_LOG_LEVEL", ""),
        ],
        &[],
    );
    assert_eq!(config.warnings, []);
    assert_eq!(config.log.level, LogLevel::Info);
}

#[test]
fn a_stored_value_that_cannot_be_used_is_told_and_fails_closed() {
    let config = good("[schedule]\npoll_interval = \"2h\"", &[], &[]);
    let (settings, problems) = config.settings(&stored(&[
        ("poll_interval", "1m"),
        ("maintenance_window", "whenever"),
        ("filters", "[a"),
        ("no_such_thing", "1"),
        ("paused", "false"),
    ]));
    assert_eq!(settings.poll_interval, Duration::from_hours(2), "the file's value holds");
    assert!(settings.maintenance_window.is_never_open());
    assert!(settings.paused);
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["filters", "maintenance_window", "no_such_thing", "poll_interval"]);
    assert!(problems[1].message.contains("no automatic update runs until it is mended"));
}
