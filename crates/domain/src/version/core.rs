//! The number of a tag: where it begins, and dates in their spellings.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::words;

/// Years that a leading number is read as.
pub(super) const YEARS: std::ops::RangeInclusive<u64> = 1990..=2100;

/// From this many digits on a lone number is a commit id or a counter of builds, unless it is a date.
const TOO_MANY_DIGITS: usize = 7;

/// How a version counts. Versions of different schemes are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Numbers with dots between them: `1.25.3`, `17`, `1.41.3.9314`.
    Numbers,
    /// A date: `20240101`, `240915`, `2024-11-07T00-52-20Z`.
    Date(DateForm),
    /// Numbers of which the first is a year: `2024.11.3`, `2024.01.05`.
    Calendar,
}

/// How a date is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// `240915`
    SixDigits,
    /// `20240915`
    EightDigits,
    /// `202409151130`
    TwelveDigits,
    /// `20240915113059`
    FourteenDigits,
    /// `2024-09-15`
    Dashes,
    /// `2024_09_15`
    Underscores,
}

/// A number that was read.
pub(super) struct Core {
    pub(super) end: usize,
    pub(super) scheme: Scheme,
    pub(super) parts: Vec<u64>,
    pub(super) zero_padded: bool,
    /// How many of the parts say which version it is; further ones count pushes on one date.
    pub(super) precision: usize,
}

/// Where the number begins in `text`: in its first segment (between `-` and `_`) that starts with a
/// digit, or with a digit behind one of the words that lead to a number.
pub(super) fn find_start(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut before = "";
    for segment in text.split(['-', '_']) {
        if words::is_architecture(before, segment) {
            at += segment.len() + 1;
            continue;
        }
        if is_commit(segment) {
            return None;
        }
        let letters = count(segment, u8::is_ascii_alphabetic);
        let (word, rest) = segment.split_at(letters);
        let dot = usize::from(letters > 0 && rest.starts_with('.'));
        let digit_follows = rest.as_bytes().get(dot).is_some_and(u8::is_ascii_digit);
        if digit_follows && (letters == 0 || words::is_lead(word)) {
            return Some(at + letters + dot);
        }
        if words::is_passing(word) {
            return None;
        }
        at += segment.len() + 1;
        before = segment;
    }
    None
}

/// Whether `segment` has the shape of a commit id: 7 to 64 hexadecimal digits, letters among them,
/// after an optional `g` (as `git describe` writes it).
pub(super) fn is_commit(segment: &str) -> bool {
    let hex = segment.strip_prefix('g').unwrap_or(segment).as_bytes();
    (7..=64).contains(&hex.len())
        && hex.iter().all(u8::is_ascii_hexdigit)
        && hex.iter().any(u8::is_ascii_digit)
        && hex.iter().any(u8::is_ascii_alphabetic)
}

/// The last word of a prefix: `jdk` of `adopt-jdk-`.
pub(super) fn last_word(prefix: &str) -> &str {
    prefix.trim_end_matches(['-', '_', '.']).rsplit(['-', '_', '.']).next().unwrap_or_default()
}

/// The number that begins at `start`.
pub(super) fn read(text: &str, start: usize) -> Option<Core> {
    let rest = text.get(start..)?;
    let digits = count(rest, u8::is_ascii_digit);
    if let Some((form, mut parts, length)) = read_date(rest, digits) {
        let mut end = length;
        let precision = parts.len();
        while let Some((value, length)) = dotted_number(&rest[end..]) {
            parts.push(value?);
            end += length;
        }
        let scheme = Scheme::Date(form);
        return Some(Core { end: start + end, scheme, parts, zero_padded: false, precision });
    }
    if digits == 0 || digits >= TOO_MANY_DIGITS {
        return None;
    }
    let mut parts: Vec<u64> = Vec::with_capacity(4);
    parts.push(rest[..digits].parse().ok()?);
    let mut end = digits;
    let mut zero_padded = is_padded(&rest[..digits]);
    while let Some((value, length)) = dotted_number(&rest[end..]) {
        parts.push(value?);
        zero_padded |= is_padded(&rest[end + 1..end + length]);
        end += length;
    }
    let scheme = if digits == 4 && YEARS.contains(&parts[0]) { Scheme::Calendar } else { Scheme::Numbers };
    let precision = parts.len();
    Some(Core { end: start + end, scheme, parts, zero_padded, precision })
}

/// The value, in `u64`, that a long run of digits has as a date.
pub(super) fn date_value(digits: &str) -> Option<u64> {
    read_compact(digits).and_then(|_| digits.parse().ok())
}

pub(super) fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

/// `.12` at the start of `text`: the value, `None` beyond 64 bits, and the length.
fn dotted_number(text: &str) -> Option<(Option<u64>, usize)> {
    let digits = count(text.strip_prefix('.')?, u8::is_ascii_digit);
    (digits > 0).then(|| (text[1..=digits].parse().ok(), digits + 1))
}

fn read_date(text: &str, digits: usize) -> Option<(DateForm, Vec<u64>, usize)> {
    if digits == 4 {
        return read_separated(text);
    }
    let (form, mut parts) = read_compact(&text[..digits])?;
    let mut end = digits;
    if form == DateForm::EightDigits {
        end += read_time(&text[end..], &mut parts);
    }
    Some((form, parts, end))
}

/// A date without separators.
fn read_compact(digits: &str) -> Option<(DateForm, Vec<u64>)> {
    let two = |at: usize| digits.get(at..at + 2)?.parse::<u64>().ok();
    let (form, year, month) = match digits.len() {
        6 => (DateForm::SixDigits, 2000 + two(0)?, 2),
        8 => (DateForm::EightDigits, two(0)? * 100 + two(2)?, 4),
        12 => (DateForm::TwelveDigits, two(0)? * 100 + two(2)?, 4),
        14 => (DateForm::FourteenDigits, two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let mut parts = vec![year];
    for at in (month..digits.len()).step_by(2) {
        parts.push(two(at)?);
    }
    (is_day(&parts[..3]) && is_time(&parts[3..])).then_some((form, parts))
}

/// `2024-11`, `2024-11-07` or `2024-11-07T00-52-20Z`, or the same with underscores.
fn read_separated(text: &str) -> Option<(DateForm, Vec<u64>, usize)> {
    let separator = text.as_bytes().get(4).copied()?;
    let form = match separator {
        b'-' => DateForm::Dashes,
        b'_' => DateForm::Underscores,
        _ => return None,
    };
    let year: u64 = text[..4].parse().ok()?;
    let month =
        two_digits(&text[4..], separator).filter(|m| (1..=12).contains(m) && YEARS.contains(&year))?;
    let mut parts = vec![year, month];
    let mut end = 7;
    if let Some(day) = two_digits(&text[end..], separator).filter(|d| is_day(&[year, month, *d])) {
        parts.push(day);
        end += 3;
        end += read_time(&text[end..], &mut parts);
    }
    Some((form, parts, end))
}

/// Appends the time of day that `text` begins with (`T00-52-20Z`, `T005220Z`) and returns its length.
fn read_time(text: &str, parts: &mut Vec<u64>) -> usize {
    let Some(rest) = text.strip_prefix('T') else { return 0 };
    let mut time = Vec::new();
    let mut end = 0;
    while time.len() < 3 {
        let gap = usize::from(!time.is_empty() && rest[end..].starts_with(['-', '_', '.']));
        let Some(value) = rest.get(end + gap..end + gap + 2).filter(|t| count(t, u8::is_ascii_digit) == 2)
        else {
            break;
        };
        time.extend(value.parse::<u64>());
        end += gap + 2;
    }
    if time.len() < 2 || !is_time(&time) || rest[end..].starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    parts.append(&mut time);
    1 + end + usize::from(rest[end..].starts_with('Z'))
}

/// Two digits behind `separator`, and no third.
fn two_digits(text: &str, separator: u8) -> Option<u64> {
    let bytes = text.as_bytes();
    let fits = *bytes.first()? == separator && count(&text[1..], u8::is_ascii_digit) == 2;
    fits.then(|| text[1..3].parse().ok())?
}

fn is_day(parts: &[u64]) -> bool {
    let &[year, month, day] = parts else { return false };
    let (Ok(y), Ok(m), Ok(d)) = (i16::try_from(year), i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    YEARS.contains(&year) && Date::new(y, m, d).is_ok()
}

fn is_time(parts: &[u64]) -> bool {
    let part = |at: usize| parts.get(at).map_or(Some(0), |v| i8::try_from(*v).ok());
    let (Some(h), Some(m), Some(s)) = (part(0), part(1), part(2)) else { return false };
    Time::new(h, m, s, 0).is_ok()
}

/// How many bytes at the start of `text` are `wanted`.
fn count(text: &str, wanted: impl Fn(&u8) -> bool) -> usize {
    text.bytes().take_while(wanted).count()
}
