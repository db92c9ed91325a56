//! Looking for updates: every container in scope is checked once, decided on, and its queue entry
//! brought in line. Nothing is applied here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, EventKind, Progress};
use lodeman_domain::explain::{Action, Explanation, ReasonCode, Verdict};
use lodeman_domain::image::Repository;
use lodeman_domain::policy::Policy;
use lodeman_domain::schedule::Trigger;
use lodeman_domain::setting::Settings;
use lodeman_domain::update::Operation;
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::EngineError;
use lodeman_inventory::HostModel;
use lodeman_registry::{RegistryClient, ScanSession, with_reserve};
use lodeman_store::{CheckRecord, FirstSeen, ScanRecord, StoreError, Write};

use crate::check::{Checked, Memory, Offer, TagState, check};
use crate::decide::{Decision, FirstSeenLookup, Situation, decide};
use crate::deps::Deps;
use crate::explain::explain;
use crate::queue::follow;
use crate::subject::{Observed, Subject};

/// Why a scan could not be done. A registry that does not answer is no reason: it is told per container.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The engine could not be asked.
    #[error("the container engine could not be asked")]
    Engine(#[from] EngineError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There is no such container.
    #[error("there is no container `{0}`")]
    NoSuchContainer(ContainerName),
}

/// What is scanned.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// What set it off.
    pub trigger: Trigger,
    /// Only these; all when empty.
    pub names: BTreeSet<ContainerName>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct ScanOutcome {
    /// The numbers.
    pub record: ScanRecord,
    /// Every container that was looked at, by name.
    pub findings: Vec<Finding>,
}

/// What was found about one container.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The container.
    pub subject: Subject,
    /// What becomes of it.
    pub decision: Decision,
    /// The same for people.
    pub explanation: Explanation,
}

/// What is stored and decides along, read once per scan.
struct Known {
    memory: Memory,
    overrides: HashMap<WorkloadKey, Policy>,
    open: HashMap<WorkloadKey, Operation>,
    checks: HashMap<WorkloadKey, Timestamp>,
}

/// Scans.
///
/// # Errors
/// [`ScanError`] when engine or store cannot be asked; nothing was changed then.
pub async fn scan(
    deps: &Deps,
    model: &HostModel,
    registry: Arc<dyn RegistryClient>,
    settings: &Settings,
    request: &ScanRequest,
) -> Result<ScanOutcome, ScanError> {
    let started_at = deps.clock.now();
    let mut known = known(deps).await?;
    let subjects = subjects(deps, model, settings, &known, &request.names).await?;
    for subject in &subjects {
        let ignored = deps.store.list_ignored(&subject.key).await?;
        if !ignored.is_empty() {
            known.memory.ignored.insert(subject.key.clone(), ignored);
        }
    }
    let mut record = ScanRecord {
        id: deps.ids.next(),
        trigger: trigger_word(request.trigger).to_owned(),
        started_at,
        ended_at: None,
        total: u32::try_from(subjects.len()).unwrap_or(u32::MAX),
        checked: 0,
        available: 0,
        to_apply: 0,
        queued: 0,
        skipped: 0,
        failed: 0,
    };
    let message = format!("a scan of {} containers began", subjects.len());
    tell(deps, EventKind::ScanStarted, message, &record, 0).await?;
    let session = ScanSession::new(registry);
    let total = subjects.len();
    let concurrency = usize::try_from(settings.scan_concurrency.max(1)).unwrap_or(1);
    // Checks run side by side; the session asks each thing once.
    let checks = stream::iter(subjects)
        .map(|subject| async {
            let result = if is_due(&subject, settings, &known, request, started_at) {
                Some(check(&session, &*deps.engine, &subject, &known.memory).await)
            } else {
                None
            };
            (subject, result)
        })
        .buffer_unordered(concurrency)
        .enumerate()
        .map(|(done, (subject, result))| {
            deps.progress.send(Progress::Scan {
                checked: done + 1,
                total,
                name: subject.key.name.to_string(),
            });
            (subject, result)
        })
        .collect();
    let mut checked: Vec<(Subject, Option<Checked>)> =
        with_reserve(u64::from(request.trigger.registry_reserve()), checks).await;
    checked.sort_by(|a, b| a.0.key.cmp(&b.0.key));
    let seen = FirstSeenBook::read(deps, &checked).await?;
    let mut findings = Vec::with_capacity(checked.len());
    let mut checks = Vec::new();
    for (subject, result) in checked {
        let finding = settle(deps, settings, &known, &seen, subject, result.as_ref()).await?;
        count(&mut record, &finding, result.as_ref());
        if result.is_some() || matches!(finding.decision.verdict, Verdict::NotApplicable) {
            checks.push(Write::PutCheck(CheckRecord {
                workload: finding.subject.key.clone(),
                at: started_at,
                explanation: serde_json::to_value(&finding.explanation).unwrap_or_default(),
            }));
            findings.push(finding);
        } else {
            findings.push(stored_explanation(deps, finding).await?);
        }
    }
    record.ended_at = Some(deps.clock.now());
    checks.push(Write::PutScan(record.clone()));
    deps.store.commit(checks).await?;
    let message = format!(
        "{} containers: {} checked, {} with an update, {} failed",
        record.total, record.checked, record.available, record.failed
    );
    let is_limited = |f: &&Finding| f.decision.reasons.iter().any(|r| r.code == ReasonCode::RateLimited);
    let rate_limited = findings.iter().filter(is_limited).count();
    tell(deps, EventKind::ScanCompleted, message, &record, rate_limited).await?;
    metrics::counter!("lodeman_scans_total").increment(1);
    metrics::gauge!("lodeman_updates_available").set(f64::from(record.available));
    Ok(ScanOutcome { record, findings })
}

fn trigger_word(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Start => "start",
        Trigger::Schedule => "schedule",
        Trigger::Manual => "request",
        Trigger::Webhook => "webhook",
        Trigger::Event => "event",
    }
}

async fn tell(
    deps: &Deps,
    kind: EventKind,
    message: String,
    record: &ScanRecord,
    rate_limited: usize,
) -> Result<(), StoreError> {
    tracing::info!("{message}");
    let mut data = serde_json::to_value(record).unwrap_or_default();
    data["rate_limited"] = rate_limited.into();
    let event = Event { kind, at: deps.clock.now(), workload: None, operation: None, message, data };
    deps.store.commit(vec![Write::AppendEvent(event)]).await
}

async fn known(deps: &Deps) -> Result<Known, StoreError> {
    let store = &deps.store;
    let mut memory = Memory::default();
    for bad in store.list_bad_digests().await? {
        memory.bad.insert((bad.repository.clone(), bad.manifest.clone()), bad);
    }
    let key_of = |o: &Operation| WorkloadKey { host: o.host.clone(), name: o.canonical_name.clone() };
    Ok(Known {
        memory,
        overrides: store
            .list_overrides()
            .await?
            .into_iter()
            .filter_map(|o| Some((o.workload, o.policy.parse().ok()?)))
            .collect(),
        open: store.list_open_operations().await?.into_iter().map(|o| (key_of(&o), o)).collect(),
        checks: store.list_checks().await?.into_iter().map(|c| (c.workload, c.at)).collect(),
    })
}

async fn subjects(
    deps: &Deps,
    model: &HostModel,
    settings: &Settings,
    known: &Known,
    names: &BTreeSet<ContainerName>,
) -> Result<Vec<Subject>, ScanError> {
    // What is known of the host is current while its events are followed.
    if !model.status().connected {
        model.refresh_once().await?;
    }
    let snapshot = model.snapshot();
    let info = match &snapshot.engine {
        Some(info) => info.clone(),
        None => deps.engine.info().await?,
    };
    let observed: Vec<Observed> = snapshot
        .visible()
        .map(|entry| Observed {
            container: entry.inspect.clone(),
            image: snapshot.image_of(entry).filter(|i| i.present).map(|i| i.inspect.clone()),
        })
        .collect();
    let all: Vec<_> = observed.iter().map(|o| (*o.container).clone()).collect();
    if let Some(missing) = names.iter().find(|n| !all.iter().any(|c| c.name() == *n)) {
        return Err(ScanError::NoSuchContainer(missing.clone()));
    }
    let mut subjects = Vec::new();
    for one in observed.iter().filter(|o| names.is_empty() || names.contains(o.container.name())) {
        let key = WorkloadKey { host: deps.host.clone(), name: one.container.name().clone() };
        let stored = known.overrides.get(&key).copied();
        let subject = Subject::new(&deps.host, one, &all, &info, settings, stored);
        // What lies outside the include scope is somebody else's, and told only to who asks by name.
        if names.is_empty() && subject.is_outside_scope() {
            continue;
        }
        subjects.push(subject);
    }
    Ok(subjects)
}

/// Whether the registry is asked about this container now.
fn is_due(
    subject: &Subject,
    settings: &Settings,
    known: &Known,
    request: &ScanRequest,
    now: Timestamp,
) -> bool {
    if subject.not_applicable().is_some() {
        return false;
    }
    let Some(line) = &subject.rules.schedule else { return true };
    if request.trigger.is_human() || !request.names.is_empty() {
        return true;
    }
    let Some(last) = known.checks.get(&subject.key) else { return true };
    line.next_after(*last, settings.time_zone.zone()).is_none_or(|next| next <= now)
}

/// Decides on one container, and writes what follows for its queue entry.
async fn settle(
    deps: &Deps,
    settings: &Settings,
    known: &Known,
    seen: &FirstSeenBook,
    subject: Subject,
    checked: Option<&Checked>,
) -> Result<Finding, StoreError> {
    let now = deps.clock.now();
    // Read again: a person may have decided while the registry was asked.
    let entry = deps.store.find_queue_entry(&subject.key).await?;
    let open = known.open.get(&subject.key);
    let decision = decide(&Situation {
        subject: &subject,
        checked,
        entry: entry.as_ref(),
        open,
        first_seen: seen,
        paused: settings.paused,
        dry_run: settings.dry_run,
        zone: settings.time_zone.zone(),
        now,
    });
    let newer = match checked {
        Some(Checked::Answered { newer, .. }) => newer.as_slice(),
        _ => &[],
    };
    let writes = follow(&subject, &decision, newer, entry.as_ref(), &*deps.ids, now);
    if !writes.is_empty() {
        match deps.store.commit(writes).await {
            // A person was quicker; the next scan sees what they did.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let explanation = explain(&subject, checked, &decision, checked.map(|_| now));
    Ok(Finding { subject, decision, explanation })
}

/// A container that was not due keeps what its last check found.
async fn stored_explanation(deps: &Deps, mut finding: Finding) -> Result<Finding, StoreError> {
    if let Some(record) = deps.store.find_check(&finding.subject.key).await?
        && let Ok(explanation) = serde_json::from_value::<Explanation>(record.explanation)
    {
        finding.explanation = explanation;
    }
    Ok(finding)
}

fn count(record: &mut ScanRecord, finding: &Finding, checked: Option<&Checked>) {
    match checked {
        None => record.skipped += 1,
        Some(Checked::Failed { .. }) => {
            record.checked += 1;
            record.failed += 1;
        }
        Some(_) => record.checked += 1,
    }
    if let Verdict::UpdateAvailable { action, .. } = &finding.decision.verdict {
        record.available += 1;
        match action {
            Action::Apply | Action::PullOnly => record.to_apply += 1,
            Action::Ask | Action::Wait => record.queued += 1,
            Action::Tell => {}
        }
    }
}

/// When each manifest on offer was first seen, by our own clock.
#[derive(Debug, Default)]
struct FirstSeenBook(HashMap<(Repository, Digest), Timestamp>);

impl FirstSeenBook {
    /// Reads what is known of everything on offer, and notes what is new.
    async fn read(deps: &Deps, checked: &[(Subject, Option<Checked>)]) -> Result<Self, StoreError> {
        let mut book = HashMap::new();
        let mut writes = Vec::new();
        let now = deps.clock.now();
        for offer in checked.iter().flat_map(|(_, c)| offers(c.as_ref())) {
            let key = (offer.target.reference.repository().clone(), offer.target.manifest.clone());
            if book.contains_key(&key) {
                continue;
            }
            let at = if let Some(seen) = deps.store.find_first_seen(&key.0, &key.1).await? {
                seen.at
            } else {
                let seen = FirstSeen { repository: key.0.clone(), manifest: key.1.clone(), at: now };
                writes.push(Write::PutFirstSeen(seen));
                now
            };
            book.insert(key, at);
        }
        if !writes.is_empty() {
            deps.store.commit(writes).await?;
        }
        Ok(Self(book))
    }
}

fn offers(checked: Option<&Checked>) -> Vec<&Offer> {
    match checked {
        Some(Checked::Answered { tag, versions, .. }) => {
            let moved = match tag {
                TagState::Moved(offer) => Some(&**offer),
                _ => None,
            };
            versions.iter().chain(moved).collect()
        }
        _ => Vec::new(),
    }
}

impl FirstSeenLookup for FirstSeenBook {
    fn first_seen(&self, offer: &Offer) -> Option<Timestamp> {
        let key = (offer.target.reference.repository().clone(), offer.target.manifest.clone());
        self.0.get(&key).copied()
    }
}
