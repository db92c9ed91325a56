//! Ranges of versions: `>=1.2 <2`, `~1.4`, `^1.4`, `1.x`, `1.2 || >=2.1`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Version;
use super::compare::cmp_numbers;

/// The longest constraint that is read, in bytes.
const MAX_LENGTH: usize = 256;

/// A range that the numbers of a version must lie in.
///
/// Spaces and commas mean *and*, `||` means *or*. Operators are `=`, `!=`, `>`, `>=`, `<`, `<=`, `~`
/// (the last number but one stays) and `^` (the first number that is not zero stays). A number that
/// is left out, or written `x` or `*`, may be anything: `1.4` and `1.4.x` are both `>=1.4 <1.5`, and
/// `>1.4` begins at `1.5`. Only numbers count, so `2.0.0-rc1` is not below `2`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Constraint {
    text: String,
    alternatives: Vec<Vec<Test>>,
}

#[derive(Debug, Clone)]
enum Test {
    From(Vec<u64>),
    Below(Vec<u64>),
    NotBetween(Vec<u64>, Vec<u64>),
}

/// Why a text is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseConstraintError {
    /// Nothing is there, or nothing on one side of `||`.
    #[error("a version constraint is empty; write for example `>=1.2 <2`")]
    Empty,
    /// Longer than 256 bytes.
    #[error("a version constraint has at most {MAX_LENGTH} characters")]
    TooLong,
    /// An operator that does not exist.
    #[error("`{0}` is no operator; use =, !=, >, >=, <, <=, ~ or ^")]
    UnknownOperator(String),
    /// An operator with nothing behind it.
    #[error("a version is missing after `{0}`")]
    MissingVersion(String),
    /// Something that is not numbers with dots.
    #[error("`{0}` is no version; a constraint has numbers with dots between them, like `1.4` or `1.x`")]
    BadVersion(String),
    /// A range with a dash.
    #[error("a range is written `>=1.2 <=2.3`, not with a dash")]
    Dash,
}

impl Constraint {
    /// The constraint as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `version` lies in the range.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        let parts = version.parts();
        self.alternatives.iter().any(|tests| tests.iter().all(|test| test.admits(parts)))
    }
}

impl Test {
    fn admits(&self, parts: &[u64]) -> bool {
        let below = |limit: &[u64]| cmp_numbers(parts, limit) == Ordering::Less;
        match self {
            Self::From(limit) => !below(limit),
            Self::Below(limit) => below(limit),
            Self::NotBetween(from, to) => below(from) || !below(to),
        }
    }
}

impl FromStr for Constraint {
    type Err = ParseConstraintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(ParseConstraintError::TooLong);
        }
        let alternatives = text.split("||").map(read_tests).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), alternatives })
    }
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c == ','
}

fn is_operator(c: char) -> bool {
    "=!<>~^&|".contains(c)
}

fn read_tests(text: &str) -> Result<Vec<Test>, ParseConstraintError> {
    let mut tests = Vec::new();
    let mut rest = text.trim_start_matches(is_gap);
    if rest.is_empty() {
        return Err(ParseConstraintError::Empty);
    }
    while !rest.is_empty() {
        let operator;
        (operator, rest) = split_at(rest, |c| !is_operator(c));
        let version;
        (version, rest) = split_at(rest.trim_start(), |c| is_gap(c) || is_operator(c));
        add_tests(operator, version, &mut tests)?;
        rest = rest.trim_start_matches(is_gap);
    }
    Ok(tests)
}

fn split_at(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

fn add_tests(operator: &str, version: &str, tests: &mut Vec<Test>) -> Result<(), ParseConstraintError> {
    use ParseConstraintError as E;
    if !matches!(operator, "" | "=" | "==" | "!=" | ">" | ">=" | "<" | "<=" | "~" | "^") {
        return Err(E::UnknownOperator(shown(operator)));
    }
    if version.is_empty() {
        return Err(E::MissingVersion(operator.to_owned()));
    }
    if version == "-" {
        return Err(E::Dash);
    }
    let from = read_numbers(version).ok_or_else(|| E::BadVersion(shown(version)))?;
    if from.is_empty() {
        // `*` admits everything, and nothing is beyond everything.
        if matches!(operator, "<" | ">" | "!=") {
            tests.push(Test::Below(Vec::new()));
        }
        return Ok(());
    }
    let next = after(&from);
    match operator {
        ">=" => tests.push(Test::From(from)),
        ">" => tests.push(Test::From(next)),
        "<" => tests.push(Test::Below(from)),
        "<=" => tests.push(Test::Below(next)),
        "!=" => tests.push(Test::NotBetween(from, next)),
        "~" => {
            let end = after(&from[..from.len().min(2)]);
            tests.extend([Test::From(from), Test::Below(end)]);
        }
        "^" => {
            let kept = from.iter().position(|n| *n != 0).unwrap_or(from.len() - 1);
            let end = after(&from[..=kept]);
            tests.extend([Test::From(from), Test::Below(end)]);
        }
        _ => tests.extend([Test::From(from), Test::Below(next)]),
    }
    Ok(())
}

/// The numbers of a bound, without those that may be anything: a version, a date, or `1.x`.
fn read_numbers(text: &str) -> Option<Vec<u64>> {
    if !text.is_ascii() {
        return None;
    }
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let is_any = |part: &str| matches!(part, "x" | "X" | "*");
    let numbers = bare.split('.').take_while(|part| !is_any(part)).count();
    let mut parts = bare.splitn(numbers + 1, '.');
    if numbers > 0 && parts.clone().nth(numbers).is_none() {
        return super::core::read(bare, 0).filter(|core| core.end == bare.len()).map(|core| core.parts);
    }
    let found = parts.by_ref().take(numbers).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let rest_is_any = parts.next().is_none_or(|rest| rest.split('.').all(is_any));
    rest_is_any.then_some(found)
}

/// The lowest version above all that begin with `parts`.
fn after(parts: &[u64]) -> Vec<u64> {
    let mut next = parts.to_vec();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    next
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Constraint {}

impl TryFrom<String> for Constraint {
    type Error = ParseConstraintError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Constraint> for String {
    fn from(constraint: Constraint) -> Self {
        constraint.text
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

    #[test]
    fn ranges_admit_what_they_say() {
        for (constraint, inside, outside) in [
            (">=1.2 <2", "1.2 1.2.0 1.99.3", "1.1.9 2 2.0.0-rc1"),
            (">= 1.2, < 2", "1.2 1.99.3", "1.1.9 2.0"),
            ("~1.4", "1.4 1.4.9", "1.3.9 1.5.0"),
            ("~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5.0"),
            ("~1", "1.0 1.9.9", "0.9 2.0"),
            ("^1.4", "1.4 1.9.9", "1.3.9 2.0.0"),
            ("^0.4.1", "0.4.1 0.4.9", "0.4.0 0.5.0"),
            ("^0.0.3", "0.0.3", "0.0.4 0.1.0"),
            ("^0", "0.9.9", "1.0.0"),
            ("1.x", "1.0 1.9.9", "0.9 2.0"),
            ("1.4", "1.4 1.4.7", "1.5 1.3"),
            ("=1.4.2", "1.4.2", "1.4.3 1.4.1"),
            ("v1.4.*", "v1.4.0", "v1.5.0"),
            ("*", "0.0.1 99", ""),
            (">1.4", "1.5 2", "1.4 1.4.9"),
            ("<=1.4", "1.4.9 1.3", "1.5"),
            ("!=1.4.2 1.x", "1.4.1 1.4.3", "1.4.2 2.0"),
            ("1.2 || >=2.1", "1.2.9 2.1 3", "1.3 2.0.9"),
            (">=2024.1 <2025", "2024.11.3", "2023.12 2025.1.0"),
            (">=20240101", "20240101 20241231", "20231231"),
            (">=2024-01-01", "2024-01-01 2024-05-01", "2023-12-31"),
        ] {
            let range: Constraint = constraint.parse().unwrap_or_else(|e| panic!("{constraint}: {e}"));
            let admits = |tag: &str| range.admits(&Version::parse(&tag.parse().unwrap()).unwrap());
            assert!(inside.split(' ').all(admits), "{constraint} admits {inside}");
            assert!(
                !outside.split(' ').filter(|t| !t.is_empty()).any(admits),
                "{constraint} excludes {outside}"
            );
        }
    }

    #[test]
    fn a_bad_constraint_says_what_is_wrong() {
        use ParseConstraintError as E;
        for (text, why) in [
            ("", E::Empty),
            ("1.2 ||", E::Empty),
            (">=", E::MissingVersion(">=".into())),
            ("~>1.2", E::UnknownOperator("~>".into())),
            (">=1.2 && <2", E::UnknownOperator("&&".into())),
            ("1.2 - 2.3", E::Dash),
            ("latest", E::BadVersion("latest".into())),
            (">=2.0.0-rc1", E::BadVersion("2.0.0-rc1".into())),
            ("1..2", E::BadVersion("1..2".into())),
            ("1.x.3", E::BadVersion("1.x.3".into())),
            ("1.99999999999999999999", E::BadVersion("1.99999999999999999999".into())),
            ("ü", E::BadVersion("ü".into())),
            (&"1".repeat(300), E::TooLong),
        ] {
            assert_eq!(text.parse::<Constraint>().unwrap_err(), why, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_a_constraint_never_panics(text in "[ -~ü]{0,40}|[0-9x.<>=~^!|, v*-]{0,40}") {
            if let Ok(range) = text.parse::<Constraint>() {
                proptest::prop_assert_eq!(range.to_string().parse::<Constraint>().unwrap(), range);
            }
        }
    }
}
