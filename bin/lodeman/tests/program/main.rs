//! The built program without an engine: its server, its verbs, its exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails where it does not get what it needs")]

mod demo;
mod interrupted;
mod program;
mod server;
mod verbs;
