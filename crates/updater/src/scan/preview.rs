//! What the next scan would do, without anything being written or changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::explain::{Action, Explanation, Reason, ReasonCode, Verdict};
use lodeman_domain::queue::{QueueEntry, QueueState, Target};
use lodeman_domain::schedule::Trigger;
use lodeman_domain::setting::Settings;
use lodeman_domain::update::Phase;
use lodeman_inventory::HostModel;
use lodeman_registry::RegistryClient;

use super::survey::{self, FirstSeenBook, Known};
use super::{Finding, ScanError, ScanRequest};
use crate::deps::Deps;

/// What would become of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prospect {
    /// Its update would be installed, or its image pulled where only that is wanted.
    Apply,
    /// Its update would wait: for a person, or for a time.
    Hold,
    /// There is an update that would neither be installed nor offered.
    Refuse,
    /// There is none, or it is not looked after.
    Unchanged,
    /// What exists could not be told.
    Unknown,
}

/// What would become of one container, and why.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// What.
    pub prospect: Prospect,
    /// What would be installed.
    pub target: Option<Target>,
    /// Whether only its image would be pulled.
    pub pull_only: bool,
    /// All reasons, weightiest first.
    pub reasons: Vec<Reason>,
    /// When it would go on by itself.
    pub next_at: Option<Timestamp>,
    /// The container, explained.
    pub explanation: Explanation,
}

/// What a whole scan would do if it were due now, for these containers, or for all where none is named.
/// The registries are asked as for a person; nothing is stored, told or changed.
///
/// # Errors
/// [`ScanError`] when engine or store cannot be asked, or there is no container of a name.
pub async fn preview(
    deps: &Deps,
    model: &HostModel,
    registry: Arc<dyn RegistryClient>,
    settings: &Settings,
    names: &BTreeSet<ContainerName>,
) -> Result<Vec<Forecast>, ScanError> {
    let (known, subjects) = survey::gather(deps, model, settings, names).await?;
    let request = ScanRequest { trigger: Trigger::Manual, names: names.clone() };
    let due = |subject: &crate::subject::Subject| subject.not_applicable().is_none();
    let looked = survey::ask(deps, registry, settings, (&known, subjects), &request, due, |_, _| {}).await;
    // What was never seen before counts as seen now; that is noted by a scan only.
    let (seen, _) = FirstSeenBook::read(deps, &looked).await?;
    let mut forecasts = Vec::with_capacity(looked.len());
    for (subject, checked) in looked {
        let (finding, entry) =
            survey::judge(deps, settings, &known, &seen, subject, checked.as_ref()).await?;
        forecasts.push(forecast(deps, settings, &known, finding, entry));
    }
    Ok(forecasts)
}

/// What can be said of a container of which no check is stored, without asking a registry.
///
/// # Errors
/// As for a preview.
pub(crate) async fn unasked(
    deps: &Deps,
    model: &HostModel,
    settings: &Settings,
    name: &ContainerName,
) -> Result<Option<Explanation>, ScanError> {
    let (known, subjects) = survey::gather(deps, model, settings, &BTreeSet::from([name.clone()])).await?;
    let Some(subject) = subjects.into_iter().next() else { return Ok(None) };
    let (finding, _) =
        survey::judge(deps, settings, &known, &FirstSeenBook::default(), subject, None).await?;
    Ok(Some(finding.explanation))
}

fn forecast(
    deps: &Deps,
    settings: &Settings,
    known: &Known,
    finding: Finding,
    entry: Option<QueueEntry>,
) -> Forecast {
    let Finding { subject, decision, explanation } = finding;
    let mut reasons = decision.reasons;
    let mut next_at = decision.next_at;
    let (mut prospect, mut target, pull_only) = match decision.verdict {
        Verdict::UpToDate | Verdict::NotApplicable => (Prospect::Unchanged, None, false),
        Verdict::Unknown => (Prospect::Unknown, None, false),
        Verdict::UpdateAvailable { target, action } => {
            let prospect = match action {
                Action::Apply | Action::PullOnly => Prospect::Apply,
                Action::Ask | Action::Wait => Prospect::Hold,
                Action::Tell => Prospect::Refuse,
            };
            (prospect, Some(*target), action == Action::PullOnly)
        }
    };
    // What a person approved is applied by the next scan, whatever is found of it.
    let approved = entry.filter(|e| e.state == QueueState::Approved && e.decided_by.is_some());
    if let Some(entry) = approved {
        let by = entry.decided_by.unwrap_or_default();
        let detail = format!("{by} approved {}", entry.target.reference);
        reasons.insert(0, Reason::new(ReasonCode::Approved, detail));
        (prospect, target, next_at) = (Prospect::Apply, Some(entry.target), None);
    } else if prospect == Prospect::Apply
        && let Some(turn) = survey::own_turn(&subject, settings, known).filter(|at| *at > deps.clock.now())
    {
        let detail = "it has a schedule of its own and is not due yet";
        reasons.insert(0, Reason::until(ReasonCode::ScheduleNotDue, detail, Some(turn)));
        (prospect, next_at) = (Prospect::Hold, Some(turn));
    }
    let is_busy = known.open.get(&subject.key).is_some_and(|op| op.phase != Phase::Committed);
    if prospect == Prospect::Apply && is_busy {
        // The reason stands among the decision's.
        prospect = Prospect::Hold;
        if let Some(at) = reasons
            .iter()
            .position(|r| matches!(r.code, ReasonCode::OperationOpen | ReasonCode::OperationHeld))
        {
            reasons[..=at].rotate_right(1);
        }
    }
    Forecast { prospect, target, pull_only, reasons, next_at, explanation }
}
