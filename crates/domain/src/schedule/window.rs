//! Maintenance windows: the times of the week in which automatic updates may run.
//!
//! ```text
//! windows := window (";" window)*         empty: always open
//! window  := ["!"] [day] time "-" [day] time
//! time    := H[H] ":" M[M]                0-23, 0-59
//! day     := sun … sat, or the full English name, any case
//! ```
//!
//! A window is a stretch of minutes of the week, start included, end excluded, and may run over
//! midnight, over several days and over the end of the week. Without a day it is every day's. A start
//! day alone (`Sat 23:00-02:00`), or the same day twice with an end before the start, ends at the next
//! such time: Sunday 02:00. A window whose start is its end is never open. `!` takes a stretch
//! away from the others, or from the whole week where there are no others.
//!
//! What counts is what the wall clock of the time zone shows. So the hour that a clock change skips
//! is never open, and the hour that it repeats counts twice.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const DAY: u16 = 24 * 60;
const WEEK: u16 = 7 * DAY;
const MAX_TEXT: usize = 2_000;

/// Each step of a search passes an edge of a window or a clock change; one week and its clock changes
/// have no more of them than this for any text that is accepted.
const MAX_STEPS: usize = 10_000;

/// The times of the week in which automatic updates may run; see the module's grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaintenanceWindows {
    text: String,
    /// Open stretches `[start, end)` in minutes since Sunday 00:00: sorted, apart, within one week.
    open: Vec<(u16, u16)>,
}

/// Why a text is not a list of maintenance windows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseWindowError {
    /// Longer than any real one.
    #[error("maintenance windows have at most 2000 characters")]
    TooLong,
    /// No dash between two times.
    #[error("maintenance window `{0}` is not `[day] HH:MM-[day] HH:MM`, for example `Sat 02:00-Sun 06:00`")]
    BadForm(String),
    /// Not a time of day.
    #[error("`{0}` in a maintenance window is no time; allowed is 00:00 to 23:59")]
    BadTime(String),
    /// Not a day of the week.
    #[error("`{0}` in a maintenance window is no day; allowed are sun, mon, tue, wed, thu, fri, sat")]
    BadDay(String),
    /// A day for the end but none for the start.
    #[error("maintenance window `{0}` has a day for its end but none for its start")]
    EndDayAlone(String),
}

impl MaintenanceWindows {
    /// No restriction: what an empty text means.
    #[must_use]
    pub fn always() -> Self {
        Self { text: String::new(), open: vec![(0, WEEK)] }
    }

    /// Never open: what stands in for windows that could not be understood.
    #[must_use]
    pub fn never() -> Self {
        Self { text: "00:00-00:00".to_owned(), open: Vec::new() }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether every minute of the week is open.
    #[must_use]
    pub fn is_always_open(&self) -> bool {
        self.open == [(0, WEEK)]
    }

    /// Whether no minute of the week is open, so that automatic updates wait for ever.
    #[must_use]
    pub fn is_never_open(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the windows are open at `at`, by the wall clock of `zone`.
    #[must_use]
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        self.contains(minute_of_week(at, zone).0)
    }

    /// The first instant from `at` on at which the windows are open: `at` itself when they are.
    /// `None` when they never open.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.is_never_open() {
            return None;
        }
        self.first_that_is(true, at, zone)
    }

    /// The first instant after `at` at which windows that are open at `at` are closed. `None` when
    /// they are closed already or never close.
    #[must_use]
    pub fn closes_at(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.is_always_open() || !self.is_open(at, zone) {
            return None;
        }
        self.first_that_is(false, at, zone)
    }

    /// The windows that are open when both `self` and `other` are.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if self.is_always_open() {
            return other.clone();
        }
        if other.is_always_open() {
            return self.clone();
        }
        let both = |minute| self.contains(minute) && other.contains(minute);
        let open = stretches(both);
        Self { text: written(&open), open }
    }

    fn contains(&self, minute: u16) -> bool {
        let after = self.open.partition_point(|(start, _)| *start <= minute);
        after > 0 && minute < self.open[after - 1].1
    }

    fn first_that_is(&self, open: bool, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut at = at;
        for _ in 0..MAX_STEPS {
            if self.is_open(at, zone) == open {
                return Some(at);
            }
            at = self.next_edge(at, zone)?;
        }
        None
    }

    /// The next instant at which the windows may open or close: an edge of a window, or a clock
    /// change. Between here and there the offset is constant, so plain addition is right.
    fn next_edge(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let (minute, into_minute) = minute_of_week(at, zone);
        let edges = self.open.iter().flat_map(|(start, end)| [*start, *end % WEEK]);
        let wait = edges.map(|edge| (edge + WEEK - minute - 1) % WEEK + 1).min()?;
        let edge = at
            .checked_add(SignedDuration::from_mins(i64::from(wait)))
            .and_then(|edge| edge.checked_sub(into_minute))
            .ok()?;
        let change = zone.following(at).next().map(|transition| transition.timestamp());
        Some(change.filter(|change| *change > at).map_or(edge, |change| change.min(edge)))
    }
}

/// Minutes since Sunday 00:00 by the wall clock, and how far into that minute.
fn minute_of_week(at: Timestamp, zone: &TimeZone) -> (u16, SignedDuration) {
    let local = zone.to_datetime(at);
    let count = |value: i8| u16::try_from(value).unwrap_or(0);
    let minute = count(local.weekday().to_sunday_zero_offset()) * DAY
        + count(local.hour()) * 60
        + count(local.minute());
    (minute, SignedDuration::new(i64::from(local.second()), local.subsec_nanosecond()))
}

/// The sorted stretches of minutes of the week for which `open` holds.
fn stretches(open: impl Fn(u16) -> bool) -> Vec<(u16, u16)> {
    let mut found = Vec::new();
    let mut start = None;
    for minute in 0..WEEK {
        match (open(minute), start) {
            (true, None) => start = Some(minute),
            (false, Some(first)) => {
                found.push((first, minute));
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|first| (first, WEEK)));
    found
}

/// `open` in the grammar of this module.
fn written(open: &[(u16, u16)]) -> String {
    if open.is_empty() {
        return MaintenanceWindows::never().text;
    }
    let edge = |minute: u16| {
        let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][usize::from(minute / DAY % 7)];
        format!("{day} {:02}:{:02}", minute % DAY / 60, minute % 60)
    };
    // `Sun 05:00-Sun 00:00` would end on Monday, so what runs from Sunday to the week's end is cut.
    let cut = |&(start, end): &(u16, u16)| {
        let days =
            if start < DAY && end == WEEK { vec![(start, DAY), (DAY, WEEK)] } else { vec![(start, end)] };
        days.into_iter().filter(|(start, end)| start < end)
    };
    let windows = open.iter().flat_map(cut);
    windows.map(|(start, end)| format!("{}-{}", edge(start), edge(end))).collect::<Vec<_>>().join("; ")
}

/// One window: the days it starts on, its start in minutes of the day, its length in minutes.
struct Window {
    day: Option<u16>,
    start: u16,
    length: u16,
    denies: bool,
}

impl FromStr for MaintenanceWindows {
    type Err = ParseWindowError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEXT {
            return Err(ParseWindowError::TooLong);
        }
        let text = text.trim();
        let windows: Vec<Window> = text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(parse_window)
            .collect::<Result<_, _>>()?;
        let mut minutes = vec![windows.iter().all(|window| window.denies); usize::from(WEEK)];
        // Denials last, so that the order of writing does not matter.
        for denies in [false, true] {
            for window in windows.iter().filter(|window| window.denies == denies) {
                let days = window.day.map_or(0..7, |day| day..day + 1);
                for first in days.map(|day| day * DAY + window.start) {
                    for minute in first..first + window.length {
                        minutes[usize::from(minute % WEEK)] = !denies;
                    }
                }
            }
        }
        Ok(Self { text: text.to_owned(), open: stretches(|minute| minutes[usize::from(minute)]) })
    }
}

fn parse_window(part: &str) -> Result<Window, ParseWindowError> {
    use ParseWindowError as E;
    let (denies, body) = part.strip_prefix('!').map_or((false, part), |body| (true, body.trim()));
    let (start, end) = body.split_once('-').ok_or_else(|| E::BadForm(shown(part)))?;
    let (start_day, start) = parse_edge(start, part)?;
    let (end_day, end) = parse_edge(end, part)?;
    let length = match (start_day, end_day) {
        (None, Some(_)) => return Err(E::EndDayAlone(shown(part))),
        (Some(first), Some(last)) if first != last => {
            (last * DAY + end + WEEK - (first * DAY + start)) % WEEK
        }
        _ => (end + DAY - start) % DAY,
    };
    Ok(Window { day: start_day, start, length, denies })
}

fn parse_edge(text: &str, part: &str) -> Result<(Option<u16>, u16), ParseWindowError> {
    let mut words = text.split_whitespace();
    let (day, time) = match (words.next(), words.next(), words.next()) {
        (Some(time), None, _) => (None, time),
        (Some(day), Some(time), None) => (Some(parse_day(day)?), time),
        _ => return Err(ParseWindowError::BadForm(shown(part))),
    };
    Ok((day, parse_time(time)?))
}

fn parse_time(text: &str) -> Result<u16, ParseWindowError> {
    let number = |digits: &str, limit: u16| {
        let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|value| plain && *value < limit)
    };
    text.split_once(':')
        .and_then(|(hour, minute)| Some(number(hour, 24)? * 60 + number(minute, 60)?))
        .ok_or_else(|| ParseWindowError::BadTime(shown(text)))
}

fn parse_day(text: &str) -> Result<u16, ParseWindowError> {
    let day = match text.to_ascii_lowercase().as_str() {
        "sun" | "sunday" => Weekday::Sunday,
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        _ => return Err(ParseWindowError::BadDay(shown(text))),
    };
    Ok(u16::try_from(day.to_sunday_zero_offset()).unwrap_or(0))
}

/// A part of foreign text for an error message: short, without control characters.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

impl Default for MaintenanceWindows {
    fn default() -> Self {
        Self::always()
    }
}

impl TryFrom<String> for MaintenanceWindows {
    type Error = ParseWindowError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MaintenanceWindows> for String {
    fn from(windows: MaintenanceWindows) -> Self {
        windows.text
    }
}

impl fmt::Display for MaintenanceWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "always" } else { &self.text })
    }
}

#[cfg(test)]
mod tests;
