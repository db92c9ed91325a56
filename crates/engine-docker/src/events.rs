//! The engine's events.

use std::io;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures::{Stream, StreamExt, future, stream};
use jiff::Timestamp;
use lodeman_engine::{EngineError, EngineEvent, EventAction, EventStream};
use tokio::time::timeout;

use crate::answer::clean;
use crate::stream::{Begun, Context, Streams, from_bollard};
use crate::transport::{Lane, no_answer};

const ACTION: &str = "tell its events";

impl Streams {
    pub(crate) async fn events(&self) -> Result<EventStream, EngineError> {
        let within = self.deadlines.quick;
        let (begun, told) = Begun::channel();
        let docker = self.with(Context {
            action: ACTION,
            lane: Lane::Events,
            wait: within,
            begun: Some(begun),
            auth: None,
        });
        // Other kinds are of no interest, and a kind that bollard does not know would end the stream.
        let kinds = [("type", vec!["container", "image"])].into_iter().collect();
        let options = EventsOptionsBuilder::new().filters(&kinds).build();
        let mut messages = Box::pin(docker.events(Some(options)));
        // bollard sends when it is first polled. Events count from the moment the answer began, which
        // is when this function returns; one may already come with that beginning.
        let first = tokio::select! {
            biased;
            _ = told => None,
            first = timeout(within, messages.next()) => match first {
                Ok(Some(Err(error))) => return Err(from_bollard(ACTION, error)),
                Ok(first) => first,
                Err(_) => return Err(no_answer(ACTION, within)),
            },
        };
        Ok(read(stream::iter(first).chain(messages)))
    }
}

/// Events out of messages, ending with an error when those end.
fn read<S>(messages: S) -> EventStream
where
    S: Stream<Item = Result<EventMessage, bollard::errors::Error>> + Send + 'static,
{
    let end = || {
        let source = io::Error::new(io::ErrorKind::UnexpectedEof, "the event stream ended");
        Err(EngineError::Unknown { action: ACTION, source: source.into() })
    };
    messages
        .filter_map(|message| {
            future::ready(match message {
                Ok(message) => event(message).map(Ok),
                Err(error) => Some(Err(from_bollard(ACTION, error))),
            })
        })
        .chain(stream::once(async move { end() }))
        .boxed()
}

/// One event. `None` without a time: it could be put nowhere, and a resync finds what it told.
fn event(message: EventMessage) -> Option<EngineEvent> {
    let nanoseconds = message.time_nano.filter(|nanoseconds| *nanoseconds != 0).map(i128::from);
    let nanoseconds = nanoseconds.or_else(|| message.time.map(|seconds| i128::from(seconds) * 1_000_000_000));
    let at = Timestamp::from_nanosecond(nanoseconds?).ok()?;
    let is_container = message.typ == Some(EventMessageTypeEnum::CONTAINER);
    let is_image = message.typ == Some(EventMessageTypeEnum::IMAGE);
    let actor = message.actor.unwrap_or_default();
    let attributes = actor.attributes.unwrap_or_default();
    let word = message.action.unwrap_or_default();
    let action = match word.as_str() {
        _ if is_image => EventAction::Image(clean(&word)),
        _ if !is_container => EventAction::Other(clean(&word)),
        "create" => EventAction::Create,
        "start" | "restart" => EventAction::Start,
        "die" => EventAction::Die(attributes.get("exitCode").and_then(|code| code.parse().ok())),
        "oom" => EventAction::Oom,
        "stop" => EventAction::Stop,
        // A compatible engine says `remove`.
        "destroy" | "remove" => EventAction::Destroy,
        "rename" => EventAction::Rename,
        "pause" => EventAction::Pause,
        "unpause" => EventAction::Unpause,
        "update" => EventAction::Update,
        other => match other.strip_prefix("health_status") {
            Some(health) => EventAction::Health(clean(health.trim_start_matches(':'))),
            None => EventAction::Other(clean(other)),
        },
    };
    Some(EngineEvent {
        container: is_container.then(|| actor.id.and_then(|id| id.parse().ok())).flatten(),
        name: is_container.then(|| attributes.get("name").and_then(|name| name.parse().ok())).flatten(),
        action,
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_out_of_time_is_left_out() {
        for times in ["", r#","time":9223372036854775807"#] {
            let message = format!(r#"{{"Type":"container","Action":"start"{times}}}"#);
            assert_eq!(event(serde_json::from_str(&message).unwrap()), None, "{times}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_message_gives_an_event_or_none(
            kind in "container|image|volume|",
            action in "\\PC{0,40}|health_status.{0,9}|die",
            id in "[0-9a-f]{64}|\\PC{0,70}",
            name in "\\PC{0,30}",
            code in "\\PC{0,20}|-?[0-9]{1,30}",
            time: Option<i64>,
            time_nano: Option<i64>,
        ) {
            let message = serde_json::json!({
                "Type": kind, "Action": action, "time": time, "timeNano": time_nano,
                "Actor": { "ID": id, "Attributes": { "name": name, "exitCode": code } },
            });
            let parsed: EventMessage = serde_json::from_value(message).unwrap();
            if let Some(event) = event(parsed) {
                proptest::prop_assert!(kind == "container" || event.container.is_none());
            } else {
                proptest::prop_assert!(time_nano.is_none_or(|n| n == 0));
            }
        }

        #[test]
        fn any_line_gives_a_message_or_an_error(line in "\\PC{0,120}|[\\[\\]{}\":,a-zA-Z0-9 ]{0,120}") {
            if let Ok(message) = serde_json::from_str::<EventMessage>(&line) {
                let _ = event(message);
            }
        }
    }
}
