//! How an engine refused a call, as far as what is done next depends on it.
//!
//! Engines word the same refusal differently from version to version, so words are a hint and no more: a
//! wrong guess costs time, never a container.

/// What an engine answered to a call it did not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The engine's disk is full. Such a call changed nothing.
    NoSpace,
    /// A host port is taken, or the engine believes so.
    PortTaken,
    /// Anything else.
    Other,
}

const NO_SPACE: [&str; 3] = ["no space left", "disk quota exceeded", "disk is full"];
const PORT_TAKEN: [&str; 5] = [
    "port is already allocated",
    "address already in use",
    "ports are not available",
    "port already in use",
    "port is already in use",
];

impl Refusal {
    /// What the engine's words hint at.
    pub(crate) fn cause(&self) -> Cause {
        let words = self.message.to_ascii_lowercase();
        let says = |hints: &[&str]| self.status >= 500 && hints.iter().any(|hint| words.contains(hint));
        if says(&NO_SPACE) {
            Cause::NoSpace
        } else if says(&PORT_TAKEN) {
            Cause::PortTaken
        } else {
            Cause::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_known_engines_are_told_apart() {
        let cause = |status, message: &str| Refusal { status, message: message.to_owned() }.cause();
        let full = "write /var/lib/docker/containers/1/.tmp-config.v2.json: no space left on device";
        assert_eq!(cause(500, full), Cause::NoSpace);
        let bound = "driver failed programming external connectivity on endpoint web: Bind for \
                     0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(cause(500, bound), Cause::PortTaken);
        let proxy = "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use";
        assert_eq!(cause(500, proxy), Cause::PortTaken);
        assert_eq!(cause(500, "failed to create task: OCI runtime create failed"), Cause::Other);
        assert_eq!(cause(400, "sh: no space left on device"), Cause::Other, "an engine's own fault is a 5xx");
    }
}
