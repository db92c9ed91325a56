//! What becomes of one container: a pure function of its facts, the rules, what the registry has,
//! what is remembered, and the clock. Scan, manual check, preview and explanation all ask it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lodeman_domain::explain::{Action, Reason, ReasonCode, Verdict};
use lodeman_domain::label::ProblemEffect;
use lodeman_domain::policy::Policy;
use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_domain::schedule::format_duration;
use lodeman_domain::update::{Operation, Phase};

use crate::check::{Checked, Offer, TagState};
use crate::subject::Subject;
use crate::swap::hook::PUT_OFF;

/// Everything that deciding looks at.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The container.
    pub subject: &'a Subject,
    /// What the registry has; `None` when it was not asked.
    pub checked: Option<&'a Checked>,
    /// The container's current queue entry.
    pub entry: Option<&'a QueueEntry>,
    /// The operation that has the container.
    pub open: Option<&'a Operation>,
    /// When the manifest of a target was first seen.
    pub first_seen: &'a dyn FirstSeenLookup,
    /// Automatic actions are paused.
    pub paused: bool,
    /// Nothing is changed.
    pub dry_run: bool,
    /// The wall clock that windows mean.
    pub zone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
}

/// Knows when a target's manifest was first seen.
pub trait FirstSeenLookup: Sync + std::fmt::Debug {
    /// When `offer`'s manifest was first seen; `None` for "only now".
    fn first_seen(&self, offer: &Offer) -> Option<Timestamp>;
}

/// What becomes of it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// All reasons, weightiest first.
    pub reasons: Vec<Reason>,
    /// When something will happen by itself.
    pub next_at: Option<Timestamp>,
}

impl Decision {
    fn only(verdict: Verdict, reasons: Vec<Reason>) -> Self {
        Self { verdict, reasons, next_at: None }
    }
}

/// Decides.
#[must_use]
pub fn decide(s: &Situation<'_>) -> Decision {
    let mut notes: Vec<Reason> = s
        .subject
        .hints
        .problems
        .iter()
        .map(|p| Reason::new(ReasonCode::InvalidLabel, p.to_string()))
        .collect();
    if let Some(open) = s.open.filter(|op| op.phase != Phase::Committed) {
        notes.insert(0, open_operation(open));
    }
    if let Some(reason) = s.subject.not_applicable() {
        notes.insert(0, reason);
        return Decision::only(Verdict::NotApplicable, notes);
    }
    match s.checked {
        None => {
            notes.insert(0, Reason::new(ReasonCode::NotChecked, "the registry was not asked yet"));
            Decision::only(Verdict::Unknown, notes)
        }
        Some(Checked::Failed { category, message, retry_at }) => {
            let code = if *category == "rate_limited" || *category == "quota_reserved" {
                ReasonCode::RateLimited
            } else {
                ReasonCode::CheckFailed
            };
            notes.insert(0, Reason::until(code, message.clone(), *retry_at));
            Decision { verdict: Verdict::Unknown, reasons: notes, next_at: *retry_at }
        }
        Some(Checked::Local { reason }) => {
            notes.insert(0, Reason::new(ReasonCode::LocalImage, *reason));
            Decision::only(Verdict::NotApplicable, notes)
        }
        Some(Checked::Answered { tag, versions, hidden, version_problem, .. }) => {
            if let Some(problem) = version_problem {
                notes.push(Reason::new(ReasonCode::CheckFailed, problem.clone()));
            }
            if let (count @ 1.., newest) = hidden {
                let newest = newest.as_ref().map(|t| format!(", the newest is {t}")).unwrap_or_default();
                let detail = format!("{count} newer versions are outside its version scope{newest}");
                notes.push(Reason::new(ReasonCode::HiddenByScope, detail));
            }
            answered(s, tag, versions, notes)
        }
    }
}

fn open_operation(op: &Operation) -> Reason {
    if op.phase == Phase::Held {
        let why = op.held_because.clone().or_else(|| op.reason.clone()).unwrap_or_default();
        Reason::new(ReasonCode::OperationHeld, format!("operation {} needs a person: {why}", op.id))
    } else {
        Reason::new(ReasonCode::OperationOpen, format!("operation {} is at {}", op.id, op.phase))
    }
}

fn answered(s: &Situation<'_>, tag: &TagState, versions: &[Offer], mut notes: Vec<Reason>) -> Decision {
    let auto = s.subject.rules.policy.value == Policy::Auto;
    let moved = match tag {
        TagState::Moved(offer) => Some(&**offer),
        TagState::IndexRebuilt => {
            let detail = "the index of its tag was rebuilt, its own image is the same";
            notes.push(Reason::new(ReasonCode::IndexRebuilt, detail));
            None
        }
        TagState::NoPlatform(why) => {
            notes.push(Reason::new(ReasonCode::NoPlatform, why.clone()));
            None
        }
        TagState::Current => None,
    };
    let all: Vec<&Offer> = versions.iter().chain(moved).collect();
    for offer in &all {
        notes.extend(set_aside(offer));
    }
    let usable: Vec<&Offer> = all.iter().copied().filter(|o| o.bad.is_none() && !o.ignored).collect();
    let by_itself = usable.iter().copied().find(|o| o.automatic);
    if auto && let Some(offer) = by_itself {
        if let Some(larger) = usable.first().filter(|o| !o.automatic) {
            notes.push(beyond(larger));
        }
        return automatic(s, offer, notes);
    }
    match usable.first() {
        Some(offer) if auto => {
            notes.insert(0, beyond(offer));
            ask(s, offer, notes)
        }
        Some(offer) => {
            let detail = format!("policy is {}: a person decides", s.subject.rules.policy);
            notes.insert(0, Reason::new(ReasonCode::PolicyManual, detail));
            ask(s, offer, notes)
        }
        None => match all.first() {
            // All that exists was rolled back or is ignored: told, not offered again.
            Some(offer) => available(offer, Action::Tell, notes, None),
            None => Decision::only(Verdict::UpToDate, notes),
        },
    }
}

fn set_aside(offer: &Offer) -> Option<Reason> {
    let what = name_of(offer);
    if let Some(bad) = &offer.bad {
        let detail =
            format!("{what} was rolled back on {}: {}", bad.at.strftime("%Y-%m-%d %H:%M UTC"), bad.reason);
        return Some(Reason::new(ReasonCode::BadDigest, detail));
    }
    offer.ignored.then(|| Reason::new(ReasonCode::Ignored, format!("{what} is ignored")))
}

fn name_of(offer: &Offer) -> String {
    match &offer.target.version {
        Some(version) => version.to_string(),
        None => offer.target.digest.short().to_owned(),
    }
}

fn beyond(offer: &Offer) -> Reason {
    let detail = format!("{} is a larger step than `auto` takes by itself; a person decides", name_of(offer));
    Reason::new(ReasonCode::BeyondAutoScope, detail)
}

fn available(offer: &Offer, action: Action, reasons: Vec<Reason>, next_at: Option<Timestamp>) -> Decision {
    let target = Box::new(offer.target.clone());
    Decision { verdict: Verdict::UpdateAvailable { target, action }, reasons, next_at }
}

/// What stands in the way of any swap of this container.
fn impossible(s: &Situation<'_>) -> Option<Reason> {
    s.subject.refusals.first().cloned()
}

fn rejected(s: &Situation<'_>, offer: &Offer) -> Option<Reason> {
    let entry =
        s.entry.filter(|e| e.state == QueueState::Rejected && e.target.manifest == offer.target.manifest)?;
    let by = entry.decided_by.as_deref().unwrap_or("a person");
    Some(Reason::new(ReasonCode::Rejected, format!("{by} rejected {}", name_of(offer))))
}

fn ask(s: &Situation<'_>, offer: &Offer, mut reasons: Vec<Reason>) -> Decision {
    if let Some(reason) = impossible(s).or_else(|| rejected(s, offer)) {
        reasons.insert(0, reason);
        return available(offer, Action::Tell, reasons, None);
    }
    if s.subject.rules.monitor_only {
        reasons.insert(0, monitor_only());
        return available(offer, Action::Tell, reasons, None);
    }
    available(offer, Action::Ask, reasons, None)
}

fn monitor_only() -> Reason {
    Reason::new(ReasonCode::MonitorOnly, "a label says that it is only checked")
}

/// An update that `auto` would install: every reason against doing it now is collected.
fn automatic(s: &Situation<'_>, offer: &Offer, notes: Vec<Reason>) -> Decision {
    let rules = &s.subject.rules;
    let mut told: Vec<Reason> = impossible(s).into_iter().chain(rejected(s, offer)).collect();
    if rules.monitor_only {
        told.push(monitor_only());
    }
    if rules.no_pull && !offer.target.already_pulled {
        told.push(Reason::new(ReasonCode::NoPull, "a label says that nothing is pulled for it"));
    }
    if s.dry_run {
        told.push(Reason::new(ReasonCode::DryRun, "the dry run is on: nothing is changed"));
    }
    let mut asked: Vec<Reason> = Vec::new();
    if !s.subject.running {
        asked.push(Reason::new(ReasonCode::NotRunning, "it does not run, so it could not be proven"));
    }
    if s.subject.hints.is_self {
        asked.push(Reason::new(ReasonCode::SelfContainer, "it is the server's own container"));
    }
    if s.subject.hints.problems.iter().any(|p| p.effect == ProblemEffect::NoAutomaticUpdates) {
        asked.push(Reason::new(ReasonCode::InvalidLabel, "a label that restricts updates is invalid"));
    }
    let waits = waits(s, offer);
    let (action, next_at) = if !told.is_empty() {
        (Action::Tell, None)
    } else if !asked.is_empty() {
        (Action::Ask, None)
    } else if rules.pull_only.value {
        (Action::PullOnly, None)
    } else if !waits.is_empty() {
        // It ends when the last of them does; one without an end waits for a person.
        let all: Option<Vec<Timestamp>> = waits.iter().map(|w| w.until).collect();
        (Action::Wait, all.and_then(|ends| ends.into_iter().max()))
    } else {
        (Action::Apply, None)
    };
    let mut reasons: Vec<Reason> = told.into_iter().chain(asked).chain(waits).collect();
    if action == Action::PullOnly {
        reasons.insert(
            0,
            Reason::new(ReasonCode::PullOnly, "images are pulled, the container is not recreated"),
        );
    }
    reasons.extend(notes);
    available(offer, action, reasons, next_at)
}

fn waits(s: &Situation<'_>, offer: &Offer) -> Vec<Reason> {
    let rules = &s.subject.rules;
    let mut waits: Vec<Reason> = put_off(s, offer).into_iter().collect();
    if s.paused {
        waits.push(Reason::new(ReasonCode::Paused, "automatic updates are paused"));
    }
    let delay = rules.delay.value;
    if !delay.is_zero() {
        let seen = s.first_seen.first_seen(offer).unwrap_or(s.now);
        let delay_signed = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        let ripe = seen.saturating_add(delay_signed).unwrap_or(Timestamp::MAX);
        if ripe > s.now {
            let detail = format!("it must be {} old", format_duration(delay));
            waits.push(Reason::until(ReasonCode::MinimumAge, detail, Some(ripe)));
        }
    }
    let windows = &rules.windows.value;
    if !windows.is_open(s.now, s.zone) {
        let opens = windows.next_opening(s.now, s.zone);
        let detail = if opens.is_some() {
            format!("its maintenance window `{}` is closed", windows.as_str())
        } else {
            "its maintenance window never opens".to_owned()
        };
        waits.push(Reason::until(ReasonCode::WindowClosed, detail, opens));
    }
    if let Some(entry) =
        s.entry.filter(|e| e.state == QueueState::Failed && e.target.manifest == offer.target.manifest)
    {
        let why = entry.note.clone().unwrap_or_else(|| "unknown".to_owned());
        match entry.retry_at {
            Some(at) if at <= s.now => {}
            until => {
                let detail = format!("the last attempt failed: {why}");
                waits.push(Reason::until(ReasonCode::LastAttemptFailed, detail, until));
            }
        }
    }
    waits
}

/// Until when the container's hook put off what is on offer.
fn put_off(s: &Situation<'_>, offer: &Offer) -> Option<Reason> {
    let entry =
        s.entry.filter(|e| e.state == QueueState::Waiting && e.target.manifest == offer.target.manifest)?;
    let until = entry.retry_at.filter(|at| *at > s.now)?;
    let by_hook = entry.note.as_deref() == Some(PUT_OFF);
    by_hook.then(|| Reason::until(ReasonCode::SkippedByHook, PUT_OFF, Some(until)))
}
