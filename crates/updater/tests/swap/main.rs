//! The swap on a model of an engine: to the end, back, and killed at every call.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blocked;
mod faults;
mod hook_matrix;
mod hooks;
mod journal;
mod kill;
mod orphans;
mod outcome;
mod recreate;
mod restart;
mod world;
