//! Which newer versions to offer.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::compare::cmp_numbers;
use super::siblings::{Reach, Siblings};
use super::{Rules, Scope, Step, Version};
use crate::image::Tag;

/// A newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its tag.
    pub tag: Tag,
    /// The tag, read.
    pub version: Version,
    /// How big a step it is.
    pub step: Step,
    /// Whether the operating system's version moves along with it.
    pub system_moves: bool,
}

impl Candidate {
    /// Whether it is at most a patch: `1.2.3` to `1.2.4`, or another build, on the same operating
    /// system. This is as far as automatic updates go while nobody has said how far they may.
    #[must_use]
    pub fn is_patch_level(&self) -> bool {
        matches!(self.step, Step::Patch | Step::Build) && !self.system_moves
    }
}

/// Newer versions that the scope hides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BeyondScope {
    /// How many versions.
    pub count: usize,
    /// The newest of them.
    pub newest: Option<Tag>,
}

/// Why no newer version is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNone {
    /// The current tag is not a version, so nothing is newer than it.
    NotAVersion,
    /// A person ignores all that is newer.
    Ignored,
    /// All that is newer is beyond the scope.
    BeyondScope,
    /// All that is newer is outside the constraint.
    OutsideConstraint,
    /// All that is newer are pre-releases.
    OnlyPrereleases,
    /// What looks newer does not belong to the series.
    OnlyOrphans,
    /// The list has nothing newer.
    NothingNewer,
}

/// What [`choose`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Newer versions, newest first, one tag for each.
    pub candidates: Vec<Candidate>,
    /// What fulfils every rule but the scope.
    pub beyond_scope: BeyondScope,
    /// How many pre-releases within the scope are newer than the first candidate, or than the
    /// current version where there is none, and were left out for being pre-releases.
    pub held_prereleases: usize,
    /// Tags that look newer and were set aside as orphans, newest first.
    pub orphans: Vec<Tag>,
    /// Why `candidates` is empty; `None` where it is not.
    pub why_none: Option<WhyNone>,
    current: Option<Version>,
}

impl Choice {
    /// The newest candidate that `scope`, as wide as the one asked for or narrower, admits.
    #[must_use]
    pub fn newest_within(&self, scope: Scope) -> Option<&Candidate> {
        let current = self.current.as_ref()?;
        self.candidates.iter().find(|candidate| scope.admits(current, &candidate.version))
    }

    /// The newest candidate that is at most a patch; see [`Candidate::is_patch_level`].
    #[must_use]
    pub fn newest_patch(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.is_patch_level())
    }
}

/// Which of `tags` are newer than `current` and fulfil `rules`. The order of `tags` does not matter,
/// and `current` need not be among them.
///
/// A less specific tag covers what it stands for already: nothing within `1.25.*` is newer than
/// `1.25`, and `1.26` is offered rather than `1.26.3`. Tags that mean one version (`2026.5` and
/// `2026.5.0`, several builds, several operating systems) are collapsed into one: on the current
/// operating system as long as that is published, then the last build, then the more specific spelling.
///
/// How many numbers a tag has does not matter where a build counter ties each of them to one build
/// (`5.1.2-ls240`, then `5.2-ls241`). Tags with a leading `v` and tags without count as one series
/// only where the project evidently went over from one to the other: two or more releases are
/// spelled the other way, and all of them are newer than the last one in the spelling of `current`.
#[must_use]
pub fn choose<'a>(current: &Tag, tags: impl IntoIterator<Item = &'a Tag>, rules: &Rules) -> Choice {
    let Some(current) = Version::parse(current) else { return nothing(WhyNone::NotAVersion) };
    let siblings = Siblings::collect(&current, tags, rules);
    let sifted = sift(&current, &siblings, rules);
    let kept = one_of_each(&current, sifted.passed, &siblings);
    let mut choice = Choice { orphans: sifted.orphans, why_none: None, ..nothing(WhyNone::NothingNewer) };
    for (version, step) in kept {
        let tag = version.tag().clone();
        if rules.scope.admits(&current, version) {
            let system_moves = !version.systems().eq(current.systems());
            choice.candidates.push(Candidate { tag, version: version.clone(), step, system_moves });
        } else {
            choice.beyond_scope.count += 1;
            choice.beyond_scope.newest.get_or_insert(tag);
        }
    }
    let newest = choice.candidates.first().map_or(&current, |candidate| &candidate.version);
    let mut held = sifted.held;
    held.retain(|v| v.cmp_release(newest).is_gt() && rules.scope.admits(&current, v));
    held.sort_unstable_by(|a, b| a.cmp_release(b));
    held.dedup_by(|a, b| a.cmp_release(b).is_eq());
    choice.held_prereleases = held.len();
    if choice.candidates.is_empty() {
        choice.why_none = Some(if sifted.ignored {
            WhyNone::Ignored
        } else if choice.beyond_scope.count > 0 {
            WhyNone::BeyondScope
        } else if sifted.constrained {
            WhyNone::OutsideConstraint
        } else if choice.held_prereleases > 0 {
            WhyNone::OnlyPrereleases
        } else if choice.orphans.is_empty() {
            WhyNone::NothingNewer
        } else {
            WhyNone::OnlyOrphans
        });
    }
    choice.current = Some(current);
    choice
}

fn nothing(why: WhyNone) -> Choice {
    Choice {
        candidates: Vec::new(),
        beyond_scope: BeyondScope::default(),
        held_prereleases: 0,
        orphans: Vec::new(),
        why_none: Some(why),
        current: None,
    }
}

/// The siblings that are no older than the current version, by what the rules say to each.
#[derive(Default)]
struct Sifted<'s> {
    passed: Vec<&'s Version>,
    held: Vec<&'s Version>,
    orphans: Vec<Tag>,
    ignored: bool,
    constrained: bool,
}

fn sift<'s>(current: &'s Version, siblings: &'s Siblings, rules: &Rules) -> Sifted<'s> {
    let mut sifted = Sifted::default();
    let mut orphans = Vec::new();
    for version in siblings.candidates(current).filter(|v| v.cmp_release(current).is_ge()) {
        if siblings.is_orphan(version) {
            orphans.push(version);
        } else if rules.ignored.contains(version.tag()) {
            sifted.ignored |= Step::between(current, version).is_some();
        } else if rules.constraint.as_ref().is_some_and(|range| !range.admits(version)) {
            sifted.constrained |= Step::between(current, version).is_some();
        } else if version.is_prerelease() && !rules.prerelease && !current.same_prerelease_line(version) {
            sifted.held.push(version);
        } else {
            sifted.passed.push(version);
        }
    }
    orphans.sort_unstable_by(|a, b| b.cmp(a));
    orphans.dedup();
    sifted.orphans = orphans.into_iter().map(|version| version.tag().clone()).collect();
    sifted
}

/// One tag for each version newer than the current one, newest first.
fn one_of_each<'s>(
    current: &'s Version,
    mut versions: Vec<&'s Version>,
    siblings: &'s Siblings,
) -> Vec<(&'s Version, Step)> {
    // Other builds of the current version have to beat it.
    versions.push(current);
    let reach = current.systems().next().map(|_| siblings.reach());
    versions.sort_unstable_by(|a, b| {
        b.cmp_release(a).then_with(|| preference(b, a, current, reach.as_ref()).then_with(|| b.cmp(a)))
    });
    versions.dedup_by(|later, kept| later.cmp_release(kept).is_eq());
    let mut last_release: Option<&Version> = None;
    versions.retain(|version| {
        let superseded =
            version.is_prerelease() && last_release.is_some_and(|release| release.cmp_core(version).is_eq());
        if !version.is_prerelease() {
            last_release = Some(*version);
        }
        !superseded
    });
    let newer = |version| Step::between(current, version).map(|step| (version, step));
    versions.into_iter().filter_map(newer).collect()
}

/// Which of two tags for one version is the better one.
fn preference<'s>(a: &'s Version, b: &'s Version, current: &Version, reach: Option<&Reach<'s>>) -> Ordering {
    let systems = reach.map_or(Ordering::Equal, |reach| {
        let stays = |v: &Version| v.systems().eq(current.systems());
        cmp_numbers(reach.of(a), reach.of(b))
            .then_with(|| stays(a).cmp(&stays(b)))
            .then_with(|| a.systems().cmp(b.systems()))
    });
    systems.then_with(|| a.counters().cmp(b.counters())).then_with(|| a.parts().len().cmp(&b.parts().len()))
}
