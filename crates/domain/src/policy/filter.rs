//! Which containers are managed: the include scope, exclusion filters and labels that opt out.
//!
//! A selector is `name:GLOB`, `image:GLOB`, `stack:GLOB`, `host:GLOB`, `label:KEY` or
//! `label:KEY=GLOB`; a bare `GLOB` is one on the name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::glob::{Glob, ParseGlobError};
use crate::container::{ContainerName, Labels};
use crate::explain::ReasonCode;
use crate::image::ImageReference;
use crate::label::ContainerHints;
use crate::setting::Settings;
use crate::workload::HostId;

/// Picks containers by one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    text: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Name(Glob),
    Image(Glob),
    Stack(Glob),
    Host(Glob),
    HasLabel(String),
    /// `None`: the label is there and empty.
    Label(String, Option<Glob>),
}

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSelectorError {
    /// A word before the colon that is no property.
    #[error(
        "`{0}` is nothing to select by; write name:, image:, stack:, host: or label: and a pattern, or a \
         pattern for the name"
    )]
    UnknownProperty(String),
    /// `label:` or `label:=x`
    #[error("a label selector is `label:KEY` or `label:KEY=PATTERN`")]
    EmptyLabel,
    /// The pattern cannot be read.
    #[error("selector `{selector}`: {source}")]
    BadPattern {
        /// The selector.
        selector: String,
        /// What is wrong with its pattern.
        source: ParseGlobError,
    },
}

/// What selectors look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The container's name.
    pub name: &'a ContainerName,
    /// The host it is on.
    pub host: &'a HostId,
    /// Its image as configured, whatever it is.
    pub image: &'a str,
    /// The same, where it is a reference.
    pub reference: Option<&'a ImageReference>,
    /// Its labels.
    pub labels: &'a Labels,
}

impl Selector {
    /// The selector as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `subject` is picked. An image is compared in four spellings: as written and in
    /// normal form, each with and without tag and digest.
    #[must_use]
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        match &self.test {
            Test::Name(glob) => glob.matches(subject.name.as_str()),
            Test::Host(glob) => glob.matches(subject.host.as_str()),
            Test::Stack(glob) => {
                subject.labels.get("com.docker.compose.project").is_some_and(|stack| glob.matches(stack))
            }
            Test::HasLabel(key) => subject.labels.contains_key(key),
            Test::Label(key, glob) => subject
                .labels
                .get(key)
                .is_some_and(|value| glob.as_ref().map_or(value.is_empty(), |glob| glob.matches(value))),
            Test::Image(glob) => {
                glob.matches(subject.image)
                    || subject.reference.is_some_and(|reference| {
                        let normal = reference.repository().to_string();
                        let tagged = reference
                            .effective_tag()
                            .is_some_and(|tag| glob.matches(&format!("{normal}:{tag}")));
                        tagged || glob.matches(&normal) || glob.matches(reference.written_name())
                    })
            }
        }
    }
}

impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use ParseSelectorError as E;
        let text = text.trim();
        let glob = |pattern: &str| {
            pattern.parse::<Glob>().map_err(|source| E::BadPattern { selector: shown(text), source })
        };
        let parsed = match text.split_once(':') {
            None => Test::Name(glob(text)?),
            Some(("name", pattern)) => Test::Name(glob(pattern)?),
            Some(("image", pattern)) => Test::Image(glob(pattern)?),
            Some(("stack", pattern)) => Test::Stack(glob(pattern)?),
            Some(("host", pattern)) => Test::Host(glob(pattern)?),
            Some(("label", rest)) => match rest.split_once('=') {
                None if rest.is_empty() => return Err(E::EmptyLabel),
                Some(("", _)) => return Err(E::EmptyLabel),
                None => Test::HasLabel(rest.to_owned()),
                Some((key, "")) => Test::Label(key.to_owned(), None),
                Some((key, pattern)) => Test::Label(key.to_owned(), Some(glob(pattern)?)),
            },
            Some((other, _)) => return Err(E::UnknownProperty(shown(other))),
        };
        Ok(Self { text: text.to_owned(), test: parsed })
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

impl TryFrom<String> for Selector {
    type Error = ParseSelectorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.text
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a container is looked after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "management", rename_all = "snake_case")]
pub enum Management {
    /// It is checked and may be updated.
    Managed,
    /// It is left alone.
    Excluded {
        /// Why.
        reason: ExclusionReason,
    },
}

impl Management {
    /// Whether the container is looked after.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        *self == Self::Managed
    }
}

/// Why a container is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ExclusionReason {
    /// The orchestrator owns it.
    SwarmTask,
    /// An `enable` label is false.
    DisabledByLabel {
        /// The label.
        label: String,
    },
    /// An exclusion filter picks it.
    Filtered {
        /// The filter.
        selector: Selector,
    },
    /// There is an include scope, and nothing in it picks the container.
    OutsideScope,
}

impl ExclusionReason {
    /// The reason's code in an explanation.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::SwarmTask => ReasonCode::OrchestratorTask,
            Self::DisabledByLabel { .. } => ReasonCode::NotManaged,
            Self::Filtered { .. } | Self::OutsideScope => ReasonCode::OutOfScope,
        }
    }
}

impl fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwarmTask => f.write_str("it is a task of a Swarm service"),
            Self::DisabledByLabel { label } => write!(f, "its label `{label}` says so"),
            Self::Filtered { selector } => write!(f, "the filter `{selector}` excludes it"),
            Self::OutsideScope => f.write_str("it is outside the include scope"),
        }
    }
}

/// Whether `subject` is managed. Every way out counts by itself: a filter excludes what the scope
/// includes, and a label that says `true` brings nothing back.
#[must_use]
pub fn management(subject: &Subject<'_>, hints: &ContainerHints, settings: &Settings) -> Management {
    let excluded = |reason| Management::Excluded { reason };
    if hints.is_swarm_task {
        return excluded(ExclusionReason::SwarmTask);
    }
    if let Some(hint) = hints.enable.as_ref().filter(|hint| !hint.value) {
        return excluded(ExclusionReason::DisabledByLabel { label: hint.label.to_owned() });
    }
    if let Some(selector) = settings.filters.iter().find(|selector| selector.matches(subject)) {
        return excluded(ExclusionReason::Filtered { selector: selector.clone() });
    }
    let included = &settings.include;
    if !included.is_empty() && !included.iter().any(|selector| selector.matches(subject)) {
        return excluded(ExclusionReason::OutsideScope);
    }
    Management::Managed
}
