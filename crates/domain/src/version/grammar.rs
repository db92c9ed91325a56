//! Reading a tag as a version.

use crate::image::Tag;

use super::segment::{Segment, attached, classify, numbers};

/// What the numbers of a version mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Major, minor, patch and so on.
    Numbers,
    /// Year first: `2024.10.1`, `2022`.
    Calendar,
    /// A whole date, or date and time: `20241013`, `2024-10-13`, `RELEASE.2024-10-13T13-34-11Z`.
    Date,
}

/// A pre-release: how early it is, and its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prerelease {
    pub(super) rank: &'static str,
    pub(super) numbers: Vec<u64>,
}

/// A tag read as a version.
///
/// Equality and order follow the meaning first and the spelling last, so that the order is total.
#[derive(Debug, Clone)]
pub struct Version {
    pub(super) tag: Tag,
    pub(super) prefix: String,
    pub(super) scheme: Scheme,
    pub(super) numbers: Vec<u64>,
    pub(super) prerelease: Option<Prerelease>,
    pub(super) builds: Vec<(String, Vec<u64>)>,
    pub(super) grows: Vec<(String, Vec<u64>)>,
    pub(super) words: Vec<String>,
    pub(super) has_hash: bool,
}

/// Prefixes that belong to the version; any of the first group stands for the same thing.
const PREFIXES: &[&str] =
    &["version-", "version_", "release-", "release_", "release.", "rel-", "rel_", "stable-", "ver-"];

/// Words in front of numbers that do not make a version.
const NOT_PREFIXES: &[&str] = &[
    "pr", "pull", "sha", "commit", "git", "build", "dev", "nightly", "latest", "edge", "branch", "test",
    "ci", "mr", "run", "issue", "snapshot", "canary", "main", "master",
];

impl Version {
    /// Reads `tag` as a version; `None` where it is none.
    #[must_use]
    pub fn parse(tag: &Tag) -> Option<Self> {
        let (prefix, rest) = prefix(tag.as_str())?;
        let (scheme, numbers, rest) = core(rest)?;
        let mut version = Self {
            tag: tag.clone(),
            prefix,
            scheme,
            numbers,
            prerelease: None,
            builds: Vec::new(),
            grows: Vec::new(),
            words: Vec::new(),
            has_hash: false,
        };
        version.read_rest(rest)?;
        Some(version)
    }

    fn read_rest(&mut self, rest: &str) -> Option<()> {
        if rest.is_empty() {
            return Some(());
        }
        let rest = match rest.as_bytes()[0] {
            b'-' | b'_' | b'.' => &rest[1..],
            // Directly behind the numbers only a pre-release makes sense; else it is a commit id or a word.
            _ => {
                let end = rest.find(['-', '_']).unwrap_or(rest.len());
                self.take(attached(&rest[..end])?);
                if end == rest.len() {
                    return Some(());
                }
                &rest[end + 1..]
            }
        };
        for (i, piece) in rest.split(['-', '_']).enumerate() {
            let segment = classify(piece, i == 0)?;
            self.take(segment);
        }
        Some(())
    }

    fn take(&mut self, segment: Segment) {
        match segment {
            Segment::Prerelease(rank, numbers) if self.prerelease.is_none() => {
                self.prerelease = Some(Prerelease { rank, numbers });
            }
            Segment::Prerelease(rank, _) => self.words.push(rank.to_owned()),
            // `rc-1`: a number right behind a pre-release without one is its number.
            Segment::Build(kind, numbers) if kind.len() <= 1 && self.is_bare_prerelease() => {
                if let Some(pre) = &mut self.prerelease {
                    pre.numbers = numbers;
                }
            }
            Segment::Build(kind, numbers) => self.builds.push((kind, numbers)),
            Segment::Grows(word, numbers) => self.grows.push((word, numbers)),
            Segment::Word(word) => self.words.push(word),
            Segment::Hash => self.has_hash = true,
        }
    }

    fn is_bare_prerelease(&self) -> bool {
        self.prerelease.as_ref().is_some_and(|p| p.numbers.is_empty())
            && self.builds.is_empty()
            && self.words.is_empty()
            && self.grows.is_empty()
    }

    /// The tag it was read from.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// What its numbers mean.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its numbers as they were given.
    #[must_use]
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Its `i`th number; 0 where it was not given.
    #[must_use]
    pub fn number(&self, i: usize) -> u64 {
        self.numbers.get(i).copied().unwrap_or(0)
    }

    /// Whether it is a pre-release.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }
}

/// The prefix in its one spelling, and what follows it.
fn prefix(text: &str) -> Option<(String, &str)> {
    let digit = |s: &str| s.bytes().next().is_some_and(|b| b.is_ascii_digit());
    if digit(text) {
        return Some((String::new(), text));
    }
    let lower = text.to_ascii_lowercase();
    for known in PREFIXES {
        if let Some(rest) = lower.strip_prefix(known) {
            let rest = &text[text.len() - rest.len()..];
            let rest = rest.strip_prefix(['v', 'V']).filter(|r| digit(r)).unwrap_or(rest);
            return digit(rest).then(|| ((*known).to_owned(), rest));
        }
    }
    if let Some(rest) = text.strip_prefix(['v', 'V']).filter(|r| digit(r)) {
        return Some((String::from("v"), rest));
    }
    // Any other word, joined by a dash, in front of at least two numbers: `amd64-4.0.9`, `server-1.2.3`.
    let (word, rest) = lower.split_once('-')?;
    let rest = &text[text.len() - rest.len()..];
    let bare = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
    let ok = word.bytes().all(|b| b.is_ascii_alphanumeric()) && !NOT_PREFIXES.contains(&word);
    let end = bare.find(|c: char| !c.is_ascii_digit()).unwrap_or(bare.len());
    let dotted = end > 0 && bare[end..].starts_with('.') && digit(&bare[end + 1..]);
    (ok && dotted).then(|| (format!("{word}-"), bare))
}

/// The numbers, what they mean, and what follows them.
fn core(text: &str) -> Option<(Scheme, Vec<u64>, &str)> {
    if let Some(dated) = dashed_date(text) {
        return Some(dated);
    }
    let mut end = 0;
    let bytes = text.as_bytes();
    while end < bytes.len() {
        let dot = bytes[end] == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) && end > 0;
        if !(bytes[end].is_ascii_digit() || dot) {
            break;
        }
        end += 1;
    }
    let (core, rest) = text.split_at(end);
    let numbers = numbers(core)?;
    let scheme = scheme(core, &numbers)?;
    Some((scheme, numbers, rest))
}

/// A lone number is a date, a small version, or no version: commit ids and build numbers are longer.
fn scheme(core: &str, numbers: &[u64]) -> Option<Scheme> {
    let first = numbers[0];
    let is_year = (1900..=2999).contains(&first) && core.split('.').next().is_some_and(|p| p.len() == 4);
    if is_year {
        return Some(Scheme::Calendar);
    }
    if matches!(core.split('.').next().map(str::len), Some(8 | 10 | 12 | 14)) && is_date(core) {
        return Some(Scheme::Date);
    }
    match numbers.len() {
        1 if core.len() > 5 => None,
        _ if core.split('.').next().is_some_and(|p| p.len() > 8) => None,
        _ => Some(Scheme::Numbers),
    }
}

/// Whether the first eight digits are a day.
fn is_date(digits: &str) -> bool {
    let part =
        |range: std::ops::Range<usize>| digits.get(range).and_then(|p| p.parse::<u32>().ok()).unwrap_or(0);
    (1990..=2999).contains(&part(0..4)) && (1..=12).contains(&part(4..6)) && (1..=31).contains(&part(6..8))
}

/// `2024-10-13`, also with a time behind it: `2024-10-13T13-34-11Z`.
fn dashed_date(text: &str) -> Option<(Scheme, Vec<u64>, &str)> {
    let field = |range: std::ops::Range<usize>| -> Option<u64> {
        let part = text.get(range)?;
        if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let byte = |i: usize| text.as_bytes().get(i).copied();
    if byte(4) != Some(b'-') || byte(7) != Some(b'-') {
        return None;
    }
    let (year, month, day) = (field(0..4)?, field(5..7)?, field(8..10)?);
    if !(1990..=2999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut numbers = vec![year, month, day];
    let mut end = 10;
    if matches!(byte(10), Some(b'T' | b't')) && byte(13) == Some(b'-') && byte(16) == Some(b'-') {
        numbers.extend([field(11..13)?, field(14..16)?, field(17..19)?]);
        end = 19 + usize::from(matches!(byte(19), Some(b'Z' | b'z')));
    }
    if byte(end).is_some_and(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((Scheme::Date, numbers, &text[end..]))
}
