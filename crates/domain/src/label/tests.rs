use super::*;
use crate::container::Labels;

fn hints(pairs: &[(&str, &str)]) -> ContainerHints {
    let labels: Labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    read_labels(&labels)
}

const WT: &str = "com.centurylinklabs.watchtower.";

#[test]
fn every_wish_is_read_in_both_main_families() {
    for family in ["lodeman.", "sentinel."] {
        let pairs = [
            ("policy", "Auto"),
            ("semver", "ALL"),
            ("semver-constraint", ">=1.2 <2"),
            ("include-tags", "^1\\."),
            ("exclude-tags", "-rc"),
            ("schedule", "0 4 * * *"),
            ("delay", "3d"),
            ("grace-period", "1m30s"),
            ("listen-check", "off"),
            ("pull-only", "on"),
            ("prerelease", "1"),
            ("variant", "Exact"),
            ("window", "Sat 02:00-06:00"),
            ("enable", "no"),
            ("monitor-only", "yes"),
            ("no-pull", "true"),
            ("self", "true"),
        ];
        let labels: Labels = pairs.iter().map(|(k, v)| (format!("{family}{k}"), (*v).to_owned())).collect();
        let hints = read_labels(&labels);
        assert_eq!(hints.problems, [], "{family}");
        let policy = hints.policy.unwrap();
        assert_eq!(
            (policy.value, policy.label),
            (Policy::Auto, labels.get_key_value(&format!("{family}policy")).unwrap().0.as_str())
        );
        assert_eq!(hints.scope.unwrap().value, Scope::Major);
        assert!(hints.constraint.is_some() && hints.include_tags.is_some() && hints.exclude_tags.is_some());
        assert_eq!(hints.schedule.unwrap().value.as_str(), "0 4 * * *");
        assert_eq!(hints.delay.unwrap().value, Duration::from_hours(72));
        assert_eq!(hints.grace_period.unwrap().value, Duration::from_secs(90));
        assert!(hints.pull_only.unwrap().value && hints.prerelease.unwrap().value);
        assert_eq!(hints.variant.unwrap().value, VariantRule::Exact);
        assert_eq!(hints.window.unwrap().value.as_str(), "Sat 02:00-06:00");
        assert!(!hints.enable.unwrap().value && !hints.listen_check.unwrap().value);
        assert!(hints.monitor_only.unwrap().value && hints.no_pull.unwrap().value);
        assert!(hints.is_self);
    }
}

#[test]
fn the_native_family_wins_then_sentinel_then_watchtower() {
    let enable = format!("{WT}enable");
    let found = hints(&[("lodeman.policy", "pinned"), ("sentinel.policy", "auto")]).policy.unwrap();
    assert_eq!((found.value, found.label), (Policy::Pinned, "lodeman.policy"));
    let found = hints(&[(&enable, "false"), ("sentinel.enable", "true")]).enable.unwrap();
    assert_eq!((found.value, found.label), (true, "sentinel.enable"));
    let found = hints(&[(&enable, "false")]).enable.unwrap();
    assert!(!found.value);
    let cron = hints(&[("sentinel.cron", "0 5 * * *")]).schedule.unwrap();
    assert_eq!((cron.value.as_str(), cron.label), ("0 5 * * *", "sentinel.cron"));
}

#[test]
fn an_unusable_label_is_reported_and_the_next_family_asked() {
    let found = hints(&[("lodeman.policy", "sometimes"), ("sentinel.policy", "pinned")]);
    assert_eq!(found.policy.unwrap().value, Policy::Pinned);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(
        found.problems[0].to_string(),
        "label `lodeman.policy` is `sometimes`: expected auto, manual or pinned; the label is ignored"
    );
}

#[test]
fn every_kind_of_bad_value_names_its_label_and_what_was_expected() {
    let monitor_only = format!("{WT}monitor-only");
    for (label, value, effect, expected) in [
        ("sentinel.policy", "", ProblemEffect::Ignored, "auto, manual or pinned"),
        ("sentinel.semver", "huge", ProblemEffect::Ignored, "patch, minor, major"),
        ("sentinel.semver-constraint", ">=", ProblemEffect::NoVersionUpdates, "range"),
        ("sentinel.include-tags", "(", ProblemEffect::NoVersionUpdates, "regular expression"),
        ("sentinel.exclude-tags", "[", ProblemEffect::NoVersionUpdates, "regular expression"),
        ("sentinel.schedule", "0 25 * * *", ProblemEffect::Ignored, "`hour`"),
        ("sentinel.delay", "3", ProblemEffect::Ignored, "duration"),
        ("sentinel.delay", "0", ProblemEffect::Ignored, "more than 0"),
        ("sentinel.grace-period", "0s", ProblemEffect::Ignored, "more than 0"),
        ("sentinel.grace-period", "2h", ProblemEffect::Clamped, "at most 1h"),
        ("sentinel.pull-only", "maybe", ProblemEffect::Ignored, "yes, no"),
        ("sentinel.prerelease", "2", ProblemEffect::Ignored, "true, false"),
        ("lodeman.variant", "any", ProblemEffect::Ignored, "exact or family"),
        ("lodeman.window", "Sat", ProblemEffect::NoAutomaticUpdates, "maintenance windows"),
        ("lodeman.enable", "", ProblemEffect::Ignored, "true, false"),
        (&monitor_only, "yes", ProblemEffect::Ignored, "true or false"),
        ("lodeman.polcy", "auto", ProblemEffect::Ignored, "did you mean `lodeman.policy`"),
        ("sentinel.verify", "warn", ProblemEffect::Ignored, "does not act"),
    ] {
        let found = hints(&[(label, value)]);
        assert_eq!(found.problems.len(), 1, "{label}={value}");
        let problem = &found.problems[0];
        assert_eq!((problem.label.as_str(), problem.effect), (label, effect));
        assert!(problem.expected.contains(expected), "{problem}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_stops_version_updates() {
    let found = hints(&[("lodeman.include-tags", "("), ("sentinel.include-tags", "^1\\.")]);
    assert!(found.include_tags.is_none(), "no other family takes its place");
    assert_eq!(found.version_updates_blocked_by().unwrap().label, "lodeman.include-tags");
    let found = hints(&[("lodeman.include-tags", "^1\\."), ("sentinel.include-tags", "(")]);
    assert!(found.include_tags.is_some());
    assert!(found.version_updates_blocked_by().is_none(), "the overruled label is only reported");
    assert_eq!(found.problems.len(), 1);
}

#[test]
fn an_invalid_window_never_opens() {
    let found = hints(&[("lodeman.window", "whenever")]);
    assert!(found.window.unwrap().value.is_never_open());
    assert_eq!(found.problems[0].effect, ProblemEffect::NoAutomaticUpdates);
}

#[test]
fn false_is_a_wish_of_its_own() {
    for word in ["false", "FALSE", "0", "no", "off"] {
        assert!(!hints(&[("lodeman.pull-only", word)]).pull_only.unwrap().value, "{word}");
    }
    assert!(hints(&[]).pull_only.is_none());
}

#[test]
fn a_zero_delay_lifts_the_global_one_only_by_the_native_label() {
    assert_eq!(hints(&[("lodeman.delay", "0")]).delay.unwrap().value, Duration::ZERO);
    assert!(hints(&[("sentinel.delay", "0")]).delay.is_none());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let found = hints(&[
        ("com.docker.compose.project", "shop"),
        ("com.docker.swarm.task", ""),
        ("lodeman.fleet", "sample"),
        ("sentinel.maintenance", "true"),
        ("traefik.enable", "perhaps"),
    ]);
    assert_eq!(found.problems, []);
    assert_eq!(found.stack.as_deref(), Some("shop"));
    assert!(found.is_swarm_task);
    assert!(!found.is_self);
}

#[test]
fn shown_values_are_short_and_harmless() {
    let long = format!("\u{1b}[31m{}", "x".repeat(500));
    let found = hints(&[("sentinel.policy", &long)]);
    let shown = &found.problems[0].value;
    assert_eq!(shown.chars().count(), 81);
    assert!(!shown.chars().any(char::is_control));
}

proptest::proptest! {
    #[test]
    fn any_labels_are_read(
        labels in proptest::collection::btree_map(
            "(lodeman|sentinel|com\\.centurylinklabs\\.watchtower)\\.(policy|semver|semver-constraint|include-tags|schedule|delay|grace-period|pull-only|variant|window|enable|self|x\\PC{0,9})",
            "\\PC{0,40}", 0..8,
        ),
    ) {
        let found = read_labels(&labels);
        for problem in &found.problems {
            proptest::prop_assert!(problem.value.chars().count() <= 81 && !problem.expected.is_empty());
        }
    }
}
