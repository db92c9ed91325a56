//! The configuration, by the public API of the crate.

mod bad_input;
mod common;
mod loading;
