//! Spans of time as text: `90s`, `1h30m`, `72h`, `3d`, `1.5h`.

use std::time::Duration;

/// The longest span that is understood: ten years. Longer ones are typing mistakes, and adding them
/// to an instant would leave the calendar.
pub const MAX_DURATION: Duration = Duration::from_hours(3_650 * 24);

const MAX_TEXT: usize = 64;

/// The units, longest first; every suffix that is the start of another stands behind it.
const UNITS: [(&str, u128); 9] = [
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// Why a text is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// Nothing is there.
    #[error("a duration is empty; write for example `30s`, `1h30m` or `3d`")]
    Empty,
    /// A minus sign.
    #[error("a duration is not negative")]
    Negative,
    /// Something that is not a number stands where one is needed.
    #[error("a duration is made of numbers, each followed by ns, us, ms, s, m, h, d or w, like `1h30m`")]
    BadNumber,
    /// A number without a unit.
    #[error("a duration needs a unit after each number: ns, us, ms, s, m, h, d or w")]
    MissingUnit,
    /// Letters that are no unit.
    #[error("`{0}` is no unit of time; use ns, us, ms, s, m, h, d or w")]
    UnknownUnit(String),
    /// Longer than [`MAX_DURATION`].
    #[error("a duration is at most 3650d")]
    TooLong,
}

/// The span that `text` names: numbers with units, added up. Units are those of Go's durations
/// (`ns us ms s m h`) and `d` (24 hours) and `w` (7 days). A bare `0` needs no unit.
///
/// # Errors
/// [`ParseDurationError`] for everything else, negative spans included.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    use ParseDurationError as E;
    let text = text.trim();
    if text.is_empty() {
        return Err(E::Empty);
    }
    if text.len() > MAX_TEXT {
        return Err(E::BadNumber);
    }
    if text.starts_with('-') {
        return Err(E::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(E::BadNumber);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (amount, after) = take_amount(rest)?;
        let (unit_nanos, after) = take_unit(after)?;
        let nanos = amount.in_units_of(unit_nanos).ok_or(E::TooLong)?;
        total = total.checked_add(nanos).ok_or(E::TooLong)?;
        rest = after;
    }
    if total > MAX_DURATION.as_nanos() {
        return Err(E::TooLong);
    }
    let nanos = u64::try_from(total).map_err(|_| E::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

/// `span` as text that [`parse_duration`] reads back: `1h30m`, `3d`, `0s`.
#[must_use]
pub fn format_duration(span: Duration) -> String {
    let mut left = span.as_nanos();
    let mut text = String::new();
    for (unit, nanos) in UNITS {
        // Weeks are read, not written; the other spellings are written in descending order.
        if matches!(unit, "w" | "ms" | "us" | "µs" | "ns") {
            continue;
        }
        push_unit(&mut text, &mut left, unit, nanos);
    }
    for (unit, nanos) in [("ms", 1_000_000), ("us", 1_000), ("ns", 1)] {
        push_unit(&mut text, &mut left, unit, nanos);
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn push_unit(text: &mut String, left: &mut u128, unit: &str, nanos: u128) {
    let count = *left / nanos;
    if count > 0 {
        *left -= count * nanos;
        text.push_str(&count.to_string());
        text.push_str(unit);
    }
}

/// A decimal number, exact: `whole + fraction / 10^digits`.
struct Amount {
    whole: u128,
    fraction: u128,
    scale: u128,
}

impl Amount {
    fn in_units_of(&self, nanos: u128) -> Option<u128> {
        let whole = self.whole.checked_mul(nanos)?;
        whole.checked_add(self.fraction.checked_mul(nanos)? / self.scale)
    }
}

fn take_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn take_amount(text: &str) -> Result<(Amount, &str), ParseDurationError> {
    let (whole, rest) = take_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => take_digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseDurationError::BadNumber);
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| ParseDurationError::TooLong)? };
    // Beyond 15 places a fraction of a week is less than a nanosecond.
    let fraction = &fraction[..fraction.len().min(15)];
    let mut amount = Amount { whole, fraction: 0, scale: 1 };
    for digit in fraction.bytes() {
        amount.fraction = amount.fraction * 10 + u128::from(digit - b'0');
        amount.scale *= 10;
    }
    Ok((amount, rest))
}

fn take_unit(text: &str) -> Result<(u128, &str), ParseDurationError> {
    let end = text.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(text.len());
    let (unit, rest) = text.split_at(end);
    // The Greek letter mu and the micro sign look the same.
    let unit = if unit == "μs" { "us" } else { unit };
    match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, nanos)) => Ok((*nanos, rest)),
        None if unit.trim().is_empty() => Err(ParseDurationError::MissingUnit),
        None => Err(ParseDurationError::UnknownUnit(unit.escape_default().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_all_units() {
        for (text, seconds) in [
            ("0", 0),
            ("30s", 30),
            ("1h30m", 5_400),
            ("72h", 259_200),
            ("3d", 259_200),
            ("1w", 604_800),
            ("1.5h", 5_400),
            (".5m", 30),
            ("+5s", 5),
            (" 6h ", 21_600),
            ("1d12h30m5s", 131_405),
            ("500ms500ms", 1),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("3us2ns"), Ok(Duration::from_nanos(3_002)));
        assert_eq!(parse_duration("1µs"), parse_duration("1μs"));
    }

    #[test]
    fn what_is_no_span_is_refused_with_its_reason() {
        use ParseDurationError as E;
        for (text, why) in [
            ("", E::Empty),
            ("  ", E::Empty),
            ("5", E::MissingUnit),
            ("1h5", E::MissingUnit),
            ("-5s", E::Negative),
            ("+", E::BadNumber),
            ("h", E::BadNumber),
            ("five minutes", E::BadNumber),
            (".s", E::BadNumber),
            ("1.2.3s", E::MissingUnit),
            ("5 minutes", E::UnknownUnit(" minutes".into())),
            ("1y", E::UnknownUnit("y".into())),
            ("1H", E::UnknownUnit("H".into())),
            ("3651d", E::TooLong),
            ("99999999999999999999999999999999999999999999h", E::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(why), "{text}");
        }
    }

    #[test]
    fn spans_are_written_in_the_units_people_use() {
        for (seconds, text) in
            [(0, "0s"), (30, "30s"), (600, "10m"), (21_600, "6h"), (5_400, "1h30m"), (604_800, "7d")]
        {
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(format_duration(Duration::from_millis(1_500)), "1s500ms");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            if let Ok(span) = parse_duration(&text) {
                proptest::prop_assert!(span <= MAX_DURATION);
            }
        }

        #[test]
        fn number_like_text_is_read_or_refused(text in "[-+0-9.hmsdwnuµ]{0,20}") {
            if let Ok(span) = parse_duration(&text) {
                proptest::prop_assert!(span <= MAX_DURATION);
            }
        }

        #[test]
        fn a_written_span_reads_back(nanos in 0_u64..315_360_000_000_000_000) {
            let span = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(parse_duration(&format_duration(span)), Ok(span));
        }
    }
}
