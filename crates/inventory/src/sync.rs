//! Looking at a host: what is asked of the engine, and what its answers do to the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use lodeman_domain::container::ContainerId;
use lodeman_domain::digest::Digest;
use lodeman_engine::{ContainerEngine, ContainerSummary, EngineError, EngineInfo, ImageSummary};

use crate::snapshot::{ContainerEntry, ImageFacts};

/// How thorough a look is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every container is inspected: a list does not tell that one was restarted meanwhile.
    Everything,
    /// Those whose row differs from what is known, and these.
    Changed(BTreeSet<ContainerId>),
}

/// What is known about a host.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) engine: Option<EngineInfo>,
    pub(crate) containers: BTreeMap<ContainerId, ContainerEntry>,
    pub(crate) images: BTreeMap<Digest, ImageFacts>,
    /// Containers whose last inspect failed; they stay as they were and are asked for again.
    pub(crate) unread: BTreeSet<ContainerId>,
    /// Another engine or image store answers than the last published snapshot tells about.
    pub(crate) replaced: bool,
}

impl Known {
    /// Looks at the whole host.
    pub(crate) async fn resync(
        &mut self,
        engine: &dyn ContainerEngine,
        at_once: usize,
        scope: Scope,
        as_of: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        self.learn_engine(engine).await?;
        let rows = engine.list_containers().await?;
        let mut ids: BTreeSet<ContainerId> = match scope {
            Scope::Everything => rows.iter().map(|row| row.id.clone()).collect(),
            Scope::Changed(mut ids) => {
                ids.extend(rows.iter().filter(|row| self.differs(row)).map(|row| row.id.clone()));
                ids
            }
        };
        let listed: BTreeSet<&ContainerId> = rows.iter().map(|row| &row.id).collect();
        // What is missing from the list is asked for: only an inspect can say that it is gone.
        ids.extend(self.containers.keys().filter(|id| !listed.contains(id)).cloned());
        ids.extend(self.unread.iter().cloned());
        self.inspect(engine, at_once, ids, as_of).await;
        self.learn_images(engine, at_once).await
    }

    async fn learn_engine(&mut self, engine: &dyn ContainerEngine) -> Result<(), EngineError> {
        let info = match engine.info().await {
            Ok(info) => Some(info),
            // A filtering proxy may not let this question through; everything else works without.
            Err(error @ (EngineError::Refused { .. } | EngineError::Malformed { .. })) => {
                tracing::warn!(error = %error, "the engine does not tell about itself");
                None
            }
            Err(error) => return Err(error),
        };
        let replaced = match (&self.engine, &info) {
            (Some(old), Some(new)) => {
                old.engine_id != new.engine_id || old.storage_driver != new.storage_driver
            }
            _ => false,
        };
        if replaced {
            // Every old id is unknown here, which says nothing about those containers.
            tracing::warn!("another container engine, or another image store of it, answers now");
            *self = Self { replaced: true, ..Self::default() };
        }
        if info.is_some() {
            self.engine = info;
        }
        Ok(())
    }

    fn differs(&self, row: &ContainerSummary) -> bool {
        let Some(entry) = self.containers.get(&row.id) else { return true };
        let inspect = &entry.inspect;
        row.name().is_some_and(|name| name != inspect.name())
            || Some(row.state) != inspect.state()
            || row.labels != inspect.labels()
            || row.image_id.is_some() && row.image_id != inspect.image_id()
    }

    /// Inspects `ids` and takes over what is said.
    pub(crate) async fn inspect(
        &mut self,
        engine: &dyn ContainerEngine,
        at_once: usize,
        ids: BTreeSet<ContainerId>,
        as_of: Option<Timestamp>,
    ) {
        let ask = |id: ContainerId| async move {
            let answer = engine.inspect_container(&id).await;
            (id, answer)
        };
        let mut answers = stream::iter(ids).map(ask).buffer_unordered(at_once.max(1));
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Ok(inspect) => {
                    self.unread.remove(&id);
                    self.take(id, ContainerEntry::new(inspect, as_of));
                }
                Err(error) if error.is_not_found() => {
                    self.unread.remove(&id);
                    self.containers.remove(&id);
                }
                Err(error) => {
                    tracing::warn!(container.id = id.short(), error = %error, "a container could not be inspected");
                    self.unread.insert(id);
                }
            }
        }
    }

    fn take(&mut self, id: ContainerId, mut entry: ContainerEntry) {
        if let Some(before) = self.containers.get(&id)
            && before.inspect == entry.inspect
        {
            // The same facts keep their address, so that nobody compares them again.
            entry.inspect = Arc::clone(&before.inspect);
            entry.as_of = entry.as_of.max(before.as_of);
        }
        self.containers.insert(id, entry);
    }

    /// Brings the facts of the images that containers were made from up to date, and forgets others.
    pub(crate) async fn learn_images(
        &mut self,
        engine: &dyn ContainerEngine,
        at_once: usize,
    ) -> Result<(), EngineError> {
        let used: BTreeSet<Digest> =
            self.containers.values().filter_map(|entry| entry.inspect.image_id()).collect();
        self.images.retain(|id, _| used.contains(id));
        if used.is_empty() {
            return Ok(());
        }
        let rows: BTreeMap<Digest, ImageSummary> =
            engine.list_images().await?.into_iter().map(|row| (row.id.clone(), row)).collect();
        let asked: Vec<Digest> = used.into_iter().filter(|id| self.image_differs(id, rows.get(id))).collect();
        let ask = |id: Digest| async move {
            let answer = engine.inspect_image(id.as_str()).await;
            (id, answer)
        };
        let mut answers = stream::iter(asked).map(ask).buffer_unordered(at_once.max(1));
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Ok(inspect) => {
                    self.images.insert(id, ImageFacts { inspect: Arc::new(inspect), present: true });
                }
                Err(error) if error.is_not_found() => {
                    if let Some(facts) = self.images.get_mut(&id) {
                        facts.present = false;
                    }
                }
                Err(error) => {
                    tracing::warn!(image.id = id.short(), error = %error, "an image could not be inspected");
                }
            }
        }
        Ok(())
    }

    fn image_differs(&self, id: &Digest, row: Option<&ImageSummary>) -> bool {
        let (Some(facts), Some(row)) = (self.images.get(id), row) else { return true };
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        !facts.present
            || sorted(row.repo_tags.clone()) != sorted(facts.inspect.repo_tags())
            || sorted(row.repo_digests.clone()) != sorted(facts.inspect.repo_digests())
    }
}
