//! What the engine says happened. Events are hints; an inspect is the truth.

use futures::stream::BoxStream;
use jiff::Timestamp;
use lodeman_domain::container::{ContainerId, ContainerName};

use crate::EngineError;

/// A stream of events that ends with an error when the connection does.
pub type EventStream = BoxStream<'static, Result<EngineEvent, EngineError>>;

/// The lines of a log, as they are written; it ends where the container's process does, or with an error.
pub type LogStream = BoxStream<'static, Result<String, EngineError>>;

/// What happened to a container or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventAction {
    /// A container was made.
    Create,
    /// A container's process was started.
    Start,
    /// A container's process ended, with this exit code where it is told.
    Die(Option<i64>),
    /// The kernel ended a process of the container for want of memory.
    Oom,
    /// A container was stopped on request.
    Stop,
    /// A container was removed.
    Destroy,
    /// A container has a new name.
    Rename,
    /// A container was frozen.
    Pause,
    /// A container was thawed.
    Unpause,
    /// A container's health changed to this word.
    Health(String),
    /// A container's settings were changed in place.
    Update,
    /// An image was pulled, tagged, untagged or removed.
    Image(String),
    /// Something else.
    Other(String),
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// The container it is about; `None` for images and networks.
    pub container: Option<ContainerId>,
    /// The container's name as the event carries it.
    pub name: Option<ContainerName>,
    /// What happened.
    pub action: EventAction,
    /// When, by the engine's clock.
    pub at: Timestamp,
}
