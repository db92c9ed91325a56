//! Plain lines, for logs and pipes.

use std::collections::HashMap;
use std::time::Instant;

use lodeman_domain::event::Progress;

use super::{Detail, sentence};
use crate::render::plain;

/// Turns notes into lines, leaving out what a reader of lines has no use for.
#[derive(Debug)]
pub struct Lines {
    detail: Detail,
    began: Instant,
    /// What was said last of each container.
    last: HashMap<String, String>,
}

impl Lines {
    /// Lines of this much detail; times are since `began`.
    pub fn new(detail: Detail, began: Instant) -> Self {
        Self { detail, began, last: HashMap::new() }
    }

    /// The line for `note`, if it has one.
    pub fn line(&mut self, note: &Progress) -> Option<String> {
        let (name, text) = match note {
            Progress::Phase { name, message, .. } => (name, format!("{}: {}", plain(name), plain(message))),
            // One line for a pull: that it is under way.
            Progress::Pull { name, .. } => (name, format!("{}: pulling", plain(name))),
            Progress::Verdict { name, .. } => {
                (name, format!("{}: the replacement is being judged", plain(name)))
            }
            Progress::Ended { name, outcome, dark_ms, reason, .. } => {
                (name, sentence::ended(name, *outcome, *dark_ms, reason.as_deref()))
            }
            // That one container was looked at is no news to who named it.
            Progress::Scan { checked, total, .. } if checked == total && *total > 1 => {
                return Some(self.stamped(&format!("{checked} of {total} checked")));
            }
            Progress::Scan { .. } => return None,
        };
        if self.last.get(name).is_some_and(|last| *last == text) {
            return None;
        }
        self.last.insert(name.clone(), text.clone());
        Some(self.stamped(&text))
    }

    fn stamped(&self, text: &str) -> String {
        match self.detail {
            Detail::Brief => text.to_owned(),
            Detail::Steps => format!("{}  {text}", sentence::elapsed(self.began.elapsed())),
        }
    }
}
