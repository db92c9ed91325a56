//! [`Control`] over the services.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::SignedDuration;
use lodeman_domain::container::ContainerName;
use lodeman_domain::event::Progress;
use lodeman_domain::explain::{Action, Explanation, Verdict};
use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_domain::schedule::Trigger;
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{IgnoredTarget, StoredHistory, Write};
use tokio::sync::broadcast::error::RecvError;

use super::{App, image};
use crate::apply::{Batch, apply, apply_approved, pull_only};
use crate::control::{
    Component, Control, ControlError, ErrorKind, Health, ImageCheck, Readiness, RecoveryReport, RunReport,
    SettingView, UpdateSummary, Which,
};
use crate::queue::save;
use crate::scan::Finding;
use crate::{janitor, recover, rollback};

/// How long the scan loop may stand still before it counts as stalled.
const STALLED: SignedDuration = SignedDuration::from_mins(10);

impl App {
    pub(super) fn key(&self, name: ContainerName) -> WorkloadKey {
        WorkloadKey { host: self.swapper.deps().host.clone(), name }
    }

    /// The current entry of a container, if it is the one that is meant.
    pub(super) async fn entry(
        &self,
        name: &ContainerName,
        which: &Which,
    ) -> Result<QueueEntry, ControlError> {
        let key = self.key(name.clone());
        let entry = self.swapper.deps().store.find_queue_entry(&key).await?.ok_or_else(|| {
            ControlError::new(ErrorKind::NotFound, format!("nothing is queued for container `{name}`"))
        })?;
        let is_meant = match which {
            Which::Current => true,
            Which::Revision(revision) => *revision == entry.revision,
            Which::Digest(digest) => *digest == entry.target.digest || *digest == entry.target.manifest,
        };
        if !is_meant {
            let message = format!(
                "the queue entry of `{name}` is now revision {} with {}; look at it and ask again",
                entry.revision, entry.target.digest
            );
            return Err(ControlError::new(ErrorKind::Conflict, message));
        }
        if entry.state == QueueState::Running {
            let message = format!("the update of `{name}` is being applied already");
            return Err(ControlError::new(ErrorKind::Conflict, message));
        }
        Ok(entry)
    }

    pub(super) async fn decide_entry(
        &self,
        entry: QueueEntry,
        state: QueueState,
        by: &str,
        more: Vec<Write>,
    ) -> Result<QueueEntry, ControlError> {
        let deps = self.swapper.deps();
        let now = deps.clock.now();
        let decided = QueueEntry {
            state,
            decided_by: Some(by.to_owned()),
            updated_at: now,
            retry_at: None,
            note: None,
            operation: None,
            ..entry.clone()
        };
        let mut writes = save(&entry, decided.clone(), now);
        writes.extend(more);
        deps.store.commit(writes).await?;
        Ok(decided)
    }

    pub(super) async fn apply_decided(&self, entry: QueueEntry) -> Result<UpdateSummary, ControlError> {
        let name = entry.workload.name.clone();
        let settings = self.settings();
        let done = apply(&self.swapper(), &settings, self.soak(), entry).await;
        self.look_again(BTreeSet::from([name.clone()])).await;
        done.ok_or_else(|| {
            ControlError::new(ErrorKind::Refused, format!("the update of `{name}` has to wait"))
        })
    }

    /// The images of containers that are only pulled.
    async fn pull_what_is_only_pulled(&self, findings: &[Finding]) -> Vec<UpdateSummary> {
        let mut done = Vec::new();
        for finding in findings {
            if let Verdict::UpdateAvailable { target, action: Action::PullOnly } = &finding.decision.verdict
                && !target.already_pulled
            {
                done.push(pull_only(&self.swapper(), &finding.subject, target).await);
            }
        }
        done
    }

    /// A scan, and everything that follows from it by policy.
    pub(super) async fn run_scan(
        &self,
        trigger: Trigger,
        names: BTreeSet<ContainerName>,
    ) -> Result<RunReport, ControlError> {
        let outcome = self.scan(trigger, names.clone()).await?;
        let mut updates = self.pull_what_is_only_pulled(&outcome.findings).await;
        let wanted = |e: &QueueEntry| names.is_empty() || names.contains(&e.workload.name);
        let graph = self.order_of_updates();
        let current = || (self.swapper(), self.settings());
        let Batch { updates: applied, held } = apply_approved(current, self.soak(), &graph, wanted).await?;
        updates.extend(applied);
        if !self.stays {
            janitor::tidy(&self.swapper()).await?;
        }
        let mut explanations: Vec<Explanation> =
            outcome.findings.into_iter().map(|f| f.explanation).collect();
        let changed = updates.iter().filter(|u| u.operation.is_some()).map(|u| u.name.clone()).collect();
        for fresh in self.look_again(changed).await {
            if let Some(stale) = explanations.iter_mut().find(|e| e.workload == fresh.workload) {
                *stale = fresh;
            }
        }
        self.tell_held_back(&mut explanations, &held).await?;
        Ok(RunReport { scan: outcome.record, updates, explanations })
    }

    /// What is said of containers is true again after they were changed. Nothing is applied.
    pub(super) async fn look_again(&self, names: BTreeSet<ContainerName>) -> Vec<Explanation> {
        if names.is_empty() {
            return Vec::new();
        }
        match self.scan(Trigger::Event, names).await {
            Ok(outcome) => outcome.findings.into_iter().map(|f| f.explanation).collect(),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "explained at the next scan");
                Vec::new()
            }
        }
    }

    /// The entry for what is on offer to a container now, approved by `by`, whatever its policy.
    async fn approved_offer(&self, finding: &Finding, by: &str) -> Result<Option<QueueEntry>, ControlError> {
        let Verdict::UpdateAvailable { target, .. } = &finding.decision.verdict else { return Ok(None) };
        if let Some(refusal) = finding.subject.refusals.first() {
            return Err(ControlError::new(ErrorKind::Refused, refusal.detail.clone()));
        }
        let deps = self.swapper.deps();
        let now = deps.clock.now();
        let entry = deps.store.find_queue_entry(&finding.subject.key).await?;
        if let Some(entry) = entry.filter(|e| e.target.manifest == target.manifest) {
            if entry.state == QueueState::Running {
                let message = format!("the update of `{}` is being applied already", entry.workload.name);
                return Err(ControlError::new(ErrorKind::Conflict, message));
            }
            return self.decide_entry(entry, QueueState::Approved, by, Vec::new()).await.map(Some);
        }
        let Some(current_image) = finding.subject.image_id.clone() else { return Ok(None) };
        let entry = QueueEntry {
            id: deps.ids.next(),
            workload: finding.subject.key.clone(),
            revision: 1,
            state: QueueState::Approved,
            current_reference: finding.subject.written.clone(),
            current_image,
            target: (**target).clone(),
            newer_versions: finding.explanation.newer_versions.clone(),
            detected_at: now,
            updated_at: now,
            decided_by: Some(by.to_owned()),
            operation: None,
            note: None,
            retry_at: None,
        };
        deps.store.commit(vec![Write::InsertQueueEntry(Box::new(entry.clone()))]).await?;
        Ok(Some(entry))
    }

    fn components(&self) -> Vec<Component> {
        let state = self.state.read();
        let settings = self.settings();
        let component = |name: &str, health: Health, reason: Option<String>| Component {
            name: name.to_owned(),
            health,
            reason,
        };
        let mut list = Vec::new();
        let now = self.swapper.deps().clock.now();
        let stalled = state.loop_seen.filter(|seen| now.duration_since(*seen) > STALLED);
        list.push(match (&state.scan_error, stalled) {
            (Some(error), _) => component("scanning", Health::Degraded, Some(error.clone())),
            (None, Some(seen)) => {
                let why = format!("the scan loop stands still since {seen}");
                component("scanning", Health::Degraded, Some(why))
            }
            (None, None) if settings.paused => {
                component("scanning", Health::On, Some("automatic updates are paused".to_owned()))
            }
            (None, None) => component("scanning", Health::On, None),
        });
        list.push(match state.failed_checks {
            (failed @ 1.., all) => {
                component("registry", Health::Degraded, Some(format!("{failed} of {all} checks failed")))
            }
            _ => component("registry", Health::On, None),
        });
        list.push(if settings.dry_run {
            component("updates", Health::Off, Some("the dry run is on".to_owned()))
        } else if self.swapper.deps().store.sealing_problem().is_some() {
            let why = "none can be recorded, so none begins: create requests cannot be sealed";
            component("updates", Health::Degraded, Some(why.to_owned()))
        } else {
            component("updates", Health::On, None)
        });
        let unusable: Vec<String> =
            self.settings.problems().into_iter().map(|problem| problem.message).collect();
        list.push(if unusable.is_empty() {
            component("settings", Health::On, None)
        } else {
            component("settings", Health::Degraded, Some(unusable.join("; ")))
        });
        list.push(if state.orphans > 0 {
            let why =
                format!("{} leftovers of unknown operations; see `lodeman recover --plan`", state.orphans);
            component("recovery", Health::Degraded, Some(why))
        } else if self.state.recovering() {
            let why = "interrupted operations are being recovered";
            component("recovery", Health::Degraded, Some(why.to_owned()))
        } else {
            component("recovery", Health::On, None)
        });
        list
    }
}

#[async_trait]
impl Control for App {
    async fn run(&self, names: Vec<ContainerName>, _by: &str) -> Result<RunReport, ControlError> {
        self.ready_to_act()?;
        self.run_scan(Trigger::Manual, names.into_iter().collect()).await
    }

    async fn update(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        self.ready_to_act()?;
        let outcome = self.scan(Trigger::Manual, BTreeSet::from([name.clone()])).await?;
        let finding = outcome.findings.into_iter().next().ok_or_else(|| {
            ControlError::new(ErrorKind::NotFound, format!("there is no container `{name}`"))
        })?;
        match self.approved_offer(&finding, by).await? {
            Some(entry) => self.apply_decided(entry).await,
            None => Ok(UpdateSummary {
                name,
                operation: None,
                outcome: None,
                target: None,
                dark_ms: None,
                reason: Some(finding.explanation.sentence),
            }),
        }
    }

    async fn explain(&self, name: Option<ContainerName>) -> Result<Vec<Explanation>, ControlError> {
        let store = &self.swapper.deps().store;
        let mut known: Vec<Explanation> = store
            .list_checks()
            .await?
            .into_iter()
            .filter_map(|c| serde_json::from_value(c.explanation).ok())
            .collect();
        if let Some(name) = name {
            known.retain(|e: &Explanation| e.workload.name == name);
            if known.is_empty() {
                let outcome = self.scan(Trigger::Manual, BTreeSet::from([name])).await?;
                known = outcome.findings.into_iter().map(|f| f.explanation).collect();
            }
        } else if known.is_empty() {
            let outcome = self.scan(Trigger::Manual, BTreeSet::new()).await?;
            known = outcome.findings.into_iter().map(|f| f.explanation).collect();
        }
        Ok(known)
    }

    async fn queue(&self) -> Result<Vec<QueueEntry>, ControlError> {
        Ok(self.swapper.deps().store.list_queue().await?)
    }

    async fn approve(
        &self,
        name: ContainerName,
        which: Which,
        by: &str,
    ) -> Result<UpdateSummary, ControlError> {
        let approved = self.approve_entry(name, which, by).await?;
        self.apply_decided(approved).await
    }

    async fn reject(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        let entry = self.entry(&name, &which).await?;
        let note = self.activity("reject", "Update rejected", Some(&name), by);
        self.decide_entry(entry, QueueState::Rejected, by, vec![note]).await
    }

    async fn ignore(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        let entry = self.entry(&name, &which).await?;
        let version = entry.target.version.clone();
        let ignored = Write::PutIgnored(IgnoredTarget {
            workload: entry.workload.clone(),
            manifest: version.is_none().then(|| entry.target.manifest.clone()),
            version,
            by: by.to_owned(),
            at: self.swapper.deps().clock.now(),
        });
        let what = match &entry.target.version {
            Some(version) => format!("Ignored version {version}"),
            None => format!("Ignored digest {}", entry.target.digest),
        };
        let note = self.activity("ignore", &what, Some(&name), by);
        self.decide_entry(entry, QueueState::Ignored, by, vec![ignored, note]).await
    }

    async fn rollback(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        self.ready_to_act()?;
        let key = self.key(name.clone());
        let done = rollback::roll_back(&self.swapper(), key, by, self.soak()).await?;
        self.look_again(BTreeSet::from([name])).await;
        Ok(done)
    }

    async fn history(
        &self,
        name: Option<ContainerName>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, ControlError> {
        let key = name.map(|n| self.key(n));
        Ok(self.swapper.deps().store.list_history(key.as_ref(), before_seq, limit).await?)
    }

    async fn check(&self, reference: ImageReference) -> Result<ImageCheck, ControlError> {
        image::check_image(&*self.registry, reference).await
    }

    async fn recovery_plan(&self) -> Result<RecoveryReport, ControlError> {
        Ok(RecoveryReport {
            operations: recover::plan(&self.swapper()).await?,
            orphans: recover::orphans::find(self.swapper.deps()).await?,
        })
    }

    async fn recover(&self) -> Result<RecoveryReport, ControlError> {
        let operations = recover::run(&self.swapper()).await?;
        let mut orphans = recover::orphans::find(self.swapper.deps()).await?;
        if self.swapper.deps().swap.adopt_orphans {
            for orphan in orphans.iter().filter(|o| o.finding.can_be_restored()) {
                let engine = &*self.swapper.deps().engine;
                recover::orphans::restore(engine, orphan).await.map_err(recover::RecoverError::Engine)?;
            }
            orphans = recover::orphans::find(self.swapper.deps()).await?;
        }
        let left = orphans.len();
        self.state.change(|s| s.orphans = left);
        Ok(RecoveryReport { operations, orphans })
    }

    async fn settings(&self) -> Result<Vec<SettingView>, ControlError> {
        self.list_settings().await
    }

    async fn change_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        by: &str,
    ) -> Result<Vec<SettingView>, ControlError> {
        self.store_settings(changes, by).await
    }

    async fn readiness(&self) -> Result<Readiness, ControlError> {
        let deps = self.swapper.deps();
        let mut components = Vec::new();
        let mut ready = true;
        let up = |name: &str| Component { name: name.to_owned(), health: Health::On, reason: None };
        let down = |name: &str, why: String| Component {
            name: name.to_owned(),
            health: Health::Degraded,
            reason: Some(why),
        };
        let host = self.model.status();
        components.push(match deps.engine.ping().await {
            // A server that answers before it has looked at the host would say that there is nothing.
            Ok(()) if self.stays && self.model.snapshot().engine.is_none() => {
                ready = false;
                down("engine", "its containers were not looked at yet".to_owned())
            }
            Ok(()) => match host.degraded() {
                None => up("engine"),
                Some(why) => down("engine", why),
            },
            Err(error) => {
                ready = false;
                down("engine", error.to_string())
            }
        });
        components.push(match deps.store.ping().await {
            Ok(()) => up("store"),
            Err(error) => {
                ready = false;
                down("store", error.to_string())
            }
        });
        components.push(match deps.store.sealing_problem() {
            None => up("sealing"),
            Some(why) => down("sealing", why),
        });
        components.extend(self.components());
        let state = self.state.read();
        let recovering = self.state.recovering();
        Ok(Readiness {
            ready: ready && !recovering,
            recovering,
            last_scan: state.last_scan,
            next_scan: state.next_scan,
            components,
        })
    }

    async fn progress(&self) -> Result<BoxStream<'static, Progress>, ControlError> {
        let receiver = self.swapper.deps().progress.subscribe();
        let stream = stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(progress) => return Some((progress, receiver)),
                    // Too slow: what was missed is missed.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        Ok(stream.boxed())
    }
}
