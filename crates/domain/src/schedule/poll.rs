//! The scan schedule: an interval or a cron line, and what set a scan off.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cron::CronLine;

/// A record of the last run this far ahead of the clock was written while the clock was wrong.
const IMPLAUSIBLE_LEAD: SignedDuration = SignedDuration::from_hours(25);

/// What set a scan off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The server started.
    Start,
    /// The poll interval or the cron line.
    Schedule,
    /// A person, by command or API.
    Manual,
    /// A registry or another program announced a push.
    Webhook,
    /// The engine reported a container that nobody has checked yet.
    Event,
}

impl Trigger {
    /// Whether a person asked. Only a person may override a pause.
    #[must_use]
    pub fn is_human(self) -> bool {
        self == Self::Manual
    }

    /// How many requests a scan of this kind leaves unspent in a registry's quota, so that a
    /// person's own pulls still go through.
    #[must_use]
    pub fn registry_reserve(self) -> u32 {
        match self {
            Self::Start | Self::Schedule => 10,
            Self::Manual | Self::Webhook | Self::Event => 2,
        }
    }
}

/// When scans are due.
#[derive(Debug, Clone, PartialEq)]
pub enum PollSchedule {
    /// This long after the end of the previous scan.
    Interval(Duration),
    /// At the times of a cron line, in the wall clock of a time zone.
    Cron {
        /// The line.
        line: CronLine,
        /// The zone whose wall clock is meant.
        zone: TimeZone,
    },
}

impl PollSchedule {
    /// When the next scan is due, given the end of the last one. An answer that is not after `now`
    /// means at once. `None` means never: a cron line past the end of the calendar.
    ///
    /// - A first run is due at once.
    /// - Runs that were missed while the server was down are made up for by one run.
    /// - When the clock was set back behind `last_end`, a run that took place is not repeated: the
    ///   next one is counted from `last_end`. Where `last_end` lies implausibly far ahead (a clock
    ///   that was once wrong), it is counted from `now` instead, so that scanning does not stop.
    #[must_use]
    pub fn next_after(&self, last_end: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let Some(last_end) = last_end else { return Some(now) };
        let lead = last_end.duration_since(now);
        match self {
            Self::Interval(interval) => {
                let interval = SignedDuration::try_from(*interval).unwrap_or(SignedDuration::MAX);
                let base = if lead > interval { now } else { last_end };
                Some(base.saturating_add(interval).unwrap_or(Timestamp::MAX))
            }
            Self::Cron { line, zone } => {
                let base = if lead > IMPLAUSIBLE_LEAD { now } else { last_end };
                line.next_after(base, zone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hourly() -> PollSchedule {
        PollSchedule::Interval(Duration::from_hours(1))
    }

    fn nightly() -> PollSchedule {
        PollSchedule::Cron { line: "0 3 * * *".parse().unwrap(), zone: TimeZone::UTC }
    }

    #[test]
    fn the_first_scan_is_due_at_once() {
        let now = at("2026-01-10T00:00:00Z");
        assert_eq!(hourly().next_after(None, now), Some(now));
        assert_eq!(nightly().next_after(None, now), Some(now));
    }

    #[test]
    fn an_interval_counts_from_the_end_of_the_last_scan() {
        let due = hourly().next_after(Some(at("2026-01-10T00:00:00Z")), at("2026-01-10T00:10:00Z"));
        assert_eq!(due, Some(at("2026-01-10T01:00:00Z")));
    }

    #[test]
    fn missed_runs_are_made_up_for_once() {
        let now = at("2026-01-10T12:00:00Z");
        for schedule in [hourly(), nightly()] {
            let due = schedule.next_after(Some(at("2026-01-05T04:00:00Z")), now).unwrap();
            assert!(due <= now, "a missed run is due at once");
            let after_catching_up = schedule.next_after(Some(now), now).unwrap();
            assert!(after_catching_up > now, "only one run makes up for all of them");
        }
    }

    #[test]
    fn a_clock_set_back_repeats_no_run() {
        let last = at("2026-01-10T03:00:05Z");
        let now = at("2026-01-10T02:30:00Z");
        assert_eq!(nightly().next_after(Some(last), now), Some(at("2026-01-11T03:00:00Z")));
        assert_eq!(hourly().next_after(Some(last), now), Some(at("2026-01-10T04:00:05Z")));
    }

    #[test]
    fn a_record_from_a_wrong_clock_does_not_stop_scanning() {
        let wrong = at("2036-01-10T03:00:05Z");
        let now = at("2026-01-10T02:30:00Z");
        assert_eq!(nightly().next_after(Some(wrong), now), Some(at("2026-01-10T03:00:00Z")));
        assert_eq!(hourly().next_after(Some(wrong), now), Some(at("2026-01-10T03:30:00Z")));
    }

    #[test]
    fn only_a_person_overrides_a_pause() {
        use Trigger as T;
        let human: Vec<_> = [T::Start, T::Schedule, T::Manual, T::Webhook, T::Event]
            .into_iter()
            .filter(|t| t.is_human())
            .collect();
        assert_eq!(human, [T::Manual]);
        assert!(T::Schedule.registry_reserve() > T::Manual.registry_reserve());
    }

    proptest::proptest! {
        #[test]
        fn an_interval_is_never_due_twice_in_a_row(
            last in 0_i64..4_000_000_000, now in 0_i64..4_000_000_000, seconds in 1_u64..10_000_000,
        ) {
            let schedule = PollSchedule::Interval(Duration::from_secs(seconds));
            let (last, now) =
                (Timestamp::from_second(last).unwrap(), Timestamp::from_second(now).unwrap());
            let due = schedule.next_after(Some(last), now).unwrap();
            if now < last {
                proptest::prop_assert!(due > now, "a backward jump fires nothing at once");
            }
            proptest::prop_assert!(schedule.next_after(Some(now), now).unwrap() > now);
        }
    }
}
