//! Use cases and loops: scan, decide, queue, apply, verify, roll back, recover, clean up.

pub mod control;
pub mod deps;
pub mod locks;
pub mod progress;
pub mod recover;
pub mod swap;
