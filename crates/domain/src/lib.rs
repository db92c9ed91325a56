//! What Lodeman knows about containers, images, versions, policies and updates.
//!
//! Everything here is a value or a pure function: no I/O, no async runtime, no clock but the one
//! passed in. Adapters parse at the edge into these types and hand them inwards.

pub mod clock;
pub mod container;
pub mod digest;
pub mod event;
pub mod explain;
pub mod image;
pub mod label;
pub mod policy;
pub mod queue;
pub mod schedule;
pub mod setting;
pub mod update;
pub mod version;
pub mod workload;
