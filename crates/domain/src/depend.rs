//! What containers need other containers for: a graph made of labels and settings, and the order that
//! follows from it.
//!
//! Everything here is deterministic: it does not matter in which order containers are listed.

mod graph;
mod member;

pub use graph::{DependencyGraph, Order};
pub use member::{EdgeKind, Member};

#[cfg(test)]
mod tests;
