//! Order of versions, and which of them belong to one series.

use std::cmp::Ordering;

use super::marks::{Mark, PreRelease};
use super::words;
use super::{Scheme, Version};

/// Lone numbers behind a dash count builds only below this; `-22` is rather what the image runs on.
const SMALL_COUNTER: u64 = 10;

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.scheme
            .cmp(&other.scheme)
            .then_with(|| self.cmp_release(other))
            .then_with(|| self.counters().cmp(other.counters()))
            .then_with(|| self.systems().cmp(other.systems()))
            .then_with(|| self.parts.len().cmp(&other.parts.len()))
            .then_with(|| self.tag.cmp(&other.tag))
    }
}

impl Version {
    /// Whether the two belong to one series, so that their order means older and newer: the same
    /// prefix, scheme and way of writing zeros, and the same marks but for build counters, commits
    /// and the versions of operating systems. How many numbers each has does not matter here.
    #[must_use]
    pub fn comparable_with(&self, other: &Self) -> bool {
        self.prefix() == other.prefix() && self.comparable_but_for_prefix(other)
    }

    /// Whether the two would be [comparable](Self::comparable_with) if both had or both lacked a
    /// leading `v`, which one of them has. A project that drops it (`v1.2.3`, then `1.2.4`) or adds it
    /// goes on with its series; see [`choose`](fn@super::choose).
    #[must_use]
    pub fn comparable_but_for_v(&self, other: &Self) -> bool {
        matches!((self.prefix(), other.prefix()), ("v", "") | ("", "v"))
            && self.comparable_but_for_prefix(other)
    }

    fn comparable_but_for_prefix(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.same_padding(other)
            && self.marks.len() == other.marks.len()
            && self.marks.iter().zip(&other.marks).all(|(a, b)| self.same_mark(a, other, b))
    }

    /// Whether this less specific version covers `other` already: `1.25` covers `1.25.3`, since a
    /// registry moves `1.25` along. A pre-release covers nothing, a date nothing of that day, and a tag
    /// that names one build (`1.25-ls240`) only other spellings of that build. Only means something
    /// between comparable versions.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        !self.is_prerelease()
            && self.precision < other.precision
            && other.parts.starts_with(&self.parts)
            && (!self.names_build() || self.counters().eq(other.counters()))
    }

    /// Whether a build counter such as `-ls240` ties the tag to one build, so that it never moves.
    pub(super) fn names_build(&self) -> bool {
        self.marks.iter().any(|mark| match mark {
            Mark::Counter { name, .. } => words::counts_builds(&self.tag.as_str()[name.clone()]),
            _ => false,
        })
    }

    /// Order of what was released: numbers, letter, revisions, pre-release. Missing numbers count as zero.
    pub(super) fn cmp_release(&self, other: &Self) -> Ordering {
        self.cmp_core(other).then_with(|| match (&self.pre, &other.pre) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => a.cmp(b),
        })
    }

    /// The same without the pre-release.
    pub(super) fn cmp_core(&self, other: &Self) -> Ordering {
        cmp_numbers(&self.parts, &other.parts)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| self.revisions().cmp(other.revisions()))
    }

    fn revisions(&self) -> impl Iterator<Item = &[u64]> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Revision { numbers, .. } => Some(numbers.as_slice()),
            _ => None,
        })
    }

    pub(super) fn counters(&self) -> impl Iterator<Item = &[u64]> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Counter { numbers, .. } => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// Versions of the operating systems.
    pub(super) fn systems(&self) -> impl Iterator<Item = &[u64]> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::System { numbers, .. } => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// Whether no operating system in `other` is older than here.
    pub(super) fn systems_only_grow(&self, other: &Self) -> bool {
        self.systems().zip(other.systems()).all(|(a, b)| a <= b)
    }

    /// Zero-padded numbers have a width: `24.04` goes with `24.10`, and neither with `24.9`.
    fn same_padding(&self, other: &Self) -> bool {
        if !self.zero_padded && !other.zero_padded {
            return true;
        }
        self.number().split('.').zip(other.number().split('.')).all(|(a, b)| {
            (!super::core::is_padded(a) || b.len() >= a.len())
                && (!super::core::is_padded(b) || a.len() >= b.len())
        })
    }

    /// A word such as `nightly` without a number is a channel: it rolls on, and is not left.
    fn channel(&self) -> Option<&'static str> {
        let PreRelease { stage, numbers } = self.pre.as_ref()?;
        (numbers.is_empty() && words::is_channel(*stage)).then_some(stage.word)
    }

    /// Whether going to `other` leaves no channel. Entering one is a matter of pre-releases.
    pub(super) fn keeps_channel(&self, other: &Self) -> bool {
        self.channel().is_none_or(|channel| other.channel() == Some(channel))
    }

    /// Whether a pre-release `other` is one that somebody who runs this version is waiting for.
    pub(super) fn same_prerelease_line(&self, other: &Self) -> bool {
        self.channel().is_some() || (self.pre.is_some() && self.cmp_core(other).is_eq())
    }

    fn same_mark(&self, mark: &Mark, other: &Self, others: &Mark) -> bool {
        let (mine, theirs) = (self.tag.as_str(), other.tag.as_str());
        match (mark, others) {
            (Mark::Commit, Mark::Commit) => true,
            (Mark::Flavour(a), Mark::Flavour(b)) => mine[a.clone()] == theirs[b.clone()],
            (Mark::System { family: a, numbers: x, .. }, Mark::System { family: b, numbers: y, .. }) => {
                a == b && x.len() == y.len()
            }
            (Mark::Revision { name: a, numbers: x }, Mark::Revision { name: b, numbers: y }) => {
                mine[a.clone()] == theirs[b.clone()] && x.len() == y.len()
            }
            (Mark::Counter { name: a, numbers: x }, Mark::Counter { name: b, numbers: y }) => {
                let (a, b) = (&mine[a.clone()], &theirs[b.clone()]);
                let clear = a != "-" || x == y || is_clear_counter(x) && is_clear_counter(y);
                a == b && x.len() == y.len() && clear
            }
            _ => false,
        }
    }

    /// The first number, the year of a date.
    pub(super) fn lead(&self) -> u64 {
        self.parts.first().copied().unwrap_or_default()
    }

    /// Whether steps are counted by the calendar rather than by what changed.
    pub(super) fn is_calendar(&self) -> bool {
        self.scheme != Scheme::Numbers
    }
}

/// Small numbers, dates, and several numbers (`-30.1`) count builds.
fn is_clear_counter(numbers: &[u64]) -> bool {
    numbers.len() > 1 || numbers.first().is_some_and(|n| *n < SMALL_COUNTER || *n >= 1_000_000)
}

/// Numeric order from the left, missing numbers counting as zero.
pub(super) fn cmp_numbers(a: &[u64], b: &[u64]) -> Ordering {
    let at = |parts: &[u64], index: usize| parts.get(index).copied().unwrap_or_default();
    (0..a.len().max(b.len())).map(|i| at(a, i).cmp(&at(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}
