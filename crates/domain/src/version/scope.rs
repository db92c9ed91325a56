//! How far a version update may go.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Version;

/// How far version updates may go. Versions that count by the calendar are exempt.
///
/// | scope | from `1.2.3` | from `1.2` | from `1` |
/// |---|---|---|---|
/// | `default` | `1.2.*` | `1.*` | anything |
/// | `strict` | nothing | nothing | nothing |
/// | `patch` | `1.2.*` | nothing | nothing |
/// | `minor` | `1.*` | `1.*` | nothing |
/// | `major` | anything | anything | anything |
///
/// "Nothing" beside a less specific tag, because that tag itself moves with what it covers. Four or
/// more numbers are handled as three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// By how specific the tag is: one number less than it has must stay the same.
    #[default]
    Default,
    /// As `Default`, and nothing at all for a tag with three numbers.
    Strict,
    /// The first two numbers stay.
    Patch,
    /// The first number stays.
    Minor,
    /// No limit.
    Major,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Default, Self::Strict, Self::Patch, Self::Minor, Self::Major];

    /// Its name in settings and labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// Whether a step from `current` to `candidate`, a newer version comparable with it, stays within.
    #[must_use]
    pub fn admits(self, current: &Version, candidate: &Version) -> bool {
        let kept = match (self, current.parts().len()) {
            (Self::Major, _) => 0,
            _ if current.is_calendar() => 0,
            (Self::Default, 0 | 1) => 0,
            (Self::Default, 2) | (Self::Minor, _) | (Self::Strict, 0 | 1) => 1,
            (Self::Default | Self::Patch, _) | (Self::Strict, 2) => 2,
            (Self::Strict, _) => return false,
        };
        let part = |version: &Version, index: usize| version.parts().get(index).copied().unwrap_or_default();
        (0..kept).all(|index| part(current, index) == part(candidate, index))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version scope is default, strict, patch, minor, major or all")]
pub struct ParseScopeError;

impl FromStr for Scope {
    type Err = ParseScopeError;

    /// Any letter case; `all` is another word for `major`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::Major);
        }
        Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(text)).ok_or(ParseScopeError)
    }
}

/// How big a step from one version to a newer one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The same version, built again, or the same date, pushed again.
    Build,
    /// The same version on a newer operating system.
    System,
    /// The third number or one behind it, or from a pre-release to its release.
    Patch,
    /// The second number.
    Minor,
    /// The first number.
    Major,
    /// To another date or month, which does not say how much changed.
    Calendar,
}

impl Step {
    /// The step from `current` to `candidate`, comparable with it; `None` where that is not newer.
    #[must_use]
    pub fn between(current: &Version, candidate: &Version) -> Option<Self> {
        if candidate.cmp_release(current).is_gt() {
            return Some(Self::of_release(current, candidate));
        }
        if candidate.cmp_release(current).is_lt() {
            return None;
        }
        let builds = candidate.counters().cmp(current.counters());
        let systems = candidate.systems().cmp(current.systems());
        if systems.is_gt() {
            Some(Self::System)
        } else {
            (builds.is_gt() && systems.is_eq()).then_some(Self::Build)
        }
    }

    fn of_release(current: &Version, candidate: &Version) -> Self {
        let (a, b) = (current.parts(), candidate.parts());
        let at = |parts: &[u64], index: usize| parts.get(index).copied().unwrap_or_default();
        let first = (0..a.len().max(b.len())).find(|index| at(a, *index) != at(b, *index));
        match (first, candidate.scheme()) {
            (Some(index), super::Scheme::Date(_)) if index >= candidate.precision() => Self::Build,
            (None, _) | (Some(2..), super::Scheme::Numbers | super::Scheme::Calendar) => Self::Patch,
            (Some(_), super::Scheme::Date(_) | super::Scheme::Calendar) => Self::Calendar,
            (Some(0), super::Scheme::Numbers) => Self::Major,
            (Some(_), super::Scheme::Numbers) => Self::Minor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_in_any_case_and_by_its_other_name() {
        for (text, scope) in [("default", Scope::Default), ("Strict", Scope::Strict), (" ALL ", Scope::Major)]
        {
            assert_eq!(text.parse(), Ok(scope), "{text}");
        }
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            assert_eq!(serde_json::to_string(&scope).unwrap(), format!("\"{scope}\""));
        }
        assert_eq!("majr".parse::<Scope>(), Err(ParseScopeError));
    }

    #[test]
    fn steps_are_named_by_the_first_number_that_differs() {
        let step = |a: &str, b: &str| {
            let version = |text: &str| Version::parse(&text.parse().unwrap()).unwrap();
            Step::between(&version(a), &version(b))
        };
        for (from, to, expected) in [
            ("1.2.3", "2.0.0", Some(Step::Major)),
            ("1.2.3", "1.3.0", Some(Step::Minor)),
            ("1.2.3", "1.2.4", Some(Step::Patch)),
            ("1.41.3.9314", "1.41.3.9400", Some(Step::Patch)),
            ("2.0.0-rc1", "2.0.0", Some(Step::Patch)),
            ("17.2", "17.4", Some(Step::Minor)),
            ("16", "17", Some(Step::Major)),
            ("4.0.9-ls240", "4.0.9-ls241", Some(Step::Build)),
            ("22-alpine3.20", "22-alpine3.21", Some(Step::System)),
            ("2024.11.3", "2024.12.0", Some(Step::Calendar)),
            ("2024.11.3", "2024.11.4", Some(Step::Patch)),
            ("20240101", "20240102", Some(Step::Calendar)),
            ("20240101", "20240101.1", Some(Step::Build)),
            ("20240101.2", "20240102", Some(Step::Calendar)),
            ("8u422-b05", "8u432-b06", Some(Step::Patch)),
            ("8u432-b05", "8u432-b06", Some(Step::Build)),
            ("x86_64_v6.3.4", "x86_64_v7.0.0", Some(Step::Major)),
            ("1.2.3", "1.2.3", None),
            ("1.2.3", "1.2.2", None),
            ("1.2", "1.2.0", None),
        ] {
            assert_eq!(step(from, to), expected, "{from} to {to}");
        }
    }
}
