use super::*;

#[test]
fn the_registry_and_the_defaults_agree() {
    let defaults = Settings::default();
    for spec in SETTINGS {
        assert_eq!((spec.get)(&defaults), spec.default, "{}", spec.key);
        let mut settings = Settings::default();
        settings.apply_stored(spec.key, spec.default).unwrap();
        assert_eq!(settings, defaults, "{}", spec.key);
        assert!(!spec.summary.is_empty() && !spec.allowed.is_empty(), "{}", spec.key);
        assert_eq!(spec.config_key.split('.').count(), 2, "{}", spec.key);
    }
}

#[test]
fn every_key_is_there_once() {
    let mut keys: Vec<_> = SETTINGS.iter().flat_map(|spec| [spec.key, spec.config_key]).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

#[test]
fn good_values_are_taken_and_written_back() {
    for (key, text, written) in [
        ("poll_interval", "5m", "5m"),
        ("poll_interval", "24h", "1d"),
        ("schedule", "0 4 * * *", "0 4 * * *"),
        ("schedule", "", ""),
        ("time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("maintenance_window", "Sat 02:00-06:00", "Sat 02:00-06:00"),
        ("default_policy", "AUTO", "auto"),
        ("version_scope", "strict", "strict"),
        ("version_scope", "Minor", "minor"),
        ("latest_auto_update", "T", "true"),
        ("grace_period", "0", "0s"),
        ("update_delay", "3d", "3d"),
        ("update_delay", "", "0s"),
        ("rollback_policy", "pinned", "pinned"),
        ("scan_concurrency", "50", "50"),
        ("filters", "web*\n\n image:ghcr.io/* \n", "web*\nimage:ghcr.io/*"),
        ("include", "label:lodeman.fleet=sample", "label:lodeman.fleet=sample"),
        ("hooks_enabled", "true", "true"),
        ("dependency_aware", "F", "false"),
        ("image_backup", "1", "true"),
        ("image_backup_retention", "80d", "80d"),
        ("show_stopped", "false", "false"),
        ("stack_order", r#"["media", "web \"b\""]"#, r#"["media","web \"b\""]"#),
        ("stack_order", "media\n\n web\n", r#"["media","web"]"#),
        ("stack_order", "", "[]"),
        ("dashboard_columns", r#"["status","image"]"#, r#"["status","image"]"#),
        ("dashboard_columns", "ports", r#"["ports"]"#),
        ("dashboard_columns", "[]", "[]"),
    ] {
        let mut settings = Settings::default();
        settings.apply_stored(key, text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(settings.text_of(key).unwrap(), written, "{key}={text}");
    }
}

#[test]
fn a_bad_value_names_its_key_and_what_is_allowed_and_changes_nothing() {
    for (key, text) in [
        ("poll_interval", "1m"),
        ("poll_interval", "25h"),
        ("poll_interval", "soon"),
        ("schedule", "* * *"),
        ("time_zone", "Mars/Olympus"),
        ("maintenance_window", "whenever"),
        ("default_policy", "sometimes"),
        ("version_scope", "huge"),
        ("latest_auto_update", "yes please"),
        ("grace_period", "11m"),
        ("health_deadline_cap", "0"),
        ("update_delay", "-3d"),
        ("rollback_policy", "auto"),
        ("scan_concurrency", "0"),
        ("scan_concurrency", "51"),
        ("max_parallel_per_host", "many"),
        ("soak", "8d"),
        ("rollback_point_lifetime", "1m"),
        ("filters", "web*\n[a"),
        ("include", "colour:red"),
        ("paused", ""),
        ("hooks_enabled", "on"),
        ("image_backup_retention", "1m"),
        ("image_backup_retention", "81d"),
        ("stack_order", "[1]"),
        ("stack_order", "[\"a\""),
        ("dashboard_columns", r#"["Image"]"#),
        ("dashboard_columns", "colour"),
    ] {
        let mut settings = Settings::default();
        let error = settings.apply_stored(key, text).unwrap_err();
        let spec = find_setting(key).unwrap();
        assert_eq!(error.allowed(), Some(spec.allowed));
        let message = error.to_string();
        assert!(message.contains(&format!("`{key}`")) && message.contains(spec.allowed), "{message}");
        assert_eq!(settings, Settings::default(), "{key}");
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    let error = Settings::default().apply_stored("poll_intervall", "6h").unwrap_err();
    assert_eq!(error.to_string(), "there is no setting `poll_intervall`; did you mean `poll_interval`?");
    let error = Settings::default().apply_stored("zzz", "6h").unwrap_err();
    assert_eq!(error.to_string(), "there is no setting `zzz`");
}

#[test]
fn the_configuration_may_go_beyond_the_bounds_for_stored_settings() {
    let mut settings = Settings::default();
    settings.apply_configured("poll_interval", "2s").unwrap();
    assert_eq!(settings.poll_schedule(), PollSchedule::Interval(Duration::from_secs(2)));
    assert!(settings.apply_configured("poll_interval", "0").is_err());
}

#[test]
fn a_lost_restriction_fails_closed() {
    let mut settings = Settings::default();
    assert!(settings.fail_closed("maintenance_window").is_some());
    assert!(settings.maintenance_window.is_never_open());
    assert!(settings.fail_closed("filters").is_some());
    assert!(settings.paused);
    assert_eq!(settings.fail_closed("poll_interval"), None);
}

#[test]
fn a_cron_line_replaces_the_interval() {
    let mut settings = Settings::default();
    settings.apply_stored("schedule", "0 4 * * *").unwrap();
    assert!(matches!(settings.poll_schedule(), PollSchedule::Cron { .. }));
}

proptest::proptest! {
    #[test]
    fn any_key_and_text_are_taken_or_refused(at in 0..SETTINGS.len(), text in "\\PC{0,40}") {
        let mut settings = Settings::default();
        let spec = &SETTINGS[at];
        if settings.apply_stored(spec.key, &text).is_ok() {
            let written = settings.text_of(spec.key).unwrap();
            let mut again = Settings::default();
            again.apply_stored(spec.key, &written).unwrap();
            proptest::prop_assert_eq!(again, settings);
        } else {
            proptest::prop_assert_eq!(settings, Settings::default());
        }
    }
}
