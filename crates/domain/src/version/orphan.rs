//! The guard against orphaned tags.
//!
//! Repositories keep tags that belong to no series that is still going on: a date pushed by mistake
//! (`20191231`), a base image's version (`20.04.1`), a placeholder (`99.99.99`), a scheme given up
//! years ago. Offered as "newest" they would downgrade what runs. Five rules keep them out, the first
//! four by shape: prefix and marks must agree ([`Version::comparable_with`]); schemes are never mixed,
//! and digits that are neither short nor a date are no version at all; zero-padded numbers go only
//! with their like; a tag with fewer numbers than the current one is never offered, one with more
//! only where less specific tags evidently move along with more specific ones. The fifth is here:
//! versions whose first number lies more than [`ORPHAN_GAP`] beyond the next lower one are set aside
//! as long as there are no more than [`ORPHAN_LIMIT`] of them. They are reported, not dropped, and
//! count again once a series has formed.

use super::Version;

/// The first number of a version may be this far beyond the next lower one without further evidence.
pub const ORPHAN_GAP: u64 = 10;

/// So many versions beyond the gap do not make a series yet.
pub const ORPHAN_LIMIT: usize = 2;

/// The first number from which on the newer ones among `versions` are orphans.
pub(super) fn first_orphan(current: &Version, versions: &[Version]) -> Option<u64> {
    let mut parts: Vec<&[u64]> =
        versions.iter().filter(|v| v.lead() > current.lead()).map(Version::parts).collect();
    parts.sort_unstable();
    parts.dedup();
    let mut last = current.lead();
    for (index, numbers) in parts.iter().enumerate() {
        let lead = numbers[0];
        if lead - last > ORPHAN_GAP {
            let beyond = &parts[index..];
            return (count_leaves(beyond) <= ORPHAN_LIMIT).then_some(lead);
        }
        last = lead;
    }
    None
}

/// How many there are, not counting less specific spellings of another one; `sorted` keeps each in
/// front of those that it covers.
fn count_leaves(sorted: &[&[u64]]) -> usize {
    let covers_next = |pair: &&[&[u64]]| pair[1].starts_with(pair[0]);
    sorted.len() - sorted.windows(2).filter(covers_next).count()
}
