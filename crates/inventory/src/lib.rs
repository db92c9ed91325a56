//! An index of a host's containers and of the images they run, kept current from the engine's event
//! stream.
//!
//! [`HostModel`] is asked instead of the engine wherever an answer may be a second old: lists,
//! checks, explanations. A swap never reads it; a swap inspects.
//!
//! **Invariants.** Events are hints: what enters the model comes from an inspect. A container leaves
//! the model only when an inspect says that it is not there; its absence from a list proves nothing.
//! Times of the engine are compared with times of the same engine only.

mod change;
mod follow;
mod model;
mod snapshot;
mod status;
mod sync;

pub use change::HostChange;
pub use model::{HostModel, HostModelConfig};
pub use snapshot::{ContainerEntry, HostSnapshot, ImageFacts};
pub use status::HostStatus;
