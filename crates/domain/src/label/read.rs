//! Reading the labels of one container.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::known::{NATIVE_PREFIX, READ, SENTINEL_PREFIX, SILENT, UNSUPPORTED, WATCHTOWER_PREFIX, names};
use super::value::{boolean, clipped, duration, scope};
use super::{ContainerHints, Hint, LabelProblem, MAX_GRACE_PERIOD, ProblemEffect};
use crate::container::{ContainerName, Labels};
use crate::schedule::MaintenanceWindows;
use crate::setting::nearest;

/// A container with more problems than this has not made mistakes but was made to be one.
const MAX_PROBLEMS: usize = 50;

/// What `labels` ask for, and which of them could not be used.
#[must_use]
pub fn read_labels(labels: &Labels) -> ContainerHints {
    let mut reader = Reader { labels, problems: Vec::new() };
    let mut hints = ContainerHints {
        policy: reader.first_valid(names::POLICY, from_str("expected auto, manual or pinned")),
        scope: reader.first_valid(names::SCOPE, scope),
        constraint: reader
            .first_present(names::CONSTRAINT, parsed("expected a range such as >=1.2 <2, ~1.4 or 1.x")),
        include_tags: reader.first_present(names::INCLUDE_TAGS, parsed("expected a regular expression")),
        exclude_tags: reader.first_present(names::EXCLUDE_TAGS, parsed("expected a regular expression")),
        schedule: reader.first_valid(names::SCHEDULE, parsed("expected a cron line")),
        delay: reader.first_valid(names::DELAY, delay),
        grace_period: reader.first_valid(names::GRACE_PERIOD, grace_period),
        listen_check: reader.first_valid(names::LISTEN_CHECK, boolean),
        pull_only: reader.first_valid(names::PULL_ONLY, boolean),
        prerelease: reader.first_valid(names::PRERELEASE, boolean),
        variant: reader.first_valid(names::VARIANT, from_str("expected exact or family")),
        window: reader.window(),
        enable: reader.first_valid(names::ENABLE, boolean),
        monitor_only: reader.first_valid(names::MONITOR_ONLY, boolean),
        no_pull: reader.first_valid(names::NO_PULL, boolean),
        pre_update: reader.hook(names::PRE_UPDATE, names::PRE_UPDATE_MINUTES),
        post_update: reader.hook(names::POST_UPDATE, names::POST_UPDATE_MINUTES),
        is_self: reader.first_valid(names::SELF, boolean).is_some_and(|hint| hint.value),
        is_swarm_task: labels.contains_key("com.docker.swarm.task"),
        stack: labels.get("com.docker.compose.project").filter(|name| !name.is_empty()).cloned(),
        depends_on: reader.first_valid(names::DEPENDS_ON, container_names),
        problems: Vec::new(),
    };
    if let Some(hint) = hints.grace_period.as_mut().filter(|hint| hint.value > MAX_GRACE_PERIOD) {
        hint.value = MAX_GRACE_PERIOD;
        reader.report(hint.label, "expected at most 1h", ProblemEffect::Clamped);
    }
    reader.report_idle_hook_labels();
    reader.report_unread();
    reader.problems.sort_by(|a, b| a.label.cmp(&b.label));
    reader.problems.truncate(MAX_PROBLEMS);
    hints.problems = reader.problems;
    hints
}

/// Reads one of a few words, any case.
fn from_str<T: FromStr>(expected: &'static str) -> impl Fn(&str, &str) -> Result<T, String> {
    move |_, text| text.trim().to_ascii_lowercase().parse().map_err(|_| expected.to_owned())
}

/// Reads a text whose own error says more than the expectation.
fn parsed<T: FromStr<Err: Display>>(expected: &'static str) -> impl Fn(&str, &str) -> Result<T, String> {
    move |_, text| text.parse().map_err(|error| format!("{expected} ({error})"))
}

fn delay(label: &str, text: &str) -> Result<Duration, String> {
    let delay = duration(label, text)?;
    if delay.is_zero() && label.starts_with(SENTINEL_PREFIX) {
        // In Docker Sentinel a zero means "the global delay"; the native label lifts it.
        return Err(format!("expected more than 0; `{NATIVE_PREFIX}delay=0` lifts the global delay"));
    }
    Ok(delay)
}

fn grace_period(label: &str, text: &str) -> Result<Duration, String> {
    let grace = duration(label, text)?;
    if grace.is_zero() {
        return Err("expected more than 0 and at most 1h".to_owned());
    }
    Ok(grace)
}

/// Names of containers, apart by commas; empty ones do not count.
fn container_names(_: &str, text: &str) -> Result<Vec<ContainerName>, String> {
    let names =
        text.split(',').map(|name| name.trim().trim_start_matches('/')).filter(|name| !name.is_empty());
    let names: Option<Vec<ContainerName>> = names.map(|name| name.parse().ok()).collect();
    names.ok_or_else(|| "expected names of containers, apart by commas".to_owned())
}

/// The containers that a container needs, by its own labels.
#[must_use]
pub fn read_depends_on(labels: &Labels) -> Vec<ContainerName> {
    let texts = names::DEPENDS_ON.iter().filter_map(|label| Some((label, labels.get(*label)?)));
    texts.map(|(label, text)| container_names(label, text)).find_map(Result::ok).unwrap_or_default()
}

pub(super) struct Reader<'a> {
    pub(super) labels: &'a Labels,
    problems: Vec<LabelProblem>,
}

impl Reader<'_> {
    pub(super) fn report(&mut self, label: &str, expected: impl Into<String>, effect: ProblemEffect) {
        let value = self.labels.get(label).map_or_else(String::new, |value| clipped(value));
        let expected = clipped_reason(&expected.into());
        self.problems.push(LabelProblem { label: clipped(label), value, expected, effect });
    }

    /// The first label of `names` whose value can be read. Every one that cannot is reported.
    pub(super) fn first_valid<T>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<Hint<T>> {
        let mut found = None;
        for &label in names {
            let Some(text) = self.labels.get(label) else { continue };
            match read(label, text) {
                Ok(value) => found = found.or(Some(Hint { value, label })),
                Err(expected) => self.report(label, expected, ProblemEffect::Ignored),
            }
        }
        found
    }

    /// The first label of `names` that is there. When it cannot be read, no other takes its place and
    /// version updates stop: a filter that is not understood must not let anything through.
    fn first_present<T>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<Hint<T>> {
        let mut found = None;
        let mut decided = false;
        for &label in names {
            let Some(text) = self.labels.get(label) else { continue };
            let effect = if decided { ProblemEffect::Ignored } else { ProblemEffect::NoVersionUpdates };
            match read(label, text) {
                Ok(value) if !decided => found = Some(Hint { value, label }),
                Ok(_) => {}
                Err(expected) => self.report(label, expected, effect),
            }
            decided = true;
        }
        found
    }

    /// The container's own windows. A text that is no window is one that never opens.
    fn window(&mut self) -> Option<Hint<MaintenanceWindows>> {
        let mut found = None;
        for &label in names::WINDOW {
            let Some(text) = self.labels.get(label) else { continue };
            let value = text.parse().unwrap_or_else(|error| {
                let effect =
                    if found.is_none() { ProblemEffect::NoAutomaticUpdates } else { ProblemEffect::Ignored };
                self.report(label, format!("expected maintenance windows ({error})"), effect);
                MaintenanceWindows::never()
            });
            found = found.or(Some(Hint { value, label }));
        }
        found
    }

    /// Reports the labels of the three families that nothing reads.
    fn report_unread(&mut self) {
        let labels = self.labels;
        for label in labels.keys() {
            let ours = [NATIVE_PREFIX, SENTINEL_PREFIX, WATCHTOWER_PREFIX]
                .iter()
                .any(|prefix| label.starts_with(prefix));
            let is_read = || READ.iter().any(|names| names.contains(&label.as_str()));
            if !ours || is_read() || SILENT.contains(&label.as_str()) {
                continue;
            }
            if UNSUPPORTED.contains(&label.as_str()) {
                self.report(label, "this version does not act on this label", ProblemEffect::Ignored);
                continue;
            }
            let known = READ.iter().copied().flatten().copied();
            let expected = match nearest(label, known) {
                Some(name) => format!("there is no such label; did you mean `{name}`?"),
                None => "there is no such label".to_owned(),
            };
            self.report(label, expected, ProblemEffect::Ignored);
        }
    }
}

/// Reasons quote foreign text too, so they are made harmless in the same way, with more room.
fn clipped_reason(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
