//! The labels of a container, in their three families.

use std::fmt::Debug;

use lodeman_domain::container::{ContainerName, Labels};
use lodeman_domain::image::ImageReference;
use lodeman_domain::label::{
    ContainerHints, Hint, MAX_GRACE_PERIOD, NATIVE_PREFIX, SENTINEL_PREFIX, WATCHTOWER_PREFIX, read_labels,
};
use lodeman_domain::policy::{Policy, Subject, container_rules};
use lodeman_domain::setting::{LabelTrust, Settings};
use lodeman_domain::workload::HostId;

use crate::input::{instant, text};

/// Labels one a line. What is wished is told the same each time, what cannot be used is told harmlessly,
/// a native label that can be used wins, and where labels are not trusted none of them makes handling
/// laxer.
pub(crate) fn labels(input: &[u8]) {
    let text = text(input);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let labels: Labels = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let hints = read_labels(&labels);
    assert_eq!(shown(&hints), shown(&read_labels(&labels)), "the same is read each time");
    problems(&labels, &hints);

    let mut more = labels.clone();
    more.insert("org.example.unrelated".to_owned(), "auto".to_owned());
    assert_eq!(shown(&read_labels(&more)), shown(&hints), "labels of others have no say");

    let ours = |key: &String| key.starts_with(NATIVE_PREFIX);
    let native = read_labels(&labels.iter().filter(|(k, _)| ours(k)).map(own).collect());
    native_wins(&native, &hints);
    if let Some(grace) = &hints.grace_period {
        assert!(!grace.value.is_zero() && grace.value <= MAX_GRACE_PERIOD);
    }
    stricter_only(&labels, &hints);
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn shown(hints: &ContainerHints) -> String {
    format!("{hints:?}")
}

fn problems(labels: &Labels, hints: &ContainerHints) {
    assert!(hints.problems.len() <= 50);
    assert!(hints.problems.is_sorted_by_key(|problem| &problem.label));
    let families = [NATIVE_PREFIX, SENTINEL_PREFIX, WATCHTOWER_PREFIX];
    let any_of_ours = labels.keys().any(|key| families.iter().any(|prefix| key.starts_with(prefix)));
    assert!(any_of_ours || hints.problems.is_empty(), "what is not ours is no mistake");
    for problem in &hints.problems {
        for told in [&problem.label, &problem.value, &problem.expected] {
            assert!(!told.contains(char::is_control) && told.chars().count() <= 300, "{told:?}");
        }
        assert!(problem.value.chars().count() <= 81 && !problem.expected.is_empty());
    }
}

fn native_wins(native: &ContainerHints, all: &ContainerHints) {
    fn same<T: Debug>(native: Option<&Hint<T>>, all: Option<&Hint<T>>) {
        if let Some(hint) = native {
            assert_eq!(format!("{:?}", Some(hint)), format!("{all:?}"), "the native label wins");
        }
    }
    same(native.policy.as_ref(), all.policy.as_ref());
    same(native.scope.as_ref(), all.scope.as_ref());
    same(native.constraint.as_ref(), all.constraint.as_ref());
    same(native.include_tags.as_ref(), all.include_tags.as_ref());
    same(native.exclude_tags.as_ref(), all.exclude_tags.as_ref());
    same(native.schedule.as_ref(), all.schedule.as_ref());
    same(native.delay.as_ref(), all.delay.as_ref());
    same(native.grace_period.as_ref(), all.grace_period.as_ref());
    same(native.pull_only.as_ref(), all.pull_only.as_ref());
    same(native.prerelease.as_ref(), all.prerelease.as_ref());
    same(native.variant.as_ref(), all.variant.as_ref());
    same(native.window.as_ref(), all.window.as_ref());
    same(native.enable.as_ref(), all.enable.as_ref());
    same(native.monitor_only.as_ref(), all.monitor_only.as_ref());
    same(native.no_pull.as_ref(), all.no_pull.as_ref());
}

/// What holds with labels that may only make handling stricter, beside what holds without labels.
fn stricter_only(labels: &Labels, hints: &ContainerHints) {
    let name: ContainerName = "web".parse().expect("a name");
    let reference: ImageReference = "registry.example/web:1.2.3".parse().expect("a reference");
    let host = HostId::local();
    let settings = Settings {
        label_trust: LabelTrust::StricterOnly,
        maintenance_window: "Sat 02:00-Sun 06:00; Wed 20:00-23:30".parse().expect("windows"),
        update_delay: std::time::Duration::from_hours(2),
        ..Settings::default()
    };
    let rules = |labels: &Labels, hints: &ContainerHints| {
        let image = "registry.example/web:1.2.3";
        let subject = Subject { name: &name, host: &host, image, reference: Some(&reference), labels };
        container_rules(None, &subject, hints, &settings)
    };
    let none = Labels::new();
    let (with, without) = (rules(labels, hints), rules(&none, &read_labels(&none)));
    assert!(with.policy.value >= without.policy.value && with.policy.value >= Policy::Manual);
    assert!(with.delay.value >= without.delay.value && with.grace_period.value >= without.grace_period.value);
    assert!(with.pull_only.value >= without.pull_only.value && !with.prerelease);
    assert!(!with.scope.automatic_major || without.scope.automatic_major);
    for hour in (0..7 * 24).step_by(5) {
        let at = instant(&(1_700_000_000 + hour * 3600).to_string());
        let utc = &jiff::tz::TimeZone::UTC;
        assert!(!with.windows.value.is_open(at, utc) || without.windows.value.is_open(at, utc));
    }
}
