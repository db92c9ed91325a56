//! Ranges of versions: `>=1.2 <2`, `~1.4`, `^1.4`, `1.x`, alternatives by `||`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::grammar::Version;

/// The longest range, characters.
const MAX_CONSTRAINT: usize = 256;

/// A range that versions must lie in. Parts are joined by spaces or commas (all must hold) and `||`
/// (one must).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    text: String,
    alternatives: Vec<Vec<Bound>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    op: Op,
    numbers: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The numbers that are given are the same.
    Within,
    NotWithin,
    Any,
}

/// Why a text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseConstraintError {
    /// Nothing is there, or nothing beside a `||`.
    #[error("a version range is empty; write for example `>=1.2 <2`, `~1.4`, `^1.4` or `1.x`")]
    Empty,
    /// Longer than 256 characters.
    #[error("a version range has at most 256 characters")]
    TooLong,
    /// A part that cannot be read.
    #[error("`{0}` is no part of a version range; write for example `>=1.2 <2`, `~1.4`, `^1.4` or `1.x`")]
    BadPart(String),
}

impl Constraint {
    /// Whether `version`'s numbers lie in the range.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|bounds| bounds.iter().all(|bound| bound.admits(version)))
    }

    /// The range as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Bound {
    fn admits(&self, version: &Version) -> bool {
        let len = self.numbers.len().max(version.numbers().len());
        let number = |i: usize| self.numbers.get(i).copied().unwrap_or(0);
        let whole = (0..len)
            .map(|i| version.number(i).cmp(&number(i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal);
        let within = || self.numbers.iter().enumerate().all(|(i, n)| version.number(i) == *n);
        match self.op {
            Op::Any => true,
            Op::Less => whole.is_lt(),
            Op::LessOrEqual => whole.is_lt() || within(),
            Op::Greater => whole.is_gt() && !within(),
            Op::GreaterOrEqual => whole.is_ge(),
            Op::Within => within(),
            Op::NotWithin => !within(),
        }
    }
}

/// `1`, `v1.2`, `1.2.x`, `*`: the numbers before the first wildcard.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut numbers = Vec::new();
    let mut open = false;
    for part in text.split('.') {
        match part {
            "x" | "X" | "*" => open = true,
            _ if open || part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) => return None,
            _ => numbers.push(part.parse().ok()?),
        }
    }
    Some(numbers)
}

fn bounds(part: &str) -> Option<Vec<Bound>> {
    let ops = [
        (">=", Op::GreaterOrEqual),
        ("<=", Op::LessOrEqual),
        ("!=", Op::NotWithin),
        (">", Op::Greater),
        ("<", Op::Less),
        ("=", Op::Within),
    ];
    for (sign, op) in ops {
        if let Some(rest) = part.strip_prefix(sign) {
            let numbers = numbers(rest)?;
            return if numbers.is_empty() { None } else { Some(vec![Bound { op, numbers }]) };
        }
    }
    if let Some(rest) = part.strip_prefix('~') {
        let low = numbers(rest).filter(|n| !n.is_empty())?;
        let same = low[..low.len().min(2)].to_vec();
        return Some(vec![
            Bound { op: Op::GreaterOrEqual, numbers: low },
            Bound { op: Op::Within, numbers: same },
        ]);
    }
    if let Some(rest) = part.strip_prefix('^') {
        let low = numbers(rest).filter(|n| !n.is_empty())?;
        // Below 1.0 the first number that is not zero counts as the major version.
        let fixed = low.iter().position(|n| *n != 0).map_or(low.len(), |at| at + 1);
        let same = low[..fixed].to_vec();
        return Some(vec![
            Bound { op: Op::GreaterOrEqual, numbers: low },
            Bound { op: Op::Within, numbers: same },
        ]);
    }
    let numbers = numbers(part)?;
    let op = if numbers.is_empty() { Op::Any } else { Op::Within };
    Some(vec![Bound { op, numbers }])
}

impl FromStr for Constraint {
    type Err = ParseConstraintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > MAX_CONSTRAINT {
            return Err(ParseConstraintError::TooLong);
        }
        let mut alternatives = Vec::new();
        for alternative in text.split("||") {
            let mut all = Vec::new();
            // `>= 1.2` is written as often as `>=1.2`.
            let mut sign = String::new();
            for part in alternative.split([' ', ',', '\t']).filter(|p| !p.is_empty()) {
                if part.chars().all(|c| "<>=!~^".contains(c)) {
                    sign.push_str(part);
                    continue;
                }
                let whole = format!("{sign}{part}");
                sign.clear();
                all.extend(bounds(&whole).ok_or(ParseConstraintError::BadPart(whole))?);
            }
            if !sign.is_empty() {
                return Err(ParseConstraintError::BadPart(sign));
            }
            if all.is_empty() {
                return Err(ParseConstraintError::Empty);
            }
            alternatives.push(all);
        }
        Ok(Self { text: text.trim().to_owned(), alternatives })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(range: &str, tag: &str) -> bool {
        let version = Version::parse(&tag.parse().unwrap()).unwrap();
        range.parse::<Constraint>().unwrap_or_else(|e| panic!("{range}: {e}")).admits(&version)
    }

    #[test]
    fn ranges_mean_what_people_mean_by_them() {
        for (range, inside, outside) in [
            (">=1.2 <2", &["1.2", "1.9.9", "v1.2.0"][..], &["1.1.9", "2.0.0", "2"][..]),
            (">= 1.2, < 2", &["1.2"], &["2.1"]),
            ("~1.4", &["1.4.0", "1.4.9"], &["1.5.0", "1.3.9"]),
            ("~1.4.2", &["1.4.2", "1.4.9"], &["1.4.1", "1.5"]),
            ("^1.4", &["1.4.0", "1.9"], &["2.0", "1.3"]),
            ("^0.4", &["0.4.1"], &["0.5.0"]),
            ("1.x", &["1.0", "1.99.1"], &["2.0"]),
            ("1.2.*", &["1.2.9"], &["1.3.0"]),
            ("<=1.4", &["1.4.9", "1.3"], &["1.5"]),
            (">1.4", &["1.5"], &["1.4.9", "1.4"]),
            ("!=1.4.2", &["1.4.1"], &["1.4.2"]),
            ("1.2 || >=3", &["1.2.9", "3.1"], &["2.0"]),
            ("*", &["7"], &[]),
        ] {
            for tag in inside {
                assert!(admits(range, tag), "{range} admits {tag}");
            }
            for tag in outside {
                assert!(!admits(range, tag), "{range} does not admit {tag}");
            }
        }
    }

    #[test]
    fn what_is_no_range_is_named() {
        use ParseConstraintError as E;
        for (text, why) in [
            ("", E::Empty),
            ("1.2 ||", E::Empty),
            (">=", E::BadPart(">=".into())),
            ("latest", E::BadPart("latest".into())),
            ("1..2", E::BadPart("1..2".into())),
            ("1.x.2", E::BadPart("1.x.2".into())),
            (">99999999999999999999", E::BadPart(">99999999999999999999".into())),
        ] {
            assert_eq!(text.parse::<Constraint>(), Err(why), "{text}");
        }
    }
}
