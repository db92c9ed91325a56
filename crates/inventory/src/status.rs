//! How well the model knows its host.

use jiff::Timestamp;

/// How well the model knows its host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostStatus {
    /// Whether the event stream is open and the host was looked at since it opened.
    pub connected: bool,
    /// When the whole host was last looked at, by our clock.
    pub last_resync: Option<Timestamp>,
    /// When the event stream last broke, by our clock. An end of a container about this time may be
    /// the engine's doing.
    pub last_disconnect: Option<Timestamp>,
    /// Containers that are there but could not be inspected when they were last asked for.
    pub unread_containers: usize,
    /// What is wrong with the event stream.
    pub(crate) stream_problem: Option<String>,
    /// What went wrong when the host was last looked at.
    pub(crate) sync_problem: Option<String>,
}

impl HostStatus {
    /// Why what the model says may be old or incomplete; `None` when it is current.
    #[must_use]
    pub fn degraded(&self) -> Option<String> {
        let unread = (self.unread_containers > 0)
            .then(|| format!("{} containers could not be inspected", self.unread_containers));
        let mut reasons: Vec<String> =
            [self.stream_problem.clone(), self.sync_problem.clone(), unread].into_iter().flatten().collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_every_reason_once() {
        let mut status = HostStatus::default();
        assert_eq!(status.degraded(), None);
        status.stream_problem = Some("the engine is away".to_owned());
        status.sync_problem = Some("the engine is away".to_owned());
        status.unread_containers = 2;
        assert_eq!(
            status.degraded().as_deref(),
            Some("the engine is away; 2 containers could not be inspected")
        );
    }
}
