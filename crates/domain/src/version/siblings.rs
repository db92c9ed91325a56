//! The tags of a repository that belong to one series, and what they tell about each other.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::orphan::first_orphan;
use super::{Rules, VariantRule, Version};
use crate::image::Tag;

/// The versions of one series that may stand in one row with the current one.
pub(super) struct Siblings {
    versions: Vec<Version>,
    first_orphan: Option<u64>,
    /// Each tag names one build, however many numbers it has.
    each_is_one_build: bool,
}

impl Siblings {
    pub(super) fn collect<'a>(
        current: &Version,
        tags: impl IntoIterator<Item = &'a Tag>,
        rules: &Rules,
    ) -> Self {
        let plain_counts_too = current.prefix() == "v";
        let may_belong = |text: &str| {
            text.starts_with(current.prefix())
                || (plain_counts_too && text.starts_with(|c: char| c.is_ascii_digit()))
        };
        let mut versions: Vec<Version> = tags
            .into_iter()
            // Most tags of a big repository end here, before anything is allocated.
            .filter(|tag| may_belong(tag.as_str()) && rules.filters_admit(tag))
            .filter_map(Version::parse)
            .filter(|other| current.comparable_with(other) || current.comparable_but_for_v(other))
            .collect();
        // Both are facts of the repository: whichever version of the series asks finds the same.
        let each_is_one_build = current.names_build() && !builds_are_spelled_twice(&versions);
        let went_over = went_over(current, &versions);
        versions.retain(|other| {
            (went_over || other.prefix() == current.prefix())
                && current.keeps_channel(other)
                && (each_is_one_build || other.precision() >= current.precision())
                && systems_may_move(current, other, rules.variant)
        });
        let first_orphan = first_orphan(current, &versions);
        Self { versions, first_orphan, each_is_one_build }
    }

    /// Those that may take the place of `current`, older ones included.
    ///
    /// One with more numbers than `current` is left out, unless the list shows that less specific
    /// tags go together with more specific ones here (`1.25` or `1.25-rc1` beside `1.25.3`), and none
    /// of the released ones stands for it.
    pub(super) fn candidates<'s>(&'s self, current: &'s Version) -> impl Iterator<Item = &'s Version> {
        let length = current.precision();
        let is_longer = |v: &&Version| v.precision() > length;
        // For each line `1.25`, whether it is released and so stands for what it covers.
        let mut lines: HashMap<&[u64], bool> = HashMap::new();
        if !self.each_is_one_build && self.versions.iter().any(|v| is_longer(&v)) {
            for version in self.versions.iter().filter(|v| !is_longer(v)).chain([current]) {
                *lines.entry(&version.parts()[..length]).or_default() |= !version.is_prerelease();
            }
        }
        let go_together =
            self.versions.iter().filter(is_longer).any(|v| lines.contains_key(&v.parts()[..length]));
        self.versions.iter().filter(move |v| {
            self.each_is_one_build
                || v.precision() == length
                || (go_together && !lines.get(&v.parts()[..length]).copied().unwrap_or_default())
        })
    }

    /// Whether `version` is an orphan (see [`super::orphan`]).
    pub(super) fn is_orphan(&self, version: &Version) -> bool {
        self.first_orphan.is_some_and(|first| version.lead() >= first)
    }

    /// Evidence of which operating-system versions are still published.
    pub(super) fn reach(&self) -> Reach<'_> {
        let mut sorted: Vec<&Version> = self.versions.iter().filter(|v| !v.is_prerelease()).collect();
        sorted.sort_unstable_by(|a, b| a.systems().cmp(b.systems()).then_with(|| a.parts().cmp(b.parts())));
        Reach { sorted }
    }
}

/// For each tag, the newest version that it stands for.
pub(super) struct Reach<'s> {
    /// By operating-system version, then by numbers, so that each tag is in front of those it covers.
    sorted: Vec<&'s Version>,
}

impl<'s> Reach<'s> {
    /// The numbers of the newest version that `version` covers on its operating system, else its own.
    pub(super) fn of(&self, version: &'s Version) -> &'s [u64] {
        if version.names_build() {
            return version.parts();
        }
        let end = self.sorted.partition_point(|other| {
            let order = other.systems().cmp(version.systems()).then_with(|| {
                if version.covers(other) { Ordering::Equal } else { other.parts().cmp(version.parts()) }
            });
            order.is_le()
        });
        let last = end.checked_sub(1).and_then(|index| self.sorted.get(index).copied());
        let covered = last.filter(|last| last.systems().eq(version.systems()) && version.covers(last));
        covered.unwrap_or(version).parts()
    }
}

fn systems_may_move(current: &Version, other: &Version, rule: VariantRule) -> bool {
    match rule {
        VariantRule::Exact => current.systems().eq(other.systems()),
        VariantRule::Family => current.systems_only_grow(other),
    }
}

/// Whether some build has a less specific tag and a more specific one: `4.0.9-ls240` beside
/// `4.0.9.2244-ls240`. Without that, tags of different lengths are different builds.
fn builds_are_spelled_twice(versions: &[Version]) -> bool {
    let Some(length) = versions.first().map(Version::precision) else { return false };
    if versions.iter().all(|v| v.precision() == length) {
        return false;
    }
    // By build, then by numbers, a release behind its pre-releases: next to the first that it covers.
    let mut sorted: Vec<&Version> = versions.iter().collect();
    sorted.sort_unstable_by(|a, b| {
        let numbers = || a.parts().cmp(b.parts());
        a.counters().cmp(b.counters()).then_with(numbers).then(b.is_prerelease().cmp(&a.is_prerelease()))
    });
    sorted.windows(2).any(|pair| pair[0].covers(pair[1]))
}

/// Whether the series goes on in the other spelling, with or without a leading `v`: at least two
/// releases there, and each newer than all in the spelling of `current`. Floating tags do not count.
fn went_over(current: &Version, versions: &[Version]) -> bool {
    let released = || versions.iter().filter(|v| !v.is_prerelease());
    let (here, mut there): (Vec<&Version>, Vec<&Version>) =
        released().partition(|v| v.prefix() == current.prefix());
    let last_here = here.into_iter().fold(current, |a, b| if b.cmp_release(a).is_gt() { b } else { a });
    let is_newer = |v: &Version| v.cmp_release(last_here).is_gt();
    // Where both spellings are kept, one look at the tags that cannot be floating ones tells.
    let longest = there.iter().map(|v| v.precision()).max();
    if there.iter().any(|v| Some(v.precision()) == longest && !is_newer(v)) {
        return false;
    }
    there.sort_unstable_by(|a, b| a.parts().cmp(b.parts()));
    // Repeats, and other spellings of the same numbers, stand between a tag and the first that it covers.
    let floats = |index: usize| {
        let mut below = there[index + 1..].iter().take_while(|v| v.parts().starts_with(there[index].parts()));
        below.any(|v| there[index].covers(v))
    };
    let numbered: Vec<&Version> = (0..there.len()).filter(|i| !floats(*i)).map(|i| there[i]).collect();
    let several = numbered.windows(2).any(|pair| pair[0].cmp_release(pair[1]).is_ne());
    several && numbered.into_iter().all(is_newer)
}
