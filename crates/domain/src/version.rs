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
//! series, [`choose()`] picks what is newer than a given tag. The words of the grammar are tables in
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
pub use orphan::{LONE_ORPHAN_GAP, ORPHAN_GAP, ORPHAN_LIMIT};
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
    precision: usize,
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
            precision: core.precision,
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

    /// How many of the [parts](Self::parts) say which version it is: all of them, but of a date only
    /// those of the day and the time. What follows a date (`20240904.1`) counts how often it was pushed.
    #[must_use]
    pub fn precision(&self) -> usize {
        self.precision
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Version> {
        Version::parse(&text.parse().unwrap())
    }

    #[test]
    fn a_tag_is_read_with_its_parts() {
        use Scheme::{Calendar, Date, Numbers};
        for (text, prefix, number, parts, scheme) in [
            ("1.25", "", "1.25", &[1, 25][..], Numbers),
            ("v1.2.3", "v", "1.2.3", &[1, 2, 3], Numbers),
            ("1.41.3.9314-a0bfb8370-ls253", "", "1.41.3.9314", &[1, 41, 3, 9314], Numbers),
            ("libtorrentv1-5.0.3_v1.2.19-ls9", "libtorrentv1-", "5.0.3", &[5, 0, 3], Numbers),
            ("2024.01.05", "", "2024.01.05", &[2024, 1, 5], Calendar),
            ("20240101", "", "20240101", &[2024, 1, 1], Date(DateForm::EightDigits)),
            ("240915-jammy", "", "240915", &[2024, 9, 15], Date(DateForm::SixDigits)),
            (
                "RELEASE.2024-11-07T00-52-20Z",
                "RELEASE.",
                "2024-11-07T00-52-20Z",
                &[2024, 11, 7, 0, 52, 20],
                Date(DateForm::Dashes),
            ),
            ("bookworm-20241111-slim", "bookworm-", "20241111", &[2024, 11, 11], Date(DateForm::EightDigits)),
        ] {
            let version = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((version.prefix(), version.number()), (prefix, number), "{text}");
            assert_eq!((version.parts(), version.scheme()), (parts, scheme), "{text}");
            assert!(!version.is_prerelease(), "{text}");
        }
    }

    #[test]
    fn pre_releases_are_recognised_in_their_many_spellings() {
        for text in [
            "2.0.0-rc1",
            "2.0.0rc1",
            "2.0.0-rc.1",
            "3.14.0a1",
            "8.0-M02",
            "24-ea-18-jdk",
            "v1-beta_2024-11-29",
        ] {
            assert!(read(text).unwrap().is_prerelease(), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_not_read_as_one() {
        for text in [
            "latest",
            "v",
            "4f5e6d7",
            "12e4567",
            "1234567",
            "20241301",
            "sha-1234",
            "pr-12",
            "main-4f5e6d7-1700000000",
            "php8.3-fpm",
            "jdk-21",
            "alpine3.20",
            "99999999999999999999.1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn pre_releases_order_by_stage_and_number_and_builds_by_number() {
        for ascending in [
            "2.0.0-dev 2.0.0-alpha 2.0.0-alpha.2 2.0.0-alpha.10 2.0.0-beta1 2.0.0-rc2 2.0.0-rc10 2.0.0",
            "4.0.9-ls240 4.0.9-ls241 4.0.10-ls1",
            "1.2.3-alpine3.9 1.2.3-alpine3.19 1.2.4-alpine3.9",
            "2024-02-06 2024-02-06a 2024-02-06b 2025-05-14",
            "2022-CU8 2022-CU14",
        ] {
            let versions: Vec<Version> = ascending.split(' ').map(|text| read(text).unwrap()).collect();
            assert!(versions.is_sorted_by(|a, b| a < b), "{ascending}");
        }
    }
}
