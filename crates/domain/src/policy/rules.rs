//! What holds for one container once its labels and the settings are weighed against each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::filter::{Management, Subject, management};
use super::{Policy, ResolvedPolicy, resolve_policy};
use crate::label::{ContainerHints, Hint};
use crate::schedule::{CronLine, MaintenanceWindows};
use crate::setting::{LabelTrust, Settings};
use crate::version::{Constraint, Scope, TagPattern, VariantRule};

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// A label of the container.
    Label,
    /// A setting.
    Setting,
    /// Label and setting together: the stricter of both.
    Both,
    /// Nobody said anything.
    Default,
}

/// A value and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Its source.
    pub source: RuleSource,
}

/// How far versions may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeRule {
    /// What is looked for and offered to a person.
    pub offered: Scope,
    /// What `auto` installs by itself: never more than `offered`, and only patches while nobody
    /// has said how far it may go.
    pub automatic: Scope,
    /// Whether `auto` may cross a major version: only when a label asks for it.
    pub automatic_major: bool,
    /// Where `offered` comes from.
    pub source: RuleSource,
}

/// Everything that decides what becomes of one container.
#[derive(Debug, Clone)]
pub struct ContainerRules {
    /// Whether it is looked after at all.
    pub management: Management,
    /// Its policy.
    pub policy: ResolvedPolicy,
    /// How far versions may move.
    pub scope: ScopeRule,
    /// A range that versions must lie in.
    pub constraint: Option<Constraint>,
    /// Only tags that match.
    pub include_tags: Option<TagPattern>,
    /// No tags that match.
    pub exclude_tags: Option<TagPattern>,
    /// Why there are no version updates for now: a filter that cannot be read.
    pub version_updates_blocked: Option<String>,
    /// Whether pre-releases count as newer versions.
    pub prerelease: bool,
    /// Whether the operating-system version in a tag may move.
    pub variant: VariantRule,
    /// Minimum age before an automatic update.
    pub delay: Sourced<Duration>,
    /// Wait for health after the start.
    pub grace_period: Sourced<Duration>,
    /// Pull, do not recreate.
    pub pull_only: Sourced<bool>,
    /// Checked, never queued.
    pub monitor_only: bool,
    /// Recreated only from what is on the host.
    pub no_pull: bool,
    /// When automatic updates may run.
    pub windows: Sourced<MaintenanceWindows>,
    /// When it is checked, beside the global schedule.
    pub schedule: Option<CronLine>,
    /// Labels that were set aside because labels may only make handling stricter.
    pub labels_set_aside: Vec<&'static str>,
}

/// The rules for `subject`, from a person's override, its labels and the settings.
///
/// Where labels are trusted, a label replaces the setting, also by a smaller delay or a `false`.
/// Where they are not, whichever of both is stricter holds.
#[must_use]
pub fn container_rules(
    stored_override: Option<Policy>,
    subject: &Subject<'_>,
    hints: &ContainerHints,
    settings: &Settings,
) -> ContainerRules {
    let policy = resolve_policy(stored_override, hints, subject.reference, settings);
    let mut weigh = Weigh { trusted: settings.label_trust == LabelTrust::Trusted, set_aside: Vec::new() };
    if let Some(hint) = hints.policy.as_ref().filter(|_| policy.label_set_aside) {
        weigh.set_aside.push(hint.label);
    }
    if !weigh.trusted {
        let hooks = [&hints.pre_update, &hints.post_update].into_iter().flatten();
        weigh.set_aside.extend(hooks.map(|hint| hint.label));
    }
    let global_pull_only = Sourced { value: settings.pull_only, source: RuleSource::Setting };
    let delay = settings.update_delay;
    let grace = settings.grace_period;
    ContainerRules {
        management: management(subject, hints, settings),
        policy,
        scope: weigh.scope(hints.scope.as_ref(), settings.version_scope),
        constraint: hints.constraint.as_ref().map(|hint| hint.value.clone()),
        include_tags: hints.include_tags.as_ref().map(|hint| hint.value.clone()),
        exclude_tags: hints.exclude_tags.as_ref().map(|hint| hint.value.clone()),
        version_updates_blocked: hints.version_updates_blocked_by().map(ToString::to_string),
        prerelease: weigh.prerelease(hints.prerelease.as_ref()),
        variant: hints.variant.as_ref().map_or(VariantRule::Family, |hint| hint.value),
        delay: weigh.larger(hints.delay.as_ref(), delay),
        grace_period: weigh.larger(hints.grace_period.as_ref(), grace),
        pull_only: hints.pull_only.as_ref().map_or(global_pull_only, |hint| {
            weigh.take(hint, hint.value >= settings.pull_only, global_pull_only)
        }),
        monitor_only: hints.monitor_only.as_ref().is_some_and(|hint| hint.value),
        no_pull: hints.no_pull.as_ref().is_some_and(|hint| hint.value),
        windows: weigh.windows(hints.window.as_ref(), &settings.maintenance_window),
        schedule: hints.schedule.as_ref().map(|hint| hint.value.clone()),
        labels_set_aside: weigh.set_aside,
    }
}

struct Weigh {
    trusted: bool,
    set_aside: Vec<&'static str>,
}

impl Weigh {
    /// The label's value where labels are trusted or it is no laxer, else `otherwise`.
    fn take<T: Clone>(&mut self, hint: &Hint<T>, no_laxer: bool, otherwise: Sourced<T>) -> Sourced<T> {
        if self.trusted || no_laxer {
            return Sourced { value: hint.value.clone(), source: RuleSource::Label };
        }
        self.set_aside.push(hint.label);
        otherwise
    }

    fn larger(&mut self, hint: Option<&Hint<Duration>>, setting: Duration) -> Sourced<Duration> {
        let global = Sourced { value: setting, source: RuleSource::Setting };
        hint.map_or(global, |hint| self.take(hint, hint.value >= setting, global))
    }

    fn prerelease(&mut self, hint: Option<&Hint<bool>>) -> bool {
        let never = Sourced { value: false, source: RuleSource::Default };
        hint.is_some_and(|hint| self.take(hint, !hint.value, never).value)
    }

    fn windows(
        &mut self,
        hint: Option<&Hint<MaintenanceWindows>>,
        setting: &MaintenanceWindows,
    ) -> Sourced<MaintenanceWindows> {
        let global = Sourced { value: setting.clone(), source: RuleSource::Setting };
        match hint {
            None => global,
            Some(hint) if self.trusted => Sourced { value: hint.value.clone(), source: RuleSource::Label },
            Some(hint) => Sourced { value: setting.and(&hint.value), source: RuleSource::Both },
        }
    }

    fn scope(&mut self, hint: Option<&Hint<Scope>>, setting: Option<Scope>) -> ScopeRule {
        let source = if setting.is_some() { RuleSource::Setting } else { RuleSource::Default };
        let global = Sourced { value: setting.unwrap_or(Scope::Default), source };
        let chosen = match hint {
            None => global,
            Some(hint) => self.take(hint, reach(hint.value) <= reach(global.value), global),
        };
        let by_label = chosen.source == RuleSource::Label;
        let automatic = match chosen.source {
            RuleSource::Default => Scope::Patch,
            _ => chosen.value,
        };
        ScopeRule {
            offered: chosen.value,
            automatic,
            automatic_major: by_label && chosen.value == Scope::Major,
            source: chosen.source,
        }
    }
}

/// How far a scope reaches, for comparing two of them.
fn reach(scope: Scope) -> u8 {
    match scope {
        Scope::Strict => 0,
        Scope::Patch => 1,
        Scope::Default => 2,
        Scope::Minor => 3,
        Scope::Major => 4,
    }
}
