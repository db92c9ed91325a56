//! How far versions may move, and how large a step is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::grammar::{Scheme, Version};

/// How far a newer version may lie from the current one. Calendar versions are exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Follows the precision of the tag: `1.2.3` stays in `1.2`, `1.2` in `1`, `1` anywhere.
    Default,
    /// One part more than the tag says stays fixed: `1.2.3` gets nothing, `1.2` stays in `1.2`.
    Strict,
    /// Same major and minor version.
    Patch,
    /// Same major version.
    Minor,
    /// Any.
    Major,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version scope is default, strict, patch, minor or major (also all)")]
pub struct ParseScopeError;

/// Any case; `all` means `major`.
impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "default" => Self::Default,
            "strict" => Self::Strict,
            "patch" => Self::Patch,
            "minor" => Self::Minor,
            "major" | "all" => Self::Major,
            _ => return Err(ParseScopeError),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

impl Scope {
    /// How many leading numbers must stay the same, for a current tag with `parts` numbers.
    /// `None` admits nothing.
    fn fixed_numbers(self, parts: usize) -> Option<usize> {
        match (self, parts) {
            (Self::Strict, 3..) => None,
            (Self::Default, 3..) | (Self::Patch, _) | (Self::Strict, 2) => Some(2),
            (Self::Default, 2) | (Self::Minor, _) | (Self::Strict, _) => Some(1),
            (Self::Default, _) | (Self::Major, _) => Some(0),
        }
    }

    /// Whether `candidate` lies within this scope of `current`.
    #[must_use]
    pub fn admits(self, current: &Version, candidate: &Version) -> bool {
        if current.scheme() != Scheme::Numbers {
            return true;
        }
        match self.fixed_numbers(current.numbers().len()) {
            None => false,
            Some(fixed) => (0..fixed).all(|i| current.number(i) == candidate.number(i)),
        }
    }
}

/// Whether the operating-system version in a tag may move with the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantRule {
    /// `-alpine3.19` competes with `-alpine3.19` only.
    Exact,
    /// `-alpine3.19` competes with `-alpine3.20` too; it may only grow.
    Family,
}

/// Why a text is not a variant rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a variant rule is exact or family")]
pub struct ParseVariantRuleError;

/// Any case.
impl FromStr for VariantRule {
    type Err = ParseVariantRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "exact" => Ok(Self::Exact),
            "family" => Ok(Self::Family),
            _ => Err(ParseVariantRuleError),
        }
    }
}

/// How large the step from one version to another is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Same numbers: another build, pre-release or variant version.
    Build,
    /// Same major and minor version.
    Patch,
    /// Same major version.
    Minor,
    /// Another major version.
    Major,
    /// A calendar version: its numbers say when, not how much.
    Calendar,
}

impl Step {
    /// The step from `current` to `candidate`.
    #[must_use]
    pub fn between(current: &Version, candidate: &Version) -> Self {
        let differs = |i: usize| current.number(i) != candidate.number(i);
        let len = current.numbers().len().max(candidate.numbers().len());
        match (0..len).find(|i| differs(*i)) {
            None => Self::Build,
            Some(_) if current.scheme() != Scheme::Numbers => Self::Calendar,
            Some(0) => Self::Major,
            Some(1) => Self::Minor,
            Some(_) => Self::Patch,
        }
    }
}
