//! What happens, in this surface's words. Clients look for some of them: `total=`, `failed`, `success`.

use jiff::Timestamp;
use lodeman_domain::event::{Event, EventKind, Progress};
use lodeman_domain::queue::QueueState;
use lodeman_domain::update::{OperationKind, Outcome, Phase};
use lodeman_updater::control::ScanRecord;
use serde::{Deserialize, Serialize};

/// One event as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    /// What it is about; also the name of the frame.
    #[serde(rename = "type")]
    pub(super) event_type: &'static str,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container_name: Option<String>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When.
    timestamp: Timestamp,
}

/// The facts that some events carry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    outcome: Option<Outcome>,
    reason: Option<String>,
    phase: Option<Phase>,
    kind: Option<OperationKind>,
    state: Option<QueueState>,
    rate_limited: u32,
    rate_limits: Option<String>,
    /// What who changed a setting was answered.
    said: Option<String>,
}

impl Told {
    fn of(event: &Event, event_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            event_type,
            container_name: event.workload.as_ref().map(|workload| workload.name.to_string()),
            message: Some(message.into()),
            timestamp: event.at,
        }
    }

    /// What a stored event is told as: nothing, one event, or several.
    pub(super) fn of_event(event: &Event) -> Vec<Self> {
        let facts: Facts = serde_json::from_value(event.data.clone()).unwrap_or_default();
        let told = |event_type, message: &str| Self::of(event, event_type, message);
        match event.kind {
            EventKind::ScanStarted | EventKind::ScanCompleted => scan(event, &facts),
            EventKind::UpdateAvailable => {
                vec![told("container_update", "update available"), told("queue_change", "added")]
            }
            EventKind::QueueChanged => {
                facts.state.and_then(queue_word).map(|w| told("queue_change", w)).into_iter().collect()
            }
            EventKind::OperationPhase if facts.kind == Some(OperationKind::Restart) => Vec::new(),
            EventKind::OperationPhase => match facts.phase {
                Some(Phase::Planned) => started(event, &facts),
                _ => vec![told("update_progress", &event.message)],
            },
            EventKind::OperationEnded if facts.kind == Some(OperationKind::Restart) => {
                vec![told("container_state", &event.message)]
            }
            EventKind::OperationEnded => ended(event, &facts),
            EventKind::ContainerState => vec![told("container_state", &event.message)],
            EventKind::ActionFailed => vec![told("container_update", &event.message)],
            EventKind::PolicyChanged => vec![told("policy_change", &event.message)],
            EventKind::SettingsChanged => {
                vec![told("settings_change", facts.said.as_deref().unwrap_or(&event.message))]
            }
            EventKind::HookEnded => vec![told("update_progress", &event.message)],
            EventKind::Alert => vec![told("alert", &event.message)],
        }
    }

    /// What live progress is told as.
    pub(super) fn of_progress(progress: &Progress, timestamp: Timestamp) -> Option<Self> {
        let (event_type, name, message) = match progress {
            Progress::Scan { checked, total, name } => {
                ("scan_progress", name, format!("checked={checked} total={total}"))
            }
            Progress::Pull { name, layer, status, current_bytes, total_bytes, .. } => {
                let layer = layer.as_ref().map(|layer| format!("{layer}: ")).unwrap_or_default();
                let bytes = match (current_bytes, total_bytes) {
                    (Some(current), Some(total)) => format!(" {current}/{total}"),
                    _ => String::new(),
                };
                ("pull_progress", name, format!("{layer}{status}{bytes}"))
            }
            Progress::Verdict { name, message, .. } => ("update_progress", name, message.clone()),
            // Told by the events that are stored of them.
            Progress::Phase { .. } | Progress::Ended { .. } => return None,
        };
        Some(Self { event_type, container_name: Some(name.clone()), message: Some(message), timestamp })
    }
}

/// A look at single containers after a change is no scan to anybody.
fn scan(event: &Event, facts: &Facts) -> Vec<Told> {
    let Ok(scan) = serde_json::from_value::<ScanRecord>(event.data.clone()) else { return Vec::new() };
    if scan.trigger == "event" {
        return Vec::new();
    }
    if event.kind == EventKind::ScanStarted {
        return vec![Told::of(event, "scan_start", format!("total={}", scan.total))];
    }
    let message = format!(
        "total={} updated={} queued={} skipped={} rate_limited={} failed={} services=0",
        scan.total, scan.to_apply, scan.queued, scan.skipped, facts.rate_limited, scan.failed
    );
    let mut told = vec![Told::of(event, "scan_complete", message)];
    told.extend(facts.rate_limits.as_ref().map(|health| Told::of(event, "rate_limits", health)));
    told
}

/// Only an update has a word for its beginning.
fn started(event: &Event, facts: &Facts) -> Vec<Told> {
    match facts.kind {
        Some(OperationKind::Update) | None => vec![Told::of(event, "container_update", "update started")],
        Some(_) => vec![Told::of(event, "update_progress", event.message.clone())],
    }
}

fn queue_word(state: QueueState) -> Option<&'static str> {
    match state {
        QueueState::Pending | QueueState::Waiting | QueueState::Failed => Some("added"),
        QueueState::Approved => Some("approved"),
        QueueState::Running => None,
        QueueState::Done
        | QueueState::Superseded
        | QueueState::Rejected
        | QueueState::Ignored
        | QueueState::Retired => Some("removed"),
    }
}

fn ended(event: &Event, facts: &Facts) -> Vec<Told> {
    let told = |message: String| Told::of(event, "container_update", message);
    let why = facts.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match facts.outcome {
        Some(Outcome::Updated) => vec![told("update succeeded".to_owned())],
        Some(Outcome::UpdatedUnproven) => vec![told("update complete with finalise warning".to_owned())],
        Some(Outcome::RolledBack) => {
            vec![told(format!("update failed{why}")), told("rollback succeeded".to_owned())]
        }
        Some(Outcome::Restored) => vec![told("rollback succeeded".to_owned())],
        Some(Outcome::Held) => vec![told(format!("rollback failed{why}"))],
        Some(Outcome::SkippedByHook) => vec![told(format!("update skipped by hook{why}"))],
        Some(Outcome::Aborted | Outcome::External) => vec![told(format!("update failed{why}"))],
        Some(Outcome::Restarted | Outcome::Pulled | Outcome::DryRun | Outcome::CheckFailed) | None => {
            Vec::new()
        }
    }
}
