//! The swap on a model of an engine: to the end, back, and killed at every call.

mod faults;
mod kill;
mod orphans;
mod outcome;
mod world;
