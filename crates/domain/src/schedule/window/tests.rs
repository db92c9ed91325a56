use super::*;

fn windows(text: &str) -> MaintenanceWindows {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Sunday 4 January 2026, 00:00 UTC, and `minute` minutes.
fn week(minute: i64) -> Timestamp {
    at("2026-01-04T00:00:00Z") + SignedDuration::from_mins(minute)
}

const SUN: i64 = 0;
const MON: i64 = 1440;
const FRI: i64 = 5 * 1440;
const SAT: i64 = 6 * 1440;
const END: i64 = 7 * 1440;

/// The open stretches of one week, minute by minute, by asking about each minute.
fn asked(text: &str) -> Vec<(i64, i64)> {
    let windows = windows(text);
    let mut found: Vec<(i64, i64)> = Vec::new();
    for minute in 0..END {
        if windows.is_open(week(minute), &TimeZone::UTC) {
            match found.last_mut() {
                Some(last) if last.1 == minute => last.1 = minute + 1,
                _ => found.push((minute, minute + 1)),
            }
        }
    }
    found
}

#[test]
fn every_minute_of_the_week_follows_the_windows() {
    let daily = |from: i64, to: i64| (0..7).map(|d| (d * 1440 + from, d * 1440 + to)).collect::<Vec<_>>();
    for (text, open) in [
        ("", vec![(0, END)]),
        (" ; ", vec![(0, END)]),
        ("02:00-06:00", daily(120, 360)),
        ("2:0-6:0", daily(120, 360)),
        ("10:00-10:00", vec![]),
        ("Sat 10:00-Sat 10:00", vec![]),
        ("Sat 02:00-Sat 06:00", vec![(SAT + 120, SAT + 360)]),
        ("Sat 02:00-06:00", vec![(SAT + 120, SAT + 360)]),
        ("saturday 02:00 - SATURDAY 06:00", vec![(SAT + 120, SAT + 360)]),
        ("Fri 22:00-Mon 06:00", vec![(SUN, MON + 360), (FRI + 1320, END)]),
        ("Sat 22:00-Sun 06:00", vec![(SUN, SUN + 360), (SAT + 1320, END)]),
        ("Sat 23:00-Sat 02:00", vec![(SUN, SUN + 120), (SAT + 1380, END)]),
        ("Sat 23:00-02:00", vec![(SUN, SUN + 120), (SAT + 1380, END)]),
        ("Mon 00:00-Sun 00:00", vec![(MON, END)]),
        ("Sun 00:00-Mon 00:00;Mon 00:00-Tue 00:00", vec![(SUN, 2 * MON)]),
        ("!Mon 00:00-Sat 00:00", vec![(SUN, MON), (SAT, END)]),
        ("!Sat 03:00-04:00; Sat 02:00-06:00", vec![(SAT + 120, SAT + 180), (SAT + 240, SAT + 360)]),
    ] {
        assert_eq!(asked(text), open, "{text}");
    }
    let overnight = asked("23:00-05:00");
    assert_eq!(overnight.first(), Some(&(0, 300)));
    assert_eq!(overnight.get(1), Some(&(1380, 1440 + 300)));
    assert_eq!(overnight.last(), Some(&(SAT + 1380, END)));
}

#[test]
fn what_is_no_window_is_refused_with_its_reason() {
    use ParseWindowError as E;
    for (text, why) in [
        ("always", E::BadForm("always".into())),
        ("02:00", E::BadForm("02:00".into())),
        ("02:00-", E::BadForm("02:00-".into())),
        ("a b 02:00-03:00", E::BadForm("a b 02:00-03:00".into())),
        ("24:00-03:00", E::BadTime("24:00".into())),
        ("02:60-03:00", E::BadTime("02:60".into())),
        ("002:00-03:00", E::BadTime("002:00".into())),
        ("+2:00-03:00", E::BadTime("+2:00".into())),
        ("02-03", E::BadTime("02".into())),
        ("Foo 02:00-03:00", E::BadDay("Foo".into())),
        ("02:00-Sun 06:00", E::EndDayAlone("02:00-Sun 06:00".into())),
        ("02:00-03:00;x", E::BadForm("x".into())),
        (&"0".repeat(3_000), E::TooLong),
    ] {
        assert_eq!(text.parse::<MaintenanceWindows>(), Err(why), "{text}");
    }
}

#[test]
fn the_next_opening_is_found_across_the_weekend() {
    let weekend = windows("Fri 22:00-Mon 06:00");
    let thursday = at("2026-01-08T12:00:00Z");
    let opens = weekend.next_opening(thursday, &TimeZone::UTC).unwrap();
    assert_eq!(opens, at("2026-01-09T22:00:00Z"));
    assert_eq!(weekend.next_opening(opens, &TimeZone::UTC), Some(opens));
    assert_eq!(weekend.closes_at(opens, &TimeZone::UTC), Some(at("2026-01-12T06:00:00Z")));
    assert_eq!(weekend.closes_at(thursday, &TimeZone::UTC), None);
}

#[test]
fn windows_that_never_open_or_never_close_say_so() {
    let now = at("2026-01-08T12:00:00Z");
    let never = windows("10:00-10:00");
    assert!(never.is_never_open());
    assert_eq!(never.next_opening(now, &TimeZone::UTC), None);
    let always = windows("");
    assert!(always.is_always_open());
    assert_eq!(always.closes_at(now, &TimeZone::UTC), None);
    assert!(MaintenanceWindows::never().is_never_open());
}

#[test]
fn a_window_is_read_in_its_time_zone() {
    let night = windows("02:00-06:00");
    assert!(night.is_open(at("2026-01-10T01:00:00Z"), &berlin()));
    assert!(!night.is_open(at("2026-01-10T05:00:00Z"), &berlin()));
    assert!(night.is_open(at("2026-07-10T00:00:00Z"), &berlin()));
    assert!(!night.is_open(at("2026-07-10T04:00:00Z"), &berlin()));
}

#[test]
fn the_hour_skipped_in_spring_is_never_open() {
    // Berlin, Sunday 29 March 2026, 01:00 UTC: 02:00 becomes 03:00.
    let across = windows("01:00-04:00");
    let opens = across.next_opening(at("2026-03-28T12:00:00Z"), &berlin()).unwrap();
    assert_eq!(opens, at("2026-03-29T00:00:00Z"));
    assert_eq!(across.closes_at(opens, &berlin()), Some(at("2026-03-29T02:00:00Z")));

    let inside = windows("02:00-02:30");
    let opens = inside.next_opening(at("2026-03-28T12:00:00Z"), &berlin()).unwrap();
    assert_eq!(opens, at("2026-03-30T00:00:00Z"), "that night has no 02:00");

    let half = windows("02:30-03:30");
    let opens = half.next_opening(at("2026-03-28T12:00:00Z"), &berlin()).unwrap();
    assert_eq!(opens, at("2026-03-29T01:00:00Z"), "open from the first minute after the gap");
    assert_eq!(half.closes_at(opens, &berlin()), Some(at("2026-03-29T01:30:00Z")));
}

#[test]
fn the_hour_repeated_in_autumn_counts_twice() {
    // Berlin, Sunday 25 October 2026, 01:00 UTC: 03:00 becomes 02:00.
    let across = windows("02:00-03:00");
    let opens = across.next_opening(at("2026-10-24T12:00:00Z"), &berlin()).unwrap();
    assert_eq!(opens, at("2026-10-25T00:00:00Z"));
    assert_eq!(across.closes_at(opens, &berlin()), Some(at("2026-10-25T02:00:00Z")));

    let half = windows("02:00-02:30");
    let first = half.closes_at(at("2026-10-25T00:00:00Z"), &berlin()).unwrap();
    assert_eq!(first, at("2026-10-25T00:30:00Z"));
    let again = half.next_opening(first, &berlin()).unwrap();
    assert_eq!(again, at("2026-10-25T01:00:00Z"));
}

#[test]
fn two_sets_of_windows_combine_to_what_both_allow() {
    let both = windows("02:00-06:00").and(&windows("Sat 04:00-08:00"));
    assert!(both.is_open(at("2026-01-10T05:00:00Z"), &TimeZone::UTC));
    assert!(!both.is_open(at("2026-01-10T07:00:00Z"), &TimeZone::UTC));
    assert!(!both.is_open(at("2026-01-09T05:00:00Z"), &TimeZone::UTC));
    let night = windows("02:00-06:00");
    assert_eq!(night.and(&MaintenanceWindows::always()), night);
    assert!(night.and(&MaintenanceWindows::never()).is_never_open());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = text.parse::<MaintenanceWindows>();
    }

    #[test]
    fn window_like_text_is_read_or_refused(text in "!?(Sat|fri|Monday)? ?[0-9:]{0,5}-[ ;0-9:a-z-]{0,12}") {
        let _ = text.parse::<MaintenanceWindows>();
    }

    #[test]
    fn combined_windows_are_written_in_the_same_grammar(
        edges in proptest::collection::vec(0_u16..20_160, 4),
    ) {
        let text = |a: u16, b: u16| {
            let day = |m: u16| ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][usize::from(m / 1440 % 7)];
            let time = |m: u16| format!("{}:{}", m % 1440 / 60, m % 60);
            format!("{} {}-{} {}", day(a), time(a), day(b), time(b))
        };
        let one = windows(&format!("!{}", text(edges[0], edges[1])));
        let two = windows(&format!("{};05:00-04:00", text(edges[2], edges[3])));
        let both = one.and(&two);
        proptest::prop_assert_eq!(&windows(both.as_str()).open, &both.open);
    }

    #[test]
    fn openings_and_closings_agree_with_asking_each_minute(
        first in 0_i64..7, start in 0_i64..1440, last in 0_i64..7, end in 0_i64..1440,
        from in 0_i64..525_600, zone in 0_usize..4,
    ) {
        let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let text = format!(
            "{} {}:{}-{} {}:{}",
            names[usize::try_from(first).unwrap()], start / 60, start % 60,
            names[usize::try_from(last).unwrap()], end / 60, end % 60,
        );
        let zone =
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"].map(|z| TimeZone::get(z).unwrap())
                [zone].clone();
        let windows = windows(&text);
        let from = week(from);
        match windows.next_opening(from, &zone) {
            None => proptest::prop_assert!(windows.is_never_open()),
            Some(opens) => {
                proptest::prop_assert!(windows.is_open(opens, &zone));
                let mut minute = from;
                while minute < opens {
                    proptest::prop_assert!(!windows.is_open(minute, &zone), "{} at {}", text, minute);
                    minute += SignedDuration::from_mins(1);
                }
                if let Some(closes) = windows.closes_at(opens, &zone) {
                    proptest::prop_assert!(!windows.is_open(closes, &zone));
                    let mut minute = opens;
                    while minute < closes {
                        proptest::prop_assert!(windows.is_open(minute, &zone));
                        minute += SignedDuration::from_mins(1);
                    }
                }
            }
        }
    }
}
