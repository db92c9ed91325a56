//! Tags as versions: what a tag says, which of two is newer, and which newer ones to offer.
//!
//! The grammar of a tag, every part but the numbers optional:
//!
//! ```text
//! prefix  numbers  letter  pre-release  marks
//! version-  4.0.9              -rc.2    -ls240        a build counter
//! v         1.41.3                      -a0bfb8370    a commit, which says nothing about order
//! RELEASE.  2024-11-07T00-52-20Z        -cpuv1        a flavour, kept letter for letter
//! bookworm- 20241111                    -slim
//!           18          beta1           -alpine3.20   an operating system with its version
//! ```
//!
//! [`Version::parse`] reads a tag, [`Version::comparable_with`] says whether two of them belong to one
//! series, [`choose`] picks what is newer than a given tag. The words of the grammar are tables in
//! `words.rs`. Nothing here does I/O or reads a clock, and no text makes it panic.

mod choose;
mod compare;
mod constraint;
mod core;
mod marks;
mod orphan;
mod pattern;
mod resolve;
mod rules;
mod scope;
mod siblings;
mod words;

use std::ops::Range;

use crate::image::Tag;
use marks::{Mark, PreRelease};

pub use choose::{BeyondScope, Candidate, Choice, WhyNone, choose};
pub use constraint::{Constraint, ParseConstraintError};
pub use core::{DateForm, Scheme};
pub use orphan::{ORPHAN_GAP, ORPHAN_LIMIT};
pub use pattern::{ParseTagPatternError, TagPattern};
pub use resolve::{display_version, rank_for_resolution};
pub use rules::{ParseVariantRuleError, Rules, VariantRule};
pub use scope::{ParseScopeError, Scope, Step};

/// A tag that reads as a version.
///
/// Versions have a total order: scheme, numbers, pre-release before release, build counters,
/// operating-system versions, then the more specific spelling, then the text. Two of them are equal
/// when their tags are. The order only means "newer" between [comparable](Self::comparable_with) ones.
#[derive(Debug, Clone)]
pub struct Version {
    tag: Tag,
    number: Range<usize>,
    scheme: Scheme,
    parts: Vec<u64>,
    zero_padded: bool,
    /// `b` in `2024-02-06b` is 2; 0 without a letter.
    letter: u8,
    pre: Option<PreRelease>,
    marks: Vec<Mark>,
}

impl Version {
    /// What `tag` says as a version, or `None` where it is not one: no number, a commit id, digits
    /// that are neither a date nor short, a number beyond 64 bits, a tag of a branch or pull request.
    #[must_use]
    pub fn parse(tag: &Tag) -> Option<Self> {
        let text = tag.as_str();
        let start = core::find_start(text)?;
        let core = core::read(text, start)?;
        if core.parts.len() <= 2 && words::is_runtime(core::last_word(&text[..start])) {
            // `php-8.3` says what the image runs on, not which version of the image it is.
            return None;
        }
        let suffix = marks::read(text, core.end, core.scheme);
        Some(Self {
            tag: tag.clone(),
            number: start..core.end,
            scheme: core.scheme,
            parts: core.parts,
            zero_padded: core.zero_padded,
            letter: suffix.letter,
            pre: suffix.pre,
            marks: suffix.marks,
        })
    }

    /// The tag it was read from.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// The text before the number: `v`, `version-`, `RELEASE.`, `bookworm-`; often empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.tag.as_str()[..self.number.start]
    }

    /// The number as it is spelled, with its zeros: `2024.01.05`.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.tag.as_str()[self.number.clone()]
    }

    /// The numbers; of a date year, month, day, and hour, minute, second where it has them.
    #[must_use]
    pub fn parts(&self) -> &[u64] {
        &self.parts
    }

    /// How it counts.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is an alpha, beta, release candidate, nightly build or the like.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.pre.is_some()
    }
}
