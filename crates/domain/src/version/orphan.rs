//! The guard against orphaned tags.
//!
//! Repositories keep tags that belong to no series that is still going on: a date pushed by mistake
//! (`20191231`), a base image's version (`20.04.1`), a digit too many (`14.3.9` for `4.3.9`), a
//! placeholder (`99.99.99`), a scheme given up years ago. Offered as "newest" they would downgrade
//! what runs. Five rules keep them out, the first four by shape: prefix and marks must agree
//! ([`Version::comparable_with`]); schemes are never mixed, and digits that are neither short nor a
//! date are no version at all; zero-padded numbers go only with their like; a tag with fewer numbers
//! than the current one is not offered, one with more only where less specific tags evidently move
//! along with more specific ones (build counters excuse both). The fifth is here: versions whose
//! first number lies more than [`ORPHAN_GAP`] beyond the next lower one are set aside as long as
//! there are no more than [`ORPHAN_LIMIT`] of them, a lone one already beyond [`LONE_ORPHAN_GAP`].
//! They are reported, not dropped, and count again once a series has formed.

use super::{Scheme, Version};

/// The first number of a version may be this far beyond the next lower one without further evidence,
/// and a tenth of that lower one where it counts builds (`stable-9779`, `stable-10008`).
pub const ORPHAN_GAP: u64 = 10;

/// The same for a version that is alone up there. A single number (Java's `8`, then `17`) has the
/// wider [`ORPHAN_GAP`], and so have years.
pub const LONE_ORPHAN_GAP: u64 = 8;

/// So many versions beyond the gap do not make a series yet.
pub const ORPHAN_LIMIT: usize = 2;

/// The first number from which on the newer ones among `versions` are orphans.
pub(super) fn first_orphan(current: &Version, versions: &[Version]) -> Option<u64> {
    let mut parts: Vec<&[u64]> =
        versions.iter().filter(|v| v.lead() > current.lead()).map(Version::parts).collect();
    parts.sort_unstable();
    parts.dedup();
    let counts = current.scheme() == Scheme::Numbers;
    let lone_gap = match parts.last() {
        Some([_, _, ..]) if counts => LONE_ORPHAN_GAP,
        _ => ORPHAN_GAP,
    };
    let mut first = None;
    // From the top down, as long as there is no series yet. Less specific spellings, each in front of
    // one that it covers, do not add to it.
    let mut leaves = 0;
    for (index, numbers) in parts.iter().enumerate().rev() {
        leaves += usize::from(!parts.get(index + 1).is_some_and(|next| next.starts_with(numbers)));
        if leaves > ORPHAN_LIMIT {
            break;
        }
        let below = index.checked_sub(1).map_or(current.lead(), |lower| parts[lower][0]);
        let usual = if leaves == 1 { lone_gap } else { ORPHAN_GAP };
        let gap = if counts { usual.max(below / 10) } else { usual };
        if numbers[0] - below > gap {
            first = Some(numbers[0]);
        }
    }
    first
}
