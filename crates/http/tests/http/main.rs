//! The control socket at both its ends, and the probes.

#![expect(clippy::unwrap_used, reason = "a test fails where it does not get what it needs")]

mod bad_input;
mod metrics;
mod probes;
mod round_trip;
mod sample;
mod socket;
