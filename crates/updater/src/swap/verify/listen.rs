//! "Listens where it listened": what a replacement without a health check is judged by beside staying up.
//!
//! Before the old container goes down its declared TCP ports are dialled from where this process stands.
//! A port that takes a connection then must take one in the replacement too, on the same way. One that
//! did not, or that the newer image no longer declares, is not asked for: that says nothing about it.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use lodeman_domain::container::{Labels, ListeningPort};
use lodeman_domain::event::EventKind;
use lodeman_domain::label::read_labels;
use lodeman_engine::{ContainerEngine, ContainerInspect};
use lodeman_store::Write;
use serde_json::json;
use tokio::time::timeout;

use crate::deps::SwapConfig;
use crate::swap::perform::Run;

/// How many ports are looked at; images that declare whole ranges exist.
const MAX_PORTS: usize = 32;
/// How many are dialled at a time.
const SIDE_BY_SIDE: usize = 16;
/// How long one port of the old container is tried, on all ways together.
const PATIENCE: Duration = Duration::from_secs(3);
/// A replacement that stays up gets this many times its grace to listen: as many as a health check with
/// three retries has.
const GRACES: u32 = 4;
/// And at least this long.
const AT_LEAST: Duration = Duration::from_secs(10);

/// Finds out where the old container listens, and tells what could not be told. Never a reason to halt.
pub(in crate::swap) async fn hear_old(run: &mut Run) {
    if run.journal.op.old_paused {
        return;
    }
    let engine = run.deps.engine.clone();
    // One that cannot be inspected is met again right away, where that is told.
    let Ok(old) = engine.inspect_container(&run.journal.op.old_id).await else { return };
    let ports = old.declared_tcp_ports();
    if ports.is_empty() || !is_wanted(&run.deps.swap, &old.labels()) {
        return;
    }
    let heard: Vec<(u16, Option<ListeningPort>)> = stream::iter(ports.into_iter().take(MAX_PORTS))
        .map(|port| {
            let (engine, old) = (&*engine, &old);
            async move { (port, timeout(PATIENCE, first_way(engine, old, port)).await.ok().flatten()) }
        })
        .buffered(SIDE_BY_SIDE)
        .collect()
        .await;
    let silent: Vec<u16> = heard.iter().filter(|(_, way)| way.is_none()).map(|(port, _)| *port).collect();
    let listened: Vec<ListeningPort> = heard.into_iter().filter_map(|(_, way)| way).collect();
    let mut message = Vec::new();
    if !listened.is_empty() {
        message.push(format!("it listens on {}, and will have to again", listed(&listened)));
    }
    if !silent.is_empty() {
        let silent: Vec<String> = silent.iter().map(|port| format!("{port}/tcp")).collect();
        message.push(format!("nothing is heard from here on {}, so that is not judged", silent.join(", ")));
    }
    let message = message.join("; ");
    let data = json!({ "listens": listened, "not_judged": silent });
    let event = run.journal.event(EventKind::OperationPhase, &message, data);
    run.journal.also(Write::AppendEvent(event));
    run.journal.change(|op| op.listened = listened);
    run.tell(run.journal.op.phase, &message);
}

/// Whether setting and label ask for it. An untrusted label can only ask for more.
fn is_wanted(config: &SwapConfig, labels: &Labels) -> bool {
    match read_labels(labels).listen_check {
        Some(hint) if hint.value || config.labels_are_trusted => hint.value,
        _ => config.listen_check,
    }
}

async fn first_way(engine: &dyn ContainerEngine, of: &ContainerInspect, port: u16) -> Option<ListeningPort> {
    for (way, address) in of.ways(port) {
        if engine.takes_connections(address).await {
            return Some(ListeningPort { port, way });
        }
    }
    None
}

fn listed(ports: &[ListeningPort]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The ports that a replacement has not yet been heard on.
pub(super) struct Hearing {
    awaited: Vec<ListeningPort>,
    /// Those of them that could be dialled at the last try and did not answer.
    silent: Vec<ListeningPort>,
}

impl Hearing {
    pub(super) fn new(awaited: Vec<ListeningPort>) -> Self {
        Self { silent: awaited.clone(), awaited }
    }

    /// How long the replacement has to be heard on all of them.
    pub(super) fn budget(&self, grace: Duration, cap: Duration) -> Duration {
        if self.awaited.is_empty() {
            return Duration::ZERO;
        }
        grace.saturating_mul(GRACES).max(AT_LEAST).min(cap.max(grace))
    }

    /// Tries again those that were not heard yet.
    pub(super) async fn listen(&mut self, engine: &dyn ContainerEngine, now: &ContainerInspect) {
        if self.awaited.is_empty() {
            return;
        }
        let declared = now.declared_tcp_ports();
        self.awaited.retain(|wanted| declared.contains(&wanted.port));
        let tried: Vec<(ListeningPort, Option<bool>)> = stream::iter(self.awaited.clone())
            .map(|wanted| async move {
                let way = now.ways(wanted.port).into_iter().find(|(way, _)| *way == wanted.way);
                let heard = match way {
                    Some((_, address)) => Some(engine.takes_connections(address).await),
                    None => None,
                };
                (wanted, heard)
            })
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let still =
            |heard: Option<bool>| tried.iter().filter(move |(_, h)| *h == heard).map(|(w, _)| w.clone());
        self.silent = still(Some(false)).collect();
        self.awaited = still(Some(false)).chain(still(None)).collect();
    }

    /// Whether nothing tells against it. What can no longer be dialled does not.
    pub(super) fn is_content(&self) -> bool {
        self.silent.is_empty()
    }

    /// What it was not heard on.
    pub(super) fn missing(&self) -> String {
        listed(&self.silent)
    }

    /// What there is to say against it.
    pub(super) fn complaint(&self) -> String {
        format!("it stays up but does not listen on {}, as the old container did", self.missing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untrusted_label_can_only_ask_for_more() {
        let labels = |value: &str| Labels::from([("lodeman.listen-check".to_owned(), value.to_owned())]);
        let config = |listen_check, labels_are_trusted| SwapConfig {
            listen_check,
            labels_are_trusted,
            ..SwapConfig::default()
        };
        assert!(is_wanted(&config(true, true), &Labels::new()));
        assert!(!is_wanted(&config(true, true), &labels("no")));
        assert!(is_wanted(&config(true, false), &labels("no")), "it would ask for less");
        assert!(is_wanted(&config(false, false), &labels("yes")));
        assert!(!is_wanted(&config(false, true), &Labels::new()));
        assert!(is_wanted(&config(true, true), &labels("perhaps")));
    }
}
