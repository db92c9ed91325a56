//! Which newer versions to offer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::image::Tag;

use super::constraint::Constraint;
use super::grammar::{Scheme, Version};
use super::order::compare_numbers;
use super::pattern::TagPattern;
use super::scope::{Scope, Step, VariantRule};

/// A first number this much above the one below it, on few tags, is not the next major version.
const OUTLIER_GAP: u64 = 10;
/// As many tags make a first number credible whatever the gap.
const OUTLIER_TAGS: usize = 3;

/// What may be offered.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How far it may lie.
    pub scope: Scope,
    /// Only tags that match.
    pub include: Option<TagPattern>,
    /// No tags that match.
    pub exclude: Option<TagPattern>,
    /// Only versions in this range.
    pub constraint: Option<Constraint>,
    /// Whether pre-releases count.
    pub prerelease: bool,
    /// Whether the operating-system version in the tag may move.
    pub variant: VariantRule,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scope: Scope::Default,
            include: None,
            exclude: None,
            constraint: None,
            prerelease: false,
            variant: VariantRule::Family,
        }
    }
}

/// A newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its tag.
    pub tag: Tag,
    /// The same, read.
    pub version: Version,
    /// How large a step it is.
    pub step: Step,
}

/// What lies outside the scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beyond {
    /// How many newer versions.
    pub count: usize,
    /// The newest of them.
    pub newest: Option<Tag>,
}

/// Why nothing is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoneWhy {
    /// The current tag is no version.
    NotAVersion,
    /// It is the newest.
    Newest,
    /// All that is newer lies outside the scope.
    BeyondScope,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Newer versions within the rules, newest first.
    pub candidates: Vec<Candidate>,
    /// Newer versions that only the scope keeps out.
    pub beyond_scope: Beyond,
    /// How many pre-releases are newer than the current version and not offered.
    pub held_prereleases: usize,
    /// Why there are no candidates, where there are none.
    pub none: Option<NoneWhy>,
}

/// Chooses, from all tags of a repository, those that are newer than `current` and may be offered.
///
/// A tag competes when it has the shape of `current`: same prefix (with or without `v`), scheme and
/// variant. Of several spellings of one version the one as precise as `current` stays, else the most
/// precise. A tag with fewer numbers stands for whatever is behind it: `1.25` covers `1.25.3`, and where
/// such tags move along with what they cover, only tags of the same precision compete.
///
/// Orphan tags are left out: a lone tag whose first number is far above every other one in the
/// repository (`99.99.99` beside `1.x`) is a mistake or a marker, not the next version; dates and years
/// beside plain versions never compete at all.
#[must_use]
pub fn choose(current: &Tag, tags: &[Tag], rules: &Rules) -> Choice {
    let Some(now) = Version::parse(current) else {
        return Choice {
            candidates: Vec::new(),
            beyond_scope: Beyond::default(),
            held_prereleases: 0,
            none: Some(NoneWhy::NotAVersion),
        };
    };
    let shaped: Vec<Version> = tags
        .iter()
        .filter_map(Version::parse)
        .filter(|v| v.competes_with(&now, rules.variant) && passes_patterns(v, rules))
        .collect();
    let ceiling = credible_ceiling(&now, &shaped);
    let floats = is_floating(&now, &shaped);
    let mut held_prereleases = 0;
    let mut newer: Vec<Version> = Vec::new();
    for version in &shaped {
        let usable = version.compare(&now).is_gt()
            && version.variant_not_below(&now)
            && !version.is_covered_by(&now)
            && ceiling.is_none_or(|top| version.number(0) <= top)
            && rules.constraint.as_ref().is_none_or(|c| c.admits(version))
            && precision_fits(&now, version, floats);
        if !usable {
            continue;
        }
        if version.is_prerelease() && !rules.prerelease && !same_line(&now, version) {
            held_prereleases += 1;
            continue;
        }
        newer.push(version.clone());
    }
    // Sorted once: looking for what a tag covers must not look through all of them each time.
    let floating = floating_of(&shaped);
    if !floats {
        newer.retain(|v| v.numbers.len() == now.numbers.len() || !floating.contains(&v.numbers));
    }
    let newer = one_spelling_each(&now, newer);
    let (within, beyond): (Vec<Version>, Vec<Version>) =
        newer.into_iter().partition(|v| rules.scope.admits(&now, v));
    let beyond_scope = Beyond { count: beyond.len(), newest: beyond.first().map(|v| v.tag.clone()) };
    let candidates: Vec<Candidate> = within
        .into_iter()
        .map(|version| Candidate { tag: version.tag.clone(), step: Step::between(&now, &version), version })
        .collect();
    let none = match (candidates.is_empty(), beyond_scope.count) {
        (false, _) => None,
        (true, 0) => Some(NoneWhy::Newest),
        (true, _) => Some(NoneWhy::BeyondScope),
    };
    Choice { candidates, beyond_scope, held_prereleases, none }
}

fn passes_patterns(version: &Version, rules: &Rules) -> bool {
    let tag = version.tag.as_str();
    rules.include.as_ref().is_none_or(|p| p.matches(tag))
        && rules.exclude.as_ref().is_none_or(|p| !p.matches(tag))
}

/// A pre-release goes on to the next of its own line, and to its release.
fn same_line(now: &Version, version: &Version) -> bool {
    now.is_prerelease() && compare_numbers(&now.numbers, &version.numbers).is_eq()
}

/// Whether something in the repository is covered by `version`, so that its tag moves.
fn is_floating(version: &Version, shaped: &[Version]) -> bool {
    shaped.iter().any(|v| v.is_covered_by(version))
}

/// The numbers of all tags that cover another one.
fn floating_of(shaped: &[Version]) -> std::collections::BTreeSet<Vec<u64>> {
    let mut covered = std::collections::BTreeSet::new();
    for version in shaped {
        for len in 1..version.numbers.len() {
            covered.insert(version.numbers[..len].to_vec());
        }
    }
    covered
}

/// Whoever follows a moving tag wants the next moving tag of the same precision.
fn precision_fits(now: &Version, version: &Version, now_floats: bool) -> bool {
    !now_floats || version.numbers.len() == now.numbers.len()
}

/// The first number above which nothing is credible; `None` when everything is.
fn credible_ceiling(now: &Version, shaped: &[Version]) -> Option<u64> {
    if now.scheme != Scheme::Numbers {
        return None;
    }
    let mut tags_by_first: BTreeMap<u64, usize> = BTreeMap::new();
    for version in shaped {
        *tags_by_first.entry(version.number(0)).or_default() += 1;
    }
    let mut credible = now.number(0);
    for (first, count) in tags_by_first.range(credible + 1..) {
        if first - credible > OUTLIER_GAP && *count < OUTLIER_TAGS {
            return Some(credible);
        }
        credible = *first;
    }
    None
}

/// Newest first, each version once.
fn one_spelling_each(now: &Version, mut versions: Vec<Version>) -> Vec<Version> {
    let precision = now.numbers.len();
    versions.sort_by(|a, b| {
        b.compare(a)
            .then_with(|| (b.numbers.len() == precision).cmp(&(a.numbers.len() == precision)))
            .then_with(|| b.same_prefix(now).cmp(&a.same_prefix(now)))
            .then_with(|| b.numbers.len().cmp(&a.numbers.len()))
            .then_with(|| a.tag.cmp(&b.tag))
    });
    versions.dedup_by(|later, kept| later.compare(kept).is_eq());
    versions
}

/// The tags that a tag such as `latest` may mean, most likely first: releases before pre-releases,
/// higher before lower, the more precise of two equal ones first. For display only.
#[must_use]
pub fn rank_for_resolution(tags: &[Tag]) -> Vec<Tag> {
    let mut versions: Vec<Version> = tags.iter().filter_map(Version::parse).collect();
    versions.sort_by(|a, b| {
        (a.is_prerelease(), a.words.len() + a.grows.len())
            .cmp(&(b.is_prerelease(), b.words.len() + b.grows.len()))
            .then_with(|| b.compare(a))
            .then_with(|| Reverse(a.numbers.len()).cmp(&Reverse(b.numbers.len())))
            .then_with(|| a.tag.cmp(&b.tag))
    });
    versions.into_iter().map(|v| v.tag).collect()
}
