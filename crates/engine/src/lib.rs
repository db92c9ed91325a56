//! The port to a container engine: what Lodeman asks of one, and in which terms it answers.
//!
//! [`ContainerEngine`] is the port. An adapter speaks to a real engine; [`fake`] (feature `fake`) is
//! a model of one, and [`contract`] (same feature) is the suite that both must pass, so that the
//! model stays honest. [`spec`] derives the create-spec of a replacement from an existing container:
//! the only way a create-spec comes into being.

#[cfg(any(test, feature = "fake"))]
pub mod contract;
mod error;
mod event;
mod exec;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod inspect;
mod port;
mod reach;
pub mod spec;

pub use error::EngineError;
pub use event::{EngineEvent, EventAction, EventStream, LogStream};
pub use exec::{ExecEnding, ExecReport, ExecRequest, MAX_EXEC_OUTPUT};
pub use inspect::{ContainerInspect, ContainerSummary, ImageInspect, ImageSummary, MountView, RestartPolicy};
pub use port::{
    ContainerEngine, DiskSpace, EngineInfo, ImageStore, PullAuth, PullProgress, PullProgressSink, SilentPull,
};
