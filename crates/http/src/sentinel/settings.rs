//! Settings, as they are read and written here.
//!
//! Each has an endpoint of its own. All of them read a small object, store what it says, note who did it,
//! and tell it to those who follow events in the words of the answer.

mod choices;
mod list;
mod pages;
mod scanning;
mod switches;
mod times;

use lodeman_updater::app::SettingNote;
use lodeman_updater::control::ErrorKind;

use super::Sentinel;
use super::envelope::Failure;

pub use choices::*;
pub use list::*;
pub use pages::*;
pub use scanning::*;
pub use switches::*;
pub use times::*;

/// A setting to store, and how that is told.
struct Change<'a> {
    key: &'a str,
    /// `None` takes back what was stored.
    value: Option<String>,
    /// What the caller is answered, and those who follow events are told.
    said: &'a str,
    /// Type and message of the entry in the activity log.
    noted: Option<(&'a str, &'a str)>,
    /// What is answered when it cannot be stored.
    failed: &'a str,
}

impl<'a> Change<'a> {
    fn new(key: &'a str, value: impl Into<String>, said: &'a str, noted: &'a str) -> Self {
        let noted = Some(("settings", noted));
        Self { key, value: Some(value.into()), said, noted, failed: "failed to save setting" }
    }

    /// Stores it and puts it in force.
    async fn store(self, sentinel: &Sentinel, by: &str) -> Result<(), Failure> {
        let noted = self.noted.map(|(entry_type, message)| (entry_type.to_owned(), message.to_owned()));
        let note = SettingNote { said: self.said.to_owned(), noted };
        let stored = sentinel.app.set_setting(self.key, self.value, note, by).await;
        stored.map_err(|error| match error.kind {
            ErrorKind::Unavailable | ErrorKind::Internal => Failure::inside(&error, self.failed),
            _ => Failure::from(error),
        })
    }
}
