//! What a newer version must fulfil to be offered.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Constraint, Scope, TagPattern};
use crate::image::Tag;

/// Whether the version of an operating system in a tag may move (`-alpine3.19` to `-alpine3.20`,
/// `-bookworm` to `-trixie`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantRule {
    /// It stays.
    Exact,
    /// It may grow, within one family, and only where the present one is not published any more.
    #[default]
    Family,
}

/// A text that names no variant rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a variant rule is exact or family")]
pub struct ParseVariantRuleError;

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

impl fmt::Display for VariantRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Family => "family",
        })
    }
}

/// What a newer version must fulfil.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// How far it may be.
    pub scope: Scope,
    /// Only tags that match.
    pub include: Option<TagPattern>,
    /// No tags that match.
    pub exclude: Option<TagPattern>,
    /// A range it must lie in, beside the scope.
    pub constraint: Option<Constraint>,
    /// Whether pre-releases count for those who run a release.
    pub prerelease: bool,
    /// Whether the operating system's version may move.
    pub variant: VariantRule,
    /// Tags that a person does not want; the next lower version is offered instead.
    pub ignored: Vec<Tag>,
}

impl Rules {
    /// Whether the patterns let `tag` through.
    pub(super) fn filters_admit(&self, tag: &Tag) -> bool {
        let matches = |pattern: &TagPattern| pattern.matches(tag.as_str());
        self.include.as_ref().is_none_or(matches) && !self.exclude.as_ref().is_some_and(matches)
    }
}
