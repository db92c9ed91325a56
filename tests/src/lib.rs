//! The lab: a private engine, a registry, sample images and the built binary, driven from outside.
//!
//! Shared by `cargo xtask` and the end-to-end tests in `tests/e2e`. It speaks the protocols itself over
//! blocking sockets, so that it shares no code, and so no mistake, with what it judges.

pub mod api;
pub mod docker;
pub mod http;
pub mod image;
pub mod lab;
pub mod lodeman;
pub mod matrix;
pub mod proxy;
pub mod push;
pub mod registry;
pub mod serve;
