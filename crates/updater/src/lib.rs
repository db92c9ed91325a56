//! Use cases and loops: scan, decide, queue, apply, verify, roll back, recover, clean up.
//!
//! [`app::App`] composes them behind [`control::Control`]. [`swap`] replaces one container by a
//! journal, [`recover`] settles what was interrupted, [`scan`] and [`decide`](mod@decide) find what is to be done.

pub mod app;
pub mod apply;
pub mod check;
pub mod control;
pub mod decide;
pub mod dependency;
pub mod deps;
pub mod explain;
pub mod feed;
pub mod janitor;
pub mod locks;
pub mod progress;
pub mod queue;
pub mod recover;
pub mod rollback;
pub mod scan;
pub mod subject;
pub mod swap;
