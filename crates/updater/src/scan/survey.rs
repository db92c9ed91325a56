//! What a scan looks at and decides on, without writing anything.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;
use lodeman_domain::policy::Policy;
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::setting::Settings;
use lodeman_domain::update::Operation;
use lodeman_domain::workload::WorkloadKey;
use lodeman_inventory::HostModel;
use lodeman_registry::{RegistryClient, ScanSession, with_reserve};
use lodeman_store::{FirstSeen, StoreError, Write};

use super::{Finding, ScanError, ScanRequest};
use crate::check::{Checked, Memory, Offer, TagState, check};
use crate::decide::{FirstSeenLookup, Situation, decide};
use crate::deps::Deps;
use crate::explain::explain;
use crate::subject::{Observed, Subject};

/// What is stored and decides along, read once per scan.
pub(super) struct Known {
    pub(super) memory: Memory,
    pub(super) overrides: HashMap<WorkloadKey, Policy>,
    pub(super) open: HashMap<WorkloadKey, Operation>,
    pub(super) checks: HashMap<WorkloadKey, Timestamp>,
}

/// A container, and what the registry said of it; nothing where it was not asked.
pub(super) type Looked = (Subject, Option<Checked>);

/// What is stored, and the containers that a request means.
pub(super) async fn gather(
    deps: &Deps,
    model: &HostModel,
    settings: &Settings,
    names: &BTreeSet<ContainerName>,
) -> Result<(Known, Vec<Subject>), ScanError> {
    let mut known = known(deps).await?;
    let subjects = subjects(deps, model, settings, &known, names).await?;
    for subject in &subjects {
        let ignored = deps.store.list_ignored(&subject.key).await?;
        if !ignored.is_empty() {
            known.memory.ignored.insert(subject.key.clone(), ignored);
        }
    }
    Ok((known, subjects))
}

/// Asks the registries about those that `is_due`, side by side; `told` hears of each that is done. The
/// answers come by name.
pub(super) async fn ask(
    deps: &Deps,
    registry: Arc<dyn RegistryClient>,
    settings: &Settings,
    (known, subjects): (&Known, Vec<Subject>),
    request: &ScanRequest,
    is_due: impl Fn(&Subject) -> bool,
    told: impl Fn(usize, &Subject),
) -> Vec<Looked> {
    // The session asks each thing once.
    let session = ScanSession::new(registry);
    let concurrency = usize::try_from(settings.scan_concurrency.max(1)).unwrap_or(1);
    let checks = stream::iter(subjects)
        .map(|subject| async {
            let result = if is_due(&subject) {
                Some(check(&session, &*deps.engine, &subject, &known.memory).await)
            } else {
                None
            };
            (subject, result)
        })
        .buffer_unordered(concurrency)
        .enumerate()
        .map(|(done, (subject, result))| {
            told(done + 1, &subject);
            (subject, result)
        })
        .collect();
    let mut checked: Vec<Looked> = with_reserve(u64::from(request.trigger.registry_reserve()), checks).await;
    checked.sort_by(|a, b| a.0.key.cmp(&b.0.key));
    checked
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
        let mut subject = Subject::new(&deps.host, one, &all, &info, settings, stored);
        subject.hints.is_self = deps.swap.is_own(one.container.id(), subject.hints.is_self);
        // What lies outside the include scope is somebody else's, and told only to who asks by name.
        if names.is_empty() && subject.is_outside_scope() {
            continue;
        }
        subjects.push(subject);
    }
    Ok(subjects)
}

/// Whether the registry is asked about this container now.
pub(super) fn is_due(
    subject: &Subject,
    settings: &Settings,
    known: &Known,
    request: &ScanRequest,
    now: Timestamp,
) -> bool {
    if subject.not_applicable().is_some() {
        return false;
    }
    if request.trigger.is_human() || !request.names.is_empty() {
        return true;
    }
    own_turn(subject, settings, known).is_none_or(|next| next <= now)
}

/// When a container with a schedule of its own is looked at next, where it was looked at before.
pub(super) fn own_turn(subject: &Subject, settings: &Settings, known: &Known) -> Option<Timestamp> {
    let line = subject.rules.schedule.as_ref()?;
    line.next_after(*known.checks.get(&subject.key)?, settings.time_zone.zone())
}

/// What becomes of one container by what is known, beside its queue entry.
pub(super) async fn judge(
    deps: &Deps,
    settings: &Settings,
    known: &Known,
    seen: &FirstSeenBook,
    subject: Subject,
    checked: Option<&Checked>,
) -> Result<(Finding, Option<QueueEntry>), StoreError> {
    let now = deps.clock.now();
    // Read again: a person may have decided while the registry was asked.
    let entry = deps.store.find_queue_entry(&subject.key).await?;
    let decision = decide(&Situation {
        subject: &subject,
        checked,
        entry: entry.as_ref(),
        open: known.open.get(&subject.key),
        first_seen: seen,
        paused: settings.paused,
        dry_run: settings.dry_run,
        zone: settings.time_zone.zone(),
        now,
    });
    let explanation = explain(&subject, checked, &decision, checked.map(|_| now));
    Ok((Finding { subject, decision, explanation }, entry))
}

/// When each manifest on offer was first seen, by our own clock.
#[derive(Debug, Default)]
pub(super) struct FirstSeenBook(HashMap<(Repository, Digest), Timestamp>);

impl FirstSeenBook {
    /// Reads what is known of everything on offer; gives the writes that note what is new.
    pub(super) async fn read(deps: &Deps, checked: &[Looked]) -> Result<(Self, Vec<Write>), StoreError> {
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
        Ok((Self(book), writes))
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
