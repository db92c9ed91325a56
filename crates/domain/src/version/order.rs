//! The order of versions, and which of them compete.

use std::cmp::Ordering;

use super::grammar::Version;
use super::scope::VariantRule;

/// Numbers as if the shorter list went on with zeros.
pub(super) fn compare_numbers(a: &[u64], b: &[u64]) -> Ordering {
    let len = a.len().max(b.len());
    let number = |list: &[u64], i: usize| list.get(i).copied().unwrap_or(0);
    (0..len).map(|i| number(a, i).cmp(&number(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

impl Version {
    /// The order among versions that compete: numbers, then pre-releases before the release, then
    /// build counters, then versions of the variant.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_numbers(&self.numbers, &other.numbers)
            .then_with(|| match (&self.prerelease, &other.prerelease) {
                (None, None) => Ordering::Equal,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => {
                    a.rank.cmp(b.rank).then_with(|| compare_numbers(&a.numbers, &b.numbers))
                }
            })
            .then_with(|| compare_counters(&self.builds, &other.builds))
            .then_with(|| compare_counters(&self.grows, &other.grows))
    }

    /// Whether the two compete: everything about them that is no growing number is the same.
    #[must_use]
    pub fn competes_with(&self, other: &Self, variant: VariantRule) -> bool {
        let kinds = |list: &[(String, Vec<u64>)]| list.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
        self.prefix_kind() == other.prefix_kind()
            && self.scheme == other.scheme
            && self.words == other.words
            && self.has_hash == other.has_hash
            && kinds(&self.builds) == kinds(&other.builds)
            && match variant {
                VariantRule::Exact => self.grows == other.grows,
                VariantRule::Family => kinds(&self.grows) == kinds(&other.grows),
            }
    }

    /// A repository changes between `v1.2` and `1.2` now and then: both are no prefix.
    fn prefix_kind(&self) -> &str {
        if self.prefix == "v" { "" } else { &self.prefix }
    }

    /// Whether `self` is spelled with the same prefix as `other`.
    pub(super) fn same_prefix(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }

    /// Whether `self` names what a less specific `general` covers: `1.25.3` and `1.25`.
    #[must_use]
    pub fn is_covered_by(&self, general: &Self) -> bool {
        self.numbers.len() > general.numbers.len() && self.numbers.starts_with(&general.numbers)
    }

    /// No component of the variant went backwards.
    pub(super) fn variant_not_below(&self, current: &Self) -> bool {
        self.grows.iter().zip(&current.grows).all(|((_, a), (_, b))| compare_numbers(a, b).is_ge())
    }
}

fn compare_counters(a: &[(String, Vec<u64>)], b: &[(String, Vec<u64>)]) -> Ordering {
    let none: &[u64] = &[];
    let len = a.len().max(b.len());
    (0..len)
        .map(|i| {
            let get =
                |list: &[(String, Vec<u64>)]| list.get(i).map_or_else(|| none.to_vec(), |(_, n)| n.clone());
            compare_numbers(&get(a), &get(b))
        })
        .find(|o| o.is_ne())
        .unwrap_or(Ordering::Equal)
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Total over all versions: what does not compete is ordered by shape first, what is equal by spelling.
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let kinds = |list: &[(String, Vec<u64>)]| list.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
        (self.scheme, self.prefix_kind(), &self.words, self.has_hash)
            .cmp(&(other.scheme, other.prefix_kind(), &other.words, other.has_hash))
            .then_with(|| kinds(&self.builds).cmp(&kinds(&other.builds)))
            .then_with(|| kinds(&self.grows).cmp(&kinds(&other.grows)))
            .then_with(|| self.compare(other))
            .then_with(|| self.numbers.len().cmp(&other.numbers.len()))
            .then_with(|| self.tag.cmp(&other.tag))
    }
}
