//! When things happen: cron lines, maintenance windows, spans of time and the poll schedule.
//!
//! Everything here is computed from instants that are passed in, in a time zone that is passed in.

mod cron;
mod duration;
mod poll;
mod window;
mod zone;

pub use cron::{CronLine, ParseCronError};
pub use duration::{MAX_DURATION, ParseDurationError, format_duration, parse_duration};
pub use poll::{PollSchedule, Trigger};
pub use window::{MaintenanceWindows, ParseWindowError};
pub use zone::{NamedZone, ParseZoneError};
