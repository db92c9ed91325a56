//! Notes as sentences.

use std::time::Duration;

use lodeman_domain::update::Outcome;

use crate::render::{downtime, plain};

/// How an operation ended.
pub fn ended(name: &str, outcome: Outcome, dark_ms: Option<u64>, reason: Option<&str>) -> String {
    let what = match outcome {
        Outcome::Updated => "updated",
        Outcome::UpdatedUnproven => "made anew; it was not running",
        Outcome::RolledBack => "rolled back",
        Outcome::Restored => "back at what ran before",
        Outcome::Restarted => "restarted",
        Outcome::Aborted => "given up",
        Outcome::SkippedByHook => "put off by its hook",
        Outcome::External => "changed by someone else",
        Outcome::Held => "a person is needed",
        Outcome::Pulled => "pulled",
        Outcome::DryRun => "dry run",
        Outcome::CheckFailed => "could not be checked",
    };
    let down = dark_ms.map_or_else(String::new, |dark| format!(", down for {}", downtime(dark)));
    let reason = reason.map_or_else(String::new, |reason| format!(": {}", plain(reason)));
    format!("{}: {what}{down}{reason}", plain(name))
}

/// `  3.2 s`
pub fn elapsed(since: Duration) -> String {
    let tenths = since.as_millis() / 100;
    format!("{:>5}.{} s", tenths / 10, tenths % 10)
}
