//! The application on a modelled engine and registry: what is found, decided, queued and applied.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod applying;
mod deciding;
mod depending;
mod hooks;
mod power;
mod queueing;
mod settings;
mod world;
