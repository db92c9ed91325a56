use super::*;
use crate::container::Labels;
use crate::label::read_labels;
use crate::schedule::MaintenanceWindows;
use crate::version::{Scope, VariantRule};
use crate::workload::HostId;
use std::time::Duration;

fn hints(pairs: &[(&str, &str)]) -> ContainerHints {
    read_labels(&labels(pairs))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (key, text) in pairs {
        settings.apply_stored(key, text).unwrap();
    }
    settings
}

fn resolve(
    stored: Option<Policy>,
    label: Option<&str>,
    reference: &str,
    settings: &Settings,
) -> (Policy, PolicySource) {
    let hints = label.map_or_else(ContainerHints::default, |value| hints(&[("sentinel.policy", value)]));
    let reference: Option<ImageReference> = reference.parse().ok();
    let resolved = resolve_policy(stored, &hints, reference.as_ref(), settings);
    (resolved.value, resolved.source)
}

#[test]
fn policies_are_read_in_any_case() {
    for (text, policy) in [("auto", Policy::Auto), ("MANUAL", Policy::Manual), (" Pinned ", Policy::Pinned)] {
        assert_eq!(text.parse(), Ok(policy));
    }
    assert_eq!("all".parse::<Policy>(), Err(ParsePolicyError));
}

#[test]
fn override_beats_label_beats_latest_beats_default() {
    use Policy as P;
    use PolicySource as S;
    let on = settings(&[("latest_auto_update", "true")]);
    let off = settings(&[]);
    let digest = format!("app@sha256:{}", "1f".repeat(32));
    let both = format!("app:latest@sha256:{}", "1f".repeat(32));
    for (stored, label, reference, settings, expected) in [
        (Some(P::Pinned), Some("auto"), "app:latest", &on, (P::Pinned, S::Override)),
        (None, Some("pinned"), "app:latest", &on, (P::Pinned, S::Label)),
        (None, Some("nonsense"), "app:latest", &on, (P::Auto, S::Latest)),
        (None, None, "app:latest", &on, (P::Auto, S::Latest)),
        (None, None, "app", &on, (P::Auto, S::Latest)),
        (None, None, "app:latest", &off, (P::Manual, S::Default)),
        (None, None, "app:1.2", &on, (P::Manual, S::Default)),
        (None, None, digest.as_str(), &on, (P::Manual, S::Default)),
        (None, None, both.as_str(), &on, (P::Manual, S::Default)),
        (None, None, "sha256:1f", &on, (P::Manual, S::Default)),
    ] {
        assert_eq!(resolve(stored, label, reference, settings), expected, "{reference} {label:?}");
    }
}

#[test]
fn a_manual_label_equal_to_the_default_still_beats_latest() {
    let settings = settings(&[("latest_auto_update", "true"), ("default_policy", "manual")]);
    assert_eq!(resolve(None, Some("manual"), "app:latest", &settings), (Policy::Manual, PolicySource::Label));
}

#[test]
fn the_values_that_lost_are_told() {
    let settings = settings(&[("latest_auto_update", "true")]);
    let reference: ImageReference = "app".parse().unwrap();
    let resolved = resolve_policy(
        Some(Policy::Pinned),
        &hints(&[("sentinel.policy", "auto")]),
        Some(&reference),
        &settings,
    );
    assert_eq!(
        resolved.competing,
        [
            (PolicySource::Label, Policy::Auto),
            (PolicySource::Latest, Policy::Auto),
            (PolicySource::Default, Policy::Manual),
        ]
    );
    assert_eq!(resolved.to_string(), "pinned (override)");
}

#[test]
fn untrusted_labels_only_make_a_policy_stricter() {
    let mut strict = settings(&[]);
    strict.label_trust = LabelTrust::StricterOnly;
    assert_eq!(resolve(None, Some("auto"), "app:1", &strict), (Policy::Manual, PolicySource::Default));
    assert_eq!(resolve(None, Some("pinned"), "app:1", &strict), (Policy::Pinned, PolicySource::Label));
    strict.default_policy = Policy::Auto;
    assert_eq!(resolve(None, Some("manual"), "app:1", &strict), (Policy::Manual, PolicySource::Label));
}

fn manage(name: &str, image: &str, pairs: &[(&str, &str)], settings: &Settings) -> Management {
    let labels = labels(pairs);
    let (name, host) = (name.parse().unwrap(), HostId::local());
    let reference = image.parse().ok();
    let subject = Subject { name: &name, host: &host, image, reference: reference.as_ref(), labels: &labels };
    management(&subject, &read_labels(&labels), settings)
}

#[test]
fn selectors_pick_by_name_image_stack_host_and_label() {
    let compose = [("com.docker.compose.project", "shop"), ("tier", "front"), ("empty", "")];
    for (selector, picked) in [
        ("web*", true),
        ("name:web-1", true),
        ("Web*", false),
        ("image:nginx", true),
        ("image:nginx:1.25", true),
        ("image:docker.io/library/nginx", true),
        ("image:docker.io/*", true),
        ("image:*:1.25", true),
        ("image:redis*", false),
        ("stack:shop", true),
        ("stack:*blog*", false),
        ("host:local", true),
        ("host:other", false),
        ("label:tier", true),
        ("label:tier=fr*", true),
        ("label:tier=back", false),
        ("label:other", false),
        ("label:empty=", true),
        ("label:tier=", false),
    ] {
        let settings = settings(&[("filters", selector)]);
        let excluded = !manage("web-1", "nginx:1.25", &compose, &settings).is_managed();
        assert_eq!(excluded, picked, "{selector}");
    }
}

#[test]
fn a_malformed_selector_says_what_is_wrong() {
    for (text, part) in [
        ("", "empty"),
        ("colour:red", "nothing to select by"),
        ("label:", "label:KEY"),
        ("label:=x", "label:KEY"),
        ("image:[a", "without a matching"),
        ("name:", "empty"),
    ] {
        let error = text.parse::<Selector>().unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn the_include_scope_narrows_and_filters_take_away() {
    let fleet = settings(&[("include", "label:lodeman.fleet=sample"), ("filters", "secret-*")]);
    let sample = [("lodeman.fleet", "sample")];
    assert_eq!(manage("web", "a:1", &sample, &fleet), Management::Managed);
    assert_eq!(
        manage("web", "a:1", &[], &fleet),
        Management::Excluded { reason: ExclusionReason::OutsideScope }
    );
    let reason = ExclusionReason::Filtered { selector: "secret-*".parse().unwrap() };
    assert_eq!(reason.to_string(), "the filter `secret-*` excludes it");
    assert_eq!(manage("secret-1", "a:1", &sample, &fleet), Management::Excluded { reason });
}

#[test]
fn labels_and_swarm_take_a_container_out() {
    let open = settings(&[]);
    for family in ["lodeman.", "sentinel.", "com.centurylinklabs.watchtower."] {
        let label = format!("{family}enable");
        assert_eq!(
            manage("web", "a:1", &[(&label, "false")], &open),
            Management::Excluded { reason: ExclusionReason::DisabledByLabel { label: label.clone() } }
        );
        assert!(manage("web", "a:1", &[(&label, "true")], &open).is_managed());
    }
    assert_eq!(
        manage("web", "a:1", &[("com.docker.swarm.task", "")], &open),
        Management::Excluded { reason: ExclusionReason::SwarmTask }
    );
}

fn rules(pairs: &[(&str, &str)], settings: &Settings) -> ContainerRules {
    let labels = labels(pairs);
    let (name, host) = ("web".parse().unwrap(), HostId::local());
    let reference = "nginx:1.25".parse().ok();
    let subject = Subject {
        name: &name,
        host: &host,
        image: "nginx:1.25",
        reference: reference.as_ref(),
        labels: &labels,
    };
    container_rules(None, &subject, &read_labels(&labels), settings)
}

#[test]
fn scope_is_relaxed_and_auto_patches_while_nobody_says_otherwise() {
    let scope = |pairs: &[(&str, &str)], stored: &[(&str, &str)]| {
        let rule = rules(pairs, &settings(stored)).scope;
        (rule.offered, rule.automatic, rule.automatic_major)
    };
    assert_eq!(scope(&[], &[]), (Scope::Default, Scope::Patch, false));
    assert_eq!(scope(&[], &[("version_scope", "default")]), (Scope::Default, Scope::Default, false));
    assert_eq!(scope(&[], &[("version_scope", "major")]), (Scope::Major, Scope::Major, false));
    assert_eq!(scope(&[("sentinel.semver", "minor")], &[]), (Scope::Minor, Scope::Minor, false));
    assert_eq!(scope(&[("sentinel.semver", "all")], &[]), (Scope::Major, Scope::Major, true));
    assert_eq!(
        scope(&[("sentinel.semver", "patch")], &[("version_scope", "major")]),
        (Scope::Patch, Scope::Patch, false)
    );
}

#[test]
fn a_trusted_label_replaces_the_setting_in_both_directions() {
    let global = settings(&[
        ("pull_only", "true"),
        ("update_delay", "3d"),
        ("grace_period", "1m"),
        ("maintenance_window", "02:00-06:00"),
    ]);
    let found = rules(
        &[
            ("lodeman.pull-only", "false"),
            ("lodeman.delay", "1h"),
            ("lodeman.grace-period", "10s"),
            ("lodeman.window", "00:00-00:00"),
            ("lodeman.prerelease", "true"),
            ("lodeman.variant", "exact"),
        ],
        &global,
    );
    assert_eq!(found.pull_only, Sourced { value: false, source: RuleSource::Label });
    assert_eq!(found.delay.value, Duration::from_hours(1));
    assert_eq!(found.grace_period.value, Duration::from_secs(10));
    assert!(found.windows.value.is_never_open());
    assert!(found.prerelease);
    assert_eq!(found.variant, VariantRule::Exact);
    assert!(found.labels_set_aside.is_empty());
    let plain = rules(&[], &global);
    assert_eq!(plain.pull_only, Sourced { value: true, source: RuleSource::Setting });
    assert_eq!(plain.windows.value.as_str(), "02:00-06:00");
}

#[test]
fn an_untrusted_label_counts_only_where_it_is_stricter() {
    let mut strict = settings(&[
        ("pull_only", "true"),
        ("update_delay", "3d"),
        ("maintenance_window", "02:00-06:00"),
        ("version_scope", "minor"),
    ]);
    strict.label_trust = LabelTrust::StricterOnly;
    let lax = rules(
        &[
            ("lodeman.policy", "auto"),
            ("lodeman.pull-only", "false"),
            ("lodeman.delay", "1h"),
            ("lodeman.prerelease", "true"),
            ("lodeman.semver", "major"),
            ("lodeman.window", "04:00-23:00"),
        ],
        &strict,
    );
    assert!(lax.pull_only.value && !lax.prerelease);
    assert_eq!(lax.delay.value, Duration::from_hours(72));
    assert_eq!(lax.scope.offered, Scope::Minor);
    let both: MaintenanceWindows =
        "02:00-06:00".parse::<MaintenanceWindows>().unwrap().and(&"04:00-23:00".parse().unwrap());
    assert_eq!(lax.windows, Sourced { value: both, source: RuleSource::Both });
    assert_eq!(
        lax.labels_set_aside,
        ["lodeman.policy", "lodeman.semver", "lodeman.prerelease", "lodeman.delay", "lodeman.pull-only"]
    );
    let stricter = rules(&[("lodeman.delay", "7d"), ("lodeman.semver", "patch")], &strict);
    assert_eq!(stricter.delay.value, Duration::from_hours(168));
    assert_eq!(stricter.scope.offered, Scope::Patch);
}

#[test]
fn a_filter_label_that_cannot_be_read_blocks_version_updates_with_its_name() {
    let found = rules(&[("sentinel.exclude-tags", "(")], &settings(&[]));
    assert!(found.version_updates_blocked.unwrap().contains("sentinel.exclude-tags"));
}
