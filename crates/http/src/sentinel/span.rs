//! Spans of time as this surface writes them: `6h` is read, `6h0m0s` is answered.

use std::time::Duration;

/// Nanoseconds of each unit, longest names first.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A span, and whether it is below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How long.
    pub length: Duration,
    /// Whether it has a minus.
    pub negative: bool,
}

/// Why a text is no span: the detail that existing clients show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// No number where one belongs.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that there is not, such as `d`.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads `90s`, `1h30m`, `1.5h`, `250ms`, `0`.
///
/// # Errors
/// [`SpanError`] for everything else.
pub fn parse(text: &str) -> Result<Span, SpanError> {
    let invalid = || SpanError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Span { length: Duration::ZERO, negative: false });
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        if unit.is_empty() {
            return Err(SpanError::MissingUnit(text.to_owned()));
        }
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(SpanError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() });
        };
        let nanos = u128::from(*nanos);
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let part = fraction_of(nanos, fraction);
        total = whole
            .checked_mul(nanos)
            .and_then(|n| n.checked_add(part))
            .and_then(|n| n.checked_add(total))
            .filter(|n| *n <= i64::MAX as u128)
            .ok_or_else(invalid)?;
        rest = next;
    }
    let length = Duration::from_nanos(u64::try_from(total).map_err(|_| invalid())?);
    Ok(Span { length, negative: negative && !length.is_zero() })
}

/// The part of a unit that `digits` after the point are; digits beyond the unit's precision are dropped.
fn fraction_of(nanos: u128, digits: &str) -> u128 {
    let digits = &digits[..digits.len().min(18)];
    let value: u128 = digits.parse().unwrap_or(0);
    let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or(0));
    nanos * value / scale
}

/// As answers and stored settings say it: `6h0m0s`, `1h30m0s`, `30s`, `1.5s`, `250ms`, `0s`.
#[must_use]
pub fn format(span: Duration) -> String {
    let nanos = span.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, size) = match nanos {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(nanos, size));
    }
    let seconds = span.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn decimal(value: u128, unit: u128) -> String {
    let (whole, part) = (value / unit, value % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{part:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_as_existing_clients_expect() {
        for (given, said) in [
            ("6h", "6h0m0s"),
            ("90m", "1h30m0s"),
            ("30s", "30s"),
            ("0", "0s"),
            ("1500ms", "1.5s"),
            ("1.5h", "1h30m0s"),
            ("1h30m", "1h30m0s"),
            ("250ms", "250ms"),
            ("61s", "1m1s"),
            (".5s", "500ms"),
            ("+5s", "5s"),
            ("1us", "1µs"),
            ("24h", "24h0m0s"),
        ] {
            let span = parse(given).unwrap();
            assert_eq!(format(span.length), said, "{given}");
            assert!(!span.negative, "{given}");
        }
        assert!(parse("-5s").unwrap().negative);
    }

    #[test]
    fn what_is_no_span_is_told_in_the_known_words() {
        for (given, said) in [
            ("abc", "time: invalid duration \"abc\""),
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("1h5", "time: missing unit in duration \"1h5\""),
            (".s", "time: invalid duration \".s\""),
            ("99999999999h", "time: invalid duration \"99999999999h\""),
        ] {
            assert_eq!(parse(given).unwrap_err().to_string(), said, "{given}");
        }
    }
}
