//! The tags of a repository that belong to one series, and what they tell about each other.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::orphan::first_orphan;
use super::{Rules, VariantRule, Version};
use crate::image::Tag;

/// The versions of one series that are as specific as the current one or more so.
pub(super) struct Siblings {
    versions: Vec<Version>,
    first_orphan: Option<u64>,
}

impl Siblings {
    pub(super) fn collect<'a>(
        current: &Version,
        tags: impl IntoIterator<Item = &'a Tag>,
        rules: &Rules,
    ) -> Self {
        let versions: Vec<Version> = tags
            .into_iter()
            // Most tags of a big repository end here, before anything is allocated.
            .filter(|tag| tag.as_str().starts_with(current.prefix()) && rules.filters_admit(tag))
            .filter_map(Version::parse)
            .filter(|other| {
                current.comparable_with(other)
                    && current.keeps_channel(other)
                    && other.parts().len() >= current.parts().len()
                    && systems_may_move(current, other, rules.variant)
            })
            .collect();
        let first_orphan = first_orphan(current, &versions);
        Self { versions, first_orphan }
    }

    /// Those that may take the place of `current`, older ones included.
    ///
    /// One with more numbers than `current` is left out, unless the list shows that less specific
    /// tags go together with more specific ones here (`1.25` or `1.25-rc1` beside `1.25.3`), and none
    /// of the released ones stands for it.
    pub(super) fn candidates<'s>(&'s self, current: &'s Version) -> impl Iterator<Item = &'s Version> {
        let length = current.parts().len();
        let is_longer = |v: &&Version| v.parts().len() > length;
        // For each line `1.25`, whether it is released and so stands for what it covers.
        let mut lines: HashMap<&[u64], bool> = HashMap::new();
        if self.versions.iter().any(|v| is_longer(&v)) {
            for version in self.versions.iter().filter(|v| !is_longer(v)).chain([current]) {
                *lines.entry(version.parts()).or_default() |= !version.is_prerelease();
            }
        }
        let go_together =
            self.versions.iter().filter(is_longer).any(|v| lines.contains_key(&v.parts()[..length]));
        self.versions.iter().filter(move |v| {
            v.parts().len() == length
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
