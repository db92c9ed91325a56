//! The hooks that labels state: a line for the container's own shell, and how long it may take.

use std::time::Duration;

use super::known::{WATCHTOWER_PREFIX, names};
use super::read::Reader;
use super::{Hint, ProblemEffect};
use crate::hook::{DEFAULT_HOOK_TIMEOUT, Hook, LONGEST_HOOK_TIMEOUT, OnFailure};

/// How long a hook of Watchtower's labels may take where they do not say.
const WATCHTOWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest line. An engine takes some more; a label is not the place for a program.
const MAX_LINE: usize = 64 * 1024;

impl Reader<'_> {
    /// The hook that one of `names` states. Which family it is of decides whose time-out counts.
    pub(super) fn hook(&mut self, names: &[&'static str], minutes: &[&'static str]) -> Option<Hint<Hook>> {
        let line = self.first_valid(names, line)?;
        let hook = if line.label.starts_with(WATCHTOWER_PREFIX) {
            let timeout = self.first_valid(minutes, whole_minutes).map(|hint| hint.value);
            Hook::shell(&line.value, timeout.unwrap_or(WATCHTOWER_TIMEOUT), OnFailure::Abort)
        } else {
            let timeout = self.quiet(names::HOOK_TIMEOUT, seconds);
            let on_failure = self.quiet(names::HOOK_ON_FAILURE, on_failure);
            Hook::shell(
                &line.value,
                timeout.unwrap_or(DEFAULT_HOOK_TIMEOUT),
                on_failure.unwrap_or(OnFailure::Abort),
            )
        };
        Some(Hint { value: hook, label: line.label })
    }

    /// Reads what both hooks share; what is wrong with it is reported once, in the end.
    fn quiet<T>(&self, names: &[&'static str], read: impl Fn(&str, &str) -> Result<T, String>) -> Option<T> {
        names.iter().find_map(|label| read(label, self.labels.get(*label)?).ok())
    }

    /// Reports what is wrong with the labels that both hooks share.
    pub(super) fn report_idle_hook_labels(&mut self) {
        for &label in names::HOOK_TIMEOUT {
            if let Some(Err(expected)) = self.labels.get(label).map(|text| seconds(label, text)) {
                self.report(label, expected, ProblemEffect::Ignored);
            }
        }
        for &label in names::HOOK_ON_FAILURE {
            if let Some(Err(expected)) = self.labels.get(label).map(|text| on_failure(label, text)) {
                self.report(label, expected, ProblemEffect::Ignored);
            }
        }
    }
}

fn line(_label: &str, text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected a line for the container's shell".to_owned());
    }
    if text.len() > MAX_LINE || text.contains('\0') {
        return Err(format!("expected a line of at most {MAX_LINE} bytes, without a zero byte"));
    }
    Ok(text.to_owned())
}

fn seconds(_label: &str, text: &str) -> Result<Duration, String> {
    match text.trim().parse::<u64>() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds).min(LONGEST_HOOK_TIMEOUT)),
        _ => Err("expected a whole number of seconds above 0".to_owned()),
    }
}

/// Watchtower's whole minutes, of which 0 means no limit.
fn whole_minutes(_label: &str, text: &str) -> Result<Duration, String> {
    match text.trim().parse::<u64>() {
        Ok(0) => Ok(LONGEST_HOOK_TIMEOUT),
        Ok(minutes) => Ok(Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST_HOOK_TIMEOUT)),
        Err(_) => Err("expected a whole number of minutes, 0 for no limit".to_owned()),
    }
}

fn on_failure(_label: &str, text: &str) -> Result<OnFailure, String> {
    let word = text.trim().to_ascii_lowercase();
    word.parse().map_err(|_| "expected abort or continue".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Labels;
    use crate::label::{ContainerHints, read_labels};

    const WT: &str = "com.centurylinklabs.watchtower.lifecycle.";

    fn hints(pairs: &[(&str, &str)]) -> ContainerHints {
        let labels: Labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        read_labels(&labels)
    }

    fn hook(line: &str, seconds: u64) -> Hook {
        Hook::shell(line, Duration::from_secs(seconds), OnFailure::Abort)
    }

    #[test]
    fn both_main_families_state_hooks_with_a_time_out_in_seconds() {
        for family in ["lodeman.", "sentinel."] {
            let pairs = [
                (format!("{family}hook.pre-update"), "pg_dump > /backup/all.sql"),
                (format!("{family}hook.post-update"), "warm up"),
                (format!("{family}hook.timeout"), "90"),
            ];
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), *v)).collect();
            let found = hints(&pairs);
            assert_eq!(found.problems, [], "{family}");
            let pre = found.pre_update.unwrap();
            assert_eq!((pre.value, pre.label), (hook("pg_dump > /backup/all.sql", 90), pairs[0].0));
            assert_eq!(found.post_update.unwrap().value, hook("warm up", 90));
        }
        let found = hints(&[("sentinel.hook.pre-update", "x"), ("lodeman.hook.pre-update", "y")]);
        assert_eq!(found.pre_update.unwrap().value, hook("y", 30), "the native family wins");
        assert!(found.post_update.is_none());
    }

    #[test]
    fn watchtowers_hooks_have_a_time_out_each_in_minutes() {
        let (pre, post) = (format!("{WT}pre-update"), format!("{WT}post-update"));
        let (pre_minutes, post_minutes) = (format!("{pre}-timeout"), format!("{post}-timeout"));
        let found =
            hints(&[(&pre, "dump"), (&post, "warm"), (&pre_minutes, "5"), ("lodeman.hook.timeout", "7")]);
        assert_eq!(found.problems, []);
        assert_eq!(found.pre_update.unwrap().value, hook("dump", 300));
        assert_eq!(found.post_update.unwrap().value, hook("warm", 60), "a minute where nobody says");
        let found = hints(&[(&post, "warm"), (&post_minutes, "0")]);
        assert_eq!(found.post_update.unwrap().value.timeout, LONGEST_HOOK_TIMEOUT);
        let found = hints(&[(&pre, "dump"), (&pre_minutes, "soon")]);
        assert_eq!(found.pre_update.unwrap().value, hook("dump", 60));
        assert_eq!(found.problems[0].label, pre_minutes);
    }

    #[test]
    fn a_label_may_let_the_update_go_on_after_a_failure() {
        let found = hints(&[("lodeman.hook.pre-update", "x"), ("lodeman.hook.on-failure", "Continue")]);
        assert_eq!(found.pre_update.unwrap().value.on_failure, OnFailure::Continue);
    }

    #[test]
    fn what_cannot_be_used_is_reported_once() {
        for (label, value, expected) in [
            ("lodeman.hook.pre-update", " ", "line for the container's shell"),
            ("sentinel.hook.post-update", "a\0b", "without a zero byte"),
            ("sentinel.hook.timeout", "0", "seconds above 0"),
            ("lodeman.hook.timeout", "1m", "seconds above 0"),
            ("lodeman.hook.on-failure", "retry", "abort or continue"),
        ] {
            let found = hints(&[
                (label, value),
                ("sentinel.hook.pre-update", "x"),
                ("lodeman.hook.post-update", "y"),
            ]);
            assert_eq!(found.problems.len(), 1, "{label}");
            let problem = &found.problems[0];
            assert_eq!((problem.label.as_str(), problem.effect), (label, ProblemEffect::Ignored));
            assert!(problem.expected.contains(expected), "{problem}");
        }
    }
}
