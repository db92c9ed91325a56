//! The built binary, a real engine and a real registry.
//!
//! `cargo xtask test` builds the binary and installs what the lab is made of. Where neither is there
//! these tests fail, unless `LODEMAN_WITHOUT_LAB=1` says that this is meant.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a helper that fails fails its test")]

mod approval;
mod broken;
mod dependencies;
mod faithful;
mod hands_on;
mod hooks;
mod lab;
mod listens;
mod outside;
mod sentinel;
mod server;
mod space;
mod support;
mod update;
