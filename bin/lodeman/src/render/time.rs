//! Times as a person reads them: how long ago, and when.

use jiff::{SignedDuration, Timestamp};

use super::View;

/// `3 min ago (2026-11-20 10:00 UTC)`
pub fn when(view: &View, at: Timestamp) -> String {
    format!("{} ({})", relative(view.now, at), absolute(view, at))
}

/// `2026-11-20 10:00 UTC`
pub fn absolute(view: &View, at: Timestamp) -> String {
    at.to_zoned(view.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// `3 min ago`, `in 2 h`
pub fn relative(now: Timestamp, at: Timestamp) -> String {
    let span = at.duration_since(now);
    let size = span.abs();
    let text = if size < SignedDuration::from_secs(1) {
        return "now".to_owned();
    } else if size < SignedDuration::from_mins(1) {
        format!("{} s", size.as_secs())
    } else if size < SignedDuration::from_mins(90) {
        format!("{} min", size.as_mins())
    } else if size < SignedDuration::from_hours(36) {
        format!("{} h", size.as_hours())
    } else {
        format!("{} days", size.as_hours() / 24)
    };
    if span.is_negative() { format!("{text} ago") } else { format!("in {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Style;
    use jiff::tz::TimeZone;

    #[test]
    fn a_time_is_told_by_its_distance_and_by_the_wall_clock() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        for (at, text) in [
            ("2026-11-20T10:00:00.4Z", "now"),
            ("2026-11-20T09:59:30Z", "30 s ago"),
            ("2026-11-20T10:45:00Z", "in 45 min"),
            ("2026-11-20T07:59:00Z", "2 h ago"),
            ("2026-11-25T10:00:00Z", "in 5 days"),
        ] {
            assert_eq!(relative(now, at.parse().unwrap()), text);
        }
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let view = View { style: Style::PLAIN, zone, now };
        assert_eq!(when(&view, now), "now (2026-11-20 11:00 CET)");
    }
}
