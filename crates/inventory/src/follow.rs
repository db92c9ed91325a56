//! Following the engine's events: connect, look at everything, then look again at what events are
//! about, and from time to time at the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use lodeman_domain::container::ContainerId;
use lodeman_engine::{EngineError, EngineEvent, EventAction, EventStream};
use tokio::time::{Instant, sleep, sleep_until};

use crate::model::HostModel;
use crate::status::chain;
use crate::sync::Scope;

/// An event this much older than one that was seen before it means that the engine's clock was set
/// back, not that the event is old.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);

impl HostModel {
    /// Connects, follows, and connects again. Never ends.
    pub(crate) async fn follow(&self) {
        let mut wait = self.config.first_retry;
        loop {
            let before = self.status().last_resync;
            let (problem, pause) = self.follow_once().await;
            if self.status().last_resync != before {
                wait = self.config.first_retry;
            }
            tracing::warn!(problem = %problem, "the engine's events are not followed");
            self.disconnected(problem);
            sleep(pause.unwrap_or(wait)).await;
            wait = wait.saturating_mul(2).min(self.config.longest_retry);
        }
    }

    /// Follows until that ends. Gives the reason, and how long to wait where that is not for the
    /// back-off to say.
    async fn follow_once(&self) -> (String, Option<Duration>) {
        let events = match self.engine.events().await {
            Ok(events) => events,
            Err(error @ EngineError::Refused { .. }) => {
                // A filtering proxy may let everything through but this.
                let problem = format!("polling, since there are no events: {}", chain(&error));
                return match self.refresh_once().await {
                    Ok(()) => (problem, Some(self.config.poll)),
                    Err(error) => (chain(&error), None),
                };
            }
            Err(error) => return (chain(&error), None),
        };
        let ended = tokio::select! {
            ended = self.follow_events(events) => ended,
            ended = self.heartbeat() => ended,
        };
        (chain(&ended), None)
    }

    /// Ends when the engine missed two pings in a row.
    async fn heartbeat(&self) -> EngineError {
        let mut missed = false;
        loop {
            sleep(self.config.heartbeat).await;
            match self.engine.ping().await {
                Ok(()) => missed = false,
                Err(error) if missed => return error,
                Err(_) => missed = true,
            }
        }
    }

    async fn follow_events(&self, events: EventStream) -> EngineError {
        let mut inbox = Inbox { events, waiting: Waiting::default(), broken: None };
        if let Err(error) = self.look_around(&mut inbox, true).await {
            return error;
        }
        self.connected();
        let mut resync_at = Instant::now() + self.config.resync_every;
        let mut retry_at = Instant::now() + self.config.poll;
        loop {
            if let Some(error) = inbox.broken.take() {
                return error;
            }
            let settled_at = inbox.waiting.since.map(|since| since + self.config.settle);
            tokio::select! {
                event = inbox.events.next() => inbox.take(event),
                () = sleep_until(settled_at.unwrap_or(resync_at)), if settled_at.is_some() => {
                    self.look_at(&mut inbox).await;
                }
                () = sleep_until(retry_at) => {
                    retry_at = Instant::now() + self.config.poll;
                    // Whoever is looking around just now asks for them too.
                    if let Ok(known) = self.known.try_lock() {
                        inbox.waiting.again(known.unread.iter());
                    }
                }
                () = sleep_until(resync_at) => {
                    if let Err(error) = self.look_around(&mut inbox, false).await {
                        return error;
                    }
                    resync_at = Instant::now() + self.config.resync_every;
                }
            }
        }
    }

    /// Looks at the whole host, while events go on being taken in.
    async fn look_around(&self, inbox: &mut Inbox, everything: bool) -> Result<(), EngineError> {
        let (waiting, _) = inbox.waiting.take_all();
        let as_of = inbox.waiting.newest;
        let scope =
            if everything { Scope::Everything } else { Scope::Changed(waiting.into_keys().collect()) };
        inbox.meanwhile(self.resync(scope, as_of)).await
    }

    /// Looks at what events were about.
    async fn look_at(&self, inbox: &mut Inbox) {
        let (waiting, images) = inbox.waiting.take_all();
        let as_of = inbox.waiting.newest;
        let looking = async {
            let mut known = self.known.lock().await;
            let is_news = |id: &ContainerId, at: Option<Timestamp>| {
                let as_of = known.containers.get(id).and_then(|entry| entry.as_of);
                // What happened before the last inspect was asked for is in its answer.
                !matches!((at, as_of), (Some(at), Some(as_of)) if at <= as_of && as_of.duration_since(at) <= CLOCK_STEP)
            };
            let ids: BTreeSet<ContainerId> =
                waiting.into_iter().filter(|(id, at)| is_news(id, *at)).map(|(id, _)| id).collect();
            if ids.is_empty() && !images {
                return;
            }
            let (engine, at_once) = (self.engine.as_ref(), self.config.inspects_at_once);
            known.inspect(engine, at_once, ids, as_of).await;
            if let Err(error) = known.learn_images(engine, at_once).await {
                tracing::warn!(error = %error, "images could not be listed");
            }
            self.publish(&mut known, false);
        };
        inbox.meanwhile(looking).await;
    }
}

/// Events as they come in.
struct Inbox {
    events: EventStream,
    waiting: Waiting,
    broken: Option<EngineError>,
}

impl Inbox {
    fn take(&mut self, event: Option<Result<EngineEvent, EngineError>>) {
        match event {
            Some(Ok(event)) => self.waiting.note(&event),
            Some(Err(error)) => self.broken = Some(error),
            None => {
                let source = "the event stream ended".into();
                self.broken = Some(EngineError::Unknown { action: "tell its events", source });
            }
        }
    }

    /// Does `work` while taking in events, so that none is lost to a full pipe.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            if self.broken.is_some() {
                return work.await;
            }
            tokio::select! {
                done = &mut work => return done,
                event = self.events.next() => self.take(event),
            }
        }
    }
}

/// What events were about and has not been looked at since.
#[derive(Debug, Default)]
struct Waiting {
    /// Containers, with the newest event about each.
    containers: BTreeMap<ContainerId, Option<Timestamp>>,
    /// Whether there was something about images.
    images: bool,
    /// When the first of these came.
    since: Option<Instant>,
    /// The newest event of all, by the engine's clock.
    newest: Option<Timestamp>,
}

impl Waiting {
    fn note(&mut self, event: &EngineEvent) {
        let set_back = self.newest.is_some_and(|newest| newest.duration_since(event.at) > CLOCK_STEP);
        self.newest = if set_back { Some(event.at) } else { self.newest.max(Some(event.at)) };
        match (&event.action, &event.container) {
            (EventAction::Other(_), _) => return,
            (EventAction::Image(_), _) => self.images = true,
            (_, Some(id)) => {
                let newest = self.containers.entry(id.clone()).or_default();
                *newest = (*newest).max(Some(event.at));
            }
            (_, None) => return,
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// Puts containers in whatever events say.
    fn again<'a>(&mut self, ids: impl Iterator<Item = &'a ContainerId>) {
        for id in ids {
            self.containers.insert(id.clone(), None);
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// The containers, and whether there was something about images.
    fn take_all(&mut self) -> (BTreeMap<ContainerId, Option<Timestamp>>, bool) {
        self.since = None;
        (std::mem::take(&mut self.containers), std::mem::take(&mut self.images))
    }
}
