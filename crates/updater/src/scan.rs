//! Looking for updates: every container in scope is checked once, decided on, and its queue entry
//! brought in line. Nothing is applied here.

mod preview;
mod survey;

use std::collections::BTreeSet;
use std::sync::Arc;

use lodeman_domain::container::ContainerName;
use lodeman_domain::event::{Event, EventKind, Progress};
use lodeman_domain::explain::{Action, Explanation, ReasonCode, Verdict};
use lodeman_domain::schedule::Trigger;
use lodeman_domain::setting::Settings;
use lodeman_engine::EngineError;
use lodeman_inventory::HostModel;
use lodeman_registry::{RegistryClient, quota_health};
use lodeman_store::{CheckRecord, ScanRecord, StoreError, Write};

use crate::check::Checked;
use crate::decide::Decision;
use crate::deps::Deps;
use crate::queue::follow;
use crate::subject::Subject;
pub(crate) use preview::unasked;
pub use preview::{Forecast, Prospect, preview};
use survey::{FirstSeenBook, Known};

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
    let (known, subjects) = survey::gather(deps, model, settings, &request.names).await?;
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
    tell(deps, EventKind::ScanStarted, message, &record, serde_json::Map::new()).await?;
    let total = subjects.len();
    let due = |subject: &Subject| survey::is_due(subject, settings, &known, request, started_at);
    let told = |checked, subject: &Subject| {
        deps.progress.send(Progress::Scan { checked, total, name: subject.key.name.to_string() });
    };
    let asked = survey::ask(deps, registry.clone(), settings, (&known, subjects), request, due, told);
    let checked = asked.await;
    let (seen, new) = FirstSeenBook::read(deps, &checked).await?;
    if !new.is_empty() {
        deps.store.commit(new).await?;
    }
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
    let mut facts = serde_json::Map::new();
    facts.insert("rate_limited".to_owned(), findings.iter().filter(is_limited).count().into());
    let quotas = quota_health(&registry.quotas(), deps.clock.now());
    facts.insert("rate_limits".to_owned(), quotas.as_str().into());
    tell(deps, EventKind::ScanCompleted, message, &record, facts).await?;
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
    facts: serde_json::Map<String, serde_json::Value>,
) -> Result<(), StoreError> {
    tracing::info!("{message}");
    let mut data = serde_json::to_value(record).unwrap_or_default();
    if let Some(data) = data.as_object_mut() {
        data.extend(facts);
    }
    let event = Event { kind, at: deps.clock.now(), workload: None, operation: None, message, data };
    deps.store.commit(vec![Write::AppendEvent(event)]).await
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
    let (finding, entry) = survey::judge(deps, settings, known, seen, subject, checked).await?;
    let newer = match checked {
        Some(Checked::Answered { newer, .. }) => newer.as_slice(),
        _ => &[],
    };
    let writes = follow(&finding.subject, &finding.decision, newer, entry.as_ref(), &*deps.ids, now);
    if !writes.is_empty() {
        match deps.store.commit(writes).await {
            // A person was quicker; the next scan sees what they did.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(finding)
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
