//! Cron lines, maintenance windows, spans of time and time zones.

use lodeman_domain::schedule::{
    CronLine, MAX_DURATION, MaintenanceWindows, NamedZone, format_duration, parse_duration,
};

use crate::input::{instant, parts, text};

fn zone(line: &str) -> NamedZone {
    line.parse().unwrap_or_default()
}

/// A line, an instant in seconds, a zone. What is due comes later, in order, and nothing is left out.
pub(crate) fn cron(input: &[u8]) {
    let text = text(input);
    let ([line, at, place], _) = parts::<3>(&text);
    let Ok(cron) = line.parse::<CronLine>() else { return };
    assert_eq!(cron.as_str(), line.trim());
    assert_eq!(cron.to_string().parse().as_ref(), Ok(&cron));
    let (at, place) = (instant(at), zone(place));
    let Some(first) = cron.next_after(at, place.zone()) else { return };
    assert!(first > at, "what is due is later");
    assert_eq!(cron.clone().next_after(at, place.zone()), Some(first));
    // From anywhere on the way there, the same is due.
    let between = at.as_second().midpoint(first.as_second());
    if let Ok(between) = jiff::Timestamp::from_second(between)
        && between > at
        && between < first
    {
        assert_eq!(cron.next_after(between, place.zone()), Some(first), "nothing lies in between");
    }
    if let Some(second) = cron.next_after(first, place.zone()) {
        assert!(second > first, "time goes on");
    }
}

/// Windows, other windows, an instant, a zone. What opens is open, what closes is closed, nothing opens
/// earlier, and what both allow is what each allows.
pub(crate) fn windows(input: &[u8]) {
    let text = text(input);
    let ([one, other, at, place], _) = parts::<4>(&text);
    let Ok(windows) = one.parse::<MaintenanceWindows>() else { return };
    let (at, place) = (instant(at), zone(place));
    let place = place.zone();
    let again: MaintenanceWindows = windows.as_str().parse().expect("they are read as they are written");
    assert_eq!(again, windows);

    let open = windows.is_open(at, place);
    match windows.next_opening(at, place) {
        Some(opening) if open => assert_eq!(opening, at, "what is open opens now"),
        Some(opening) => {
            assert!(opening > at && windows.is_open(opening, place), "what opens is open");
            let between = at.as_second().midpoint(opening.as_second());
            if let Ok(between) = jiff::Timestamp::from_second(between)
                && between > at
                && between < opening
            {
                assert!(!windows.is_open(between, place), "it does not open earlier");
                assert_eq!(windows.next_opening(between, place), Some(opening));
            }
        }
        None => assert!(!open && windows.is_never_open(), "what never opens has no window"),
    }
    match windows.closes_at(at, place) {
        Some(closing) => assert!(open && closing > at && !windows.is_open(closing, place)),
        None => assert!(!open || windows.is_always_open(), "what is open closes some day"),
    }

    let Ok(other) = other.parse::<MaintenanceWindows>() else { return };
    let both = windows.and(&other);
    let hour = |n: i64| instant(&(at.as_second() + n * 1807).to_string());
    for at in (0..340).map(hour) {
        let each = windows.is_open(at, place) && other.is_open(at, place);
        assert_eq!(both.is_open(at, place), each, "both are open when each is");
    }
    let written: MaintenanceWindows = both.as_str().parse().expect("both can be written");
    for at in (0..340).map(hour) {
        assert_eq!(written.is_open(at, place), both.is_open(at, place), "{} is what both are", both.as_str());
    }
}

/// A span, a zone: each is written as something that means the same.
pub(crate) fn durations(input: &[u8]) {
    let text = text(input);
    let ([span, place], _) = parts::<2>(&text);
    if let Ok(span) = parse_duration(span) {
        assert!(span <= MAX_DURATION);
        let written = format_duration(span);
        assert_eq!(parse_duration(&written), Ok(span), "{written}");
        assert_eq!(format_duration(span), written);
    }
    if let Ok(place) = place.parse::<NamedZone>() {
        let again: NamedZone = place.to_string().parse().expect("a zone is known by its name");
        assert_eq!(again, place);
        let at = instant(span);
        assert_eq!(again.zone().to_datetime(at), place.zone().to_datetime(at), "with the same clock");
    }
}
