//! Cron lines: minute, hour, day of month, month, day of week, with an optional leading second.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const MAX_TEXT: usize = 200;

/// Name and allowed values of each field, in the order of a line with seconds.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0-59, `*`, ranges, lists and steps"),
    ("minute", "0-59, `*`, ranges, lists and steps"),
    ("hour", "0-23, `*`, ranges, lists and steps"),
    ("day of month", "1-31, `*`, `?`, `L`, `15W`, ranges, lists and steps"),
    ("month", "1-12 or jan-dec, `*`, ranges, lists and steps"),
    ("day of week", "0-7 or sun-sat, `*`, `?`, `5L`, `1#2`, ranges, lists and steps"),
];

/// When something is due, as a cron line of five fields, or six with the second first.
///
/// Where both day fields are restricted, either one is enough. A fixed local time that a clock
/// change skips fires at the first instant after the gap; one that a clock change repeats fires once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronLine {
    text: String,
    cron: Arc<Cron>,
}

/// Why a text is not a cron line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseCronError {
    /// Nothing is there.
    #[error("a cron line is empty; write for example `0 4 * * *` for every day at 04:00")]
    Empty,
    /// Longer than any real one.
    #[error("a cron line has at most 200 characters")]
    TooLong,
    /// A word like `@daily`.
    #[error("names like `@daily` are not supported; write the five fields, for example `0 0 * * *`")]
    Nickname,
    /// Neither five nor six fields.
    #[error(
        "a cron line has 5 fields (minute, hour, day of month, month, day of week), or 6 with the \
         second first; this one has {0}"
    )]
    FieldCount(usize),
    /// One field cannot be understood.
    #[error("cron field `{field}` is `{value}`; allowed is {allowed}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// The fields are right one by one, but no date has them all, like 30 February.
    #[error("a cron line names a date that never comes")]
    NeverFires,
}

impl CronLine {
    /// The line as it was written, without blanks at its ends.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first instant after `after` at which the line is due, in the wall-clock time of `zone`.
    /// `None` where the calendar ends.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = after.to_zoned(zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?.timestamp();
        // The library promises a later instant; a schedule that stood still would spin.
        (next > after).then_some(next)
    }
}

impl FromStr for CronLine {
    type Err = ParseCronError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use ParseCronError as E;
        let text = text.trim();
        if text.is_empty() {
            return Err(E::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(E::TooLong);
        }
        if text.contains('@') {
            return Err(E::Nickname);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let offset = match fields.len() {
            5 => 1,
            6 => 0,
            other => return Err(E::FieldCount(other)),
        };
        for (value, at) in fields.iter().zip(offset..) {
            let (field, allowed) = FIELDS[at];
            if !field_is_valid(at, value) {
                let value = value.escape_default().to_string();
                return Err(E::Field { field, value, allowed });
            }
        }
        let cron = parser().parse(text).map_err(|_| E::FieldCount(fields.len()))?;
        let line = Self { text: text.to_owned(), cron: Arc::new(cron) };
        line.next_after(Timestamp::UNIX_EPOCH, &TimeZone::UTC).ok_or(E::NeverFires)?;
        Ok(line)
    }
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).sloppy_ranges(true).build()
}

/// Whether `value` may stand in field number `at`, judged alone: every other field is left open.
fn field_is_valid(at: usize, value: &str) -> bool {
    // Empty list items and steps without a start would be taken as "nothing" or "everything".
    let listed = value.split(',').all(|item| !item.is_empty() && !item.starts_with('/'));
    if !listed || value.starts_with('+') || !value.is_ascii() {
        return false;
    }
    let mut line = ["*"; 6];
    line[at] = value;
    parser().parse(&line.join(" ")).is_ok()
}

impl PartialEq for CronLine {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronLine {}

impl TryFrom<String> for CronLine {
    type Error = ParseCronError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CronLine> for String {
    fn from(line: CronLine) -> Self {
        line.text
    }
}

impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn next(line: &str, after: &str, zone_name: &str) -> String {
        let line: CronLine = line.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
        line.next_after(after.parse().unwrap(), &zone(zone_name)).unwrap().to_string()
    }

    #[test]
    fn the_next_time_is_in_the_wall_clock_of_the_zone() {
        for (line, after, zone, due) in [
            ("0 4 * * *", "2026-01-10T00:00:00Z", "UTC", "2026-01-10T04:00:00Z"),
            ("0 4 * * *", "2026-01-10T04:00:00Z", "UTC", "2026-01-11T04:00:00Z"),
            ("0 4 * * *", "2026-01-10T00:00:00Z", "Europe/Berlin", "2026-01-10T03:00:00Z"),
            ("0 4 * * *", "2026-07-10T00:00:00Z", "Europe/Berlin", "2026-07-10T02:00:00Z"),
            ("*/15 * * * *", "2026-01-10T00:07:31.5Z", "UTC", "2026-01-10T00:15:00Z"),
            ("30 0 4 * * *", "2026-01-10T00:00:00Z", "UTC", "2026-01-10T04:00:30Z"),
            ("0 0 29 2 *", "2026-03-01T00:00:00Z", "UTC", "2028-02-29T00:00:00Z"),
            ("0 12 * * MON-FRI", "2026-01-10T00:00:00Z", "UTC", "2026-01-12T12:00:00Z"),
            ("0 12 * * 7", "2026-01-10T00:00:00Z", "UTC", "2026-01-11T12:00:00Z"),
            ("0 0 13 * 5", "2026-01-10T00:00:00Z", "UTC", "2026-01-13T00:00:00Z"),
            ("5/20 * * * *", "2026-01-10T00:06:00Z", "UTC", "2026-01-10T00:25:00Z"),
        ] {
            assert_eq!(next(line, after, zone), due, "{line} in {zone} after {after}");
        }
    }

    #[test]
    fn a_skipped_local_time_fires_after_the_gap_and_a_repeated_one_once() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
        assert_eq!(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:00:00Z");
        assert_eq!(next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30:00Z");
        assert_eq!(next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn an_error_names_the_field_and_what_is_allowed() {
        for (line, field) in [
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * * 13 *", "month"),
            ("* * * * 8", "day of week"),
            ("* * * * funday", "day of week"),
            ("61 * * * * *", "second"),
            (", * * * *", "minute"),
            ("1, * * * *", "minute"),
            ("/5 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("5-1 * * * *", "minute"),
            ("* * * * +1", "day of week"),
            ("é * * * *", "minute"),
        ] {
            match line.parse::<CronLine>() {
                Err(ParseCronError::Field { field: named, allowed, .. }) => {
                    assert_eq!(named, field, "{line}");
                    assert!(!allowed.is_empty());
                }
                other => panic!("{line}: {other:?}"),
            }
        }
        for (line, why) in [
            ("", ParseCronError::Empty),
            ("@daily", ParseCronError::Nickname),
            ("* * * *", ParseCronError::FieldCount(4)),
            ("0 0 0 1 1 * 2030", ParseCronError::FieldCount(7)),
            ("0 0 30 2 *", ParseCronError::NeverFires),
            (&"1".repeat(300), ParseCronError::TooLong),
        ] {
            assert_eq!(line.parse::<CronLine>(), Err(why), "{line}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = text.parse::<CronLine>();
        }

        #[test]
        fn a_line_that_is_read_moves_forward(
            text in "([0-9*/,-]{1,5} ){4}[0-9*/,L#-]{1,4}",
            at in 0_i64..4_102_444_800,
        ) {
            if let Ok(line) = text.parse::<CronLine>() {
                let at = Timestamp::from_second(at).unwrap();
                let due = line.next_after(at, &zone("Europe/Berlin"));
                proptest::prop_assert!(due.is_none_or(|due| due > at));
            }
        }
    }
}
