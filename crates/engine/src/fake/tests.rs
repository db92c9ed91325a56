//! Tests of the model itself: what the contract suite cannot ask of a real engine.

mod faults;
mod world;
