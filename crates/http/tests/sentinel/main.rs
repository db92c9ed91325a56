//! The surface that clients of Docker Sentinel speak, over the application wired to fakes.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod containers;
mod dependencies;
mod docs;
mod document;
mod events;
mod history;
mod hooks;
mod identity;
mod images;
mod logs;
mod power;
mod queue;
mod reading;
mod settings;
mod stream;
mod versions;
mod walk;
mod world;
