//! Who decides on an update, and which containers are managed at all.

mod filter;
mod glob;
mod rules;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::image::{ImageReference, LATEST};
use crate::label::ContainerHints;
use crate::setting::{LabelTrust, Settings};

pub use filter::{ExclusionReason, Management, ParseSelectorError, Selector, Subject, management};
pub use glob::{Glob, ParseGlobError};
pub use rules::{ContainerRules, RuleSource, ScopeRule, Sourced, container_rules};

/// What becomes of an update that exists, from the freest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is installed.
    Auto,
    /// It is queued for a person.
    Manual,
    /// It is not looked for.
    Pinned,
}

impl Policy {
    /// Every policy.
    pub const ALL: &'static [Self] = &[Self::Auto, Self::Manual, Self::Pinned];

    /// The policy's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Pinned => "pinned",
        }
    }
}

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a policy is auto, manual or pinned")]
pub struct ParsePolicyError;

/// Any case.
impl FromStr for Policy {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let found = Self::ALL.iter().find(|policy| policy.as_str().eq_ignore_ascii_case(text));
        found.copied().ok_or(ParsePolicyError)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a policy comes from, most binding first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// A person set it for this container.
    Override,
    /// A label of the container.
    Label,
    /// The container follows `latest` and `latest_auto_update` is on.
    Latest,
    /// The setting `default_policy`.
    Default,
}

impl PolicySource {
    /// The source's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Label => "label",
            Self::Latest => "latest",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policy in force for one container, and what else had a say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPolicy {
    /// The policy.
    pub value: Policy,
    /// Where it comes from.
    pub source: PolicySource,
    /// The other sources that name a policy, most binding first, even where it is the same one.
    pub competing: Vec<(PolicySource, Policy)>,
    /// Whether a label was set aside because labels may only make handling stricter.
    pub label_set_aside: bool,
}

impl fmt::Display for ResolvedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.source)
    }
}

/// The policy of a container that runs by `reference`; `None` where its reference cannot be read.
///
/// The first that says something wins: the stored override, the label, `latest_auto_update` for a
/// container that follows `latest`, the default. A reference bound to a digest follows nothing, so
/// it never counts as `latest`. Where labels are not trusted, a label counts only if it is stricter
/// than what would hold without it.
#[must_use]
pub fn resolve_policy(
    stored_override: Option<Policy>,
    hints: &ContainerHints,
    reference: Option<&ImageReference>,
    settings: &Settings,
) -> ResolvedPolicy {
    let follows_latest = reference.is_some_and(|reference| {
        reference.digest().is_none() && reference.effective_tag().is_some_and(|tag| tag.as_str() == LATEST)
    });
    let latest = (follows_latest && settings.latest_auto_update).then_some(Policy::Auto);
    let without_label = latest.unwrap_or(settings.default_policy);
    let label = hints.policy.as_ref().map(|hint| hint.value);
    let set_aside =
        settings.label_trust == LabelTrust::StricterOnly && label.is_some_and(|label| label < without_label);

    let order = [
        (PolicySource::Override, stored_override),
        (PolicySource::Label, label.filter(|_| !set_aside)),
        (PolicySource::Latest, latest),
    ];
    let mut named: Vec<_> =
        order.into_iter().filter_map(|(source, value)| value.map(|value| (source, value))).collect();
    named.push((PolicySource::Default, settings.default_policy));
    let (source, value) = named.remove(0);
    ResolvedPolicy { value, source, competing: named, label_set_aside: set_aside }
}

#[cfg(test)]
mod tests;
