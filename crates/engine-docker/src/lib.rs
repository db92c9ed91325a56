//! The container engine port over the Docker Engine API.
//!
//! [`DockerEngine`] speaks to a socket of Docker Engine (API 1.41 and newer) or of something
//! compatible. Everything that carries a container's facts travels as raw JSON over `transport`,
//! so that no field is lost in a client library's models; the streams (events, pull progress, logs)
//! are decoded by bollard, which is given that same transport.
//!
//! **Invariants.** Every request but the ping carries the negotiated version, once. No request is
//! ever repeated here: whether a call whose outcome is unknown may be issued again is the journal's
//! business. No redirect is followed.

mod answer;
mod calls;
mod config;
mod dial;
mod engine;
mod events;
mod exec;
mod follow;
mod logs;
mod parse;
mod path;
mod pull;
mod space;
mod stream;
mod tail;
mod transport;
mod version;

pub use config::{ConnectError, Deadlines, DockerEngineConfig};
pub use engine::DockerEngine;
pub use version::{ApiVersion, ParseApiVersionError};
