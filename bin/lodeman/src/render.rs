//! Results as text for people. Every function here is pure: value and view in, text out.

mod check;
mod configuration;
mod explanation;
mod history;
mod queue;
mod readiness;
mod recovery;
mod run;
mod style;
mod table;
mod time;

pub use check::checks;
pub use configuration::{configuration, problems};
pub use explanation::{explanation_short, explanations};
pub use history::history;
pub use queue::{decided, queue};
pub use readiness::readiness;
pub use recovery::{Stage, recovery};
pub use run::{downtime, run_report, summary};
pub use style::{Paint, Style};
pub use table::{Cell, Table};
pub use time::when;

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How text is made: in which style, for which wall clock, at which instant.
#[derive(Debug, Clone)]
pub struct View {
    /// With or without colours.
    pub style: Style,
    /// The wall clock that times are told by.
    pub zone: TimeZone,
    /// Now.
    pub now: Timestamp,
}

/// Foreign text without control characters, so that it cannot steer a terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// The first digits of a digest, which are enough for a person to compare.
pub fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) if hex.len() > 12 => format!("{algorithm}:{}", hex.get(..12).unwrap_or(hex)),
        _ => plain(digest),
    }
}

/// Adds to a text.
fn add(text: &mut String, more: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(more);
}

/// `1 container`, `2 containers`.
pub fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests;
