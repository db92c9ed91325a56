//! One sentence for each container: what runs, what exists, why not yet, when, who can change it.

use jiff::Timestamp;
use lodeman_domain::explain::{Action, Explanation, Reason, ReasonCode, Verdict};
use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::Target;

use crate::check::Checked;
use crate::decide::Decision;
use crate::subject::Subject;

/// The explanation of a decision.
#[must_use]
pub fn explain(
    subject: &Subject,
    checked: Option<&Checked>,
    decision: &Decision,
    checked_at: Option<Timestamp>,
) -> Explanation {
    let (newer, beyond) = match checked {
        Some(Checked::Answered { newer, hidden, .. }) => (newer.clone(), hidden.0),
        _ => (Vec::new(), 0),
    };
    Explanation {
        workload: subject.key.clone(),
        sentence: sentence(subject, decision),
        verdict: decision.verdict.clone(),
        reasons: decision.reasons.clone(),
        reference: subject.written.clone(),
        image_id: subject.image_id.as_ref().map(ToString::to_string),
        version: subject.version.clone(),
        newer_versions: newer,
        beyond_scope: beyond,
        policy: subject.rules.policy.to_string(),
        checked_at,
        next_at: decision.next_at,
        can_do: can_do(subject, decision),
    }
}

/// The explanation of a container that was to be updated, and is not because of `why`.
#[must_use]
pub fn held_back(explanation: Explanation, why: &str) -> Explanation {
    let Verdict::UpdateAvailable { target, .. } = explanation.verdict else { return explanation };
    let running = says(&explanation.reference, explanation.version.as_deref());
    let name = &explanation.workload.name;
    let sentence = format!("{name} runs {running}; {}, it waits for the next scan ({why}).", exists(&target));
    let mut reasons = explanation.reasons;
    reasons.insert(0, Reason::new(ReasonCode::DependencyFailed, why));
    let verdict = Verdict::UpdateAvailable { target, action: Action::Wait };
    Explanation { verdict, reasons, sentence, next_at: None, ..explanation }
}

fn sentence(subject: &Subject, decision: &Decision) -> String {
    let name = &subject.key.name;
    let because = decision.reasons.first().map(|r| r.detail.clone());
    match &decision.verdict {
        Verdict::UpToDate => format!("{name} runs {}, the newest its rules admit.", running(subject)),
        Verdict::NotApplicable => {
            let why = because.map(|b| format!(": {b}")).unwrap_or_default();
            format!("{name} runs {} and is not looked after{why}.", running(subject))
        }
        Verdict::Unknown => {
            let why = because.map(|b| format!(": {b}")).unwrap_or_default();
            format!("{name} runs {}; what exists is not known{why}.", running(subject))
        }
        Verdict::UpdateAvailable { target, action } => {
            let exists = exists(target);
            let then = match action {
                Action::Apply => "it is installed now".to_owned(),
                Action::Ask => format!("it waits for a person ({})", first(&decision.reasons)),
                Action::Wait => {
                    let when = decision.next_at.map_or_else(
                        || "until a person lets it".to_owned(),
                        |at| format!("until {}", at.strftime("%Y-%m-%d %H:%M UTC")),
                    );
                    format!("it waits {when} ({})", first(&decision.reasons))
                }
                Action::PullOnly => "only its image is pulled".to_owned(),
                Action::Tell => format!("it is not installed ({})", first(&decision.reasons)),
            };
            format!("{name} runs {}; {exists}, {then}.", running(subject))
        }
    }
}

fn first(reasons: &[Reason]) -> String {
    reasons.first().map_or_else(|| "no reason recorded".to_owned(), |r| r.detail.clone())
}

fn running(subject: &Subject) -> String {
    says(&subject.written, subject.version.as_deref())
}

/// A reference, and the version that it means where its tag is not that.
fn says(written: &str, version: Option<&str>) -> String {
    let tag = written.parse::<ImageReference>().ok().and_then(|reference| reference.effective_tag());
    match (version, tag) {
        (Some(version), Some(tag)) if tag.as_str() != version => format!("{written} (version {version})"),
        _ => written.to_owned(),
    }
}

fn exists(target: &Target) -> String {
    match &target.version {
        Some(version) => format!("{version} exists"),
        None if target.already_pulled => {
            format!("its tag means {} now, which is already on the host", target.digest.short())
        }
        None => format!("its tag means {} now", target.digest.short()),
    }
}

fn can_do(subject: &Subject, decision: &Decision) -> Vec<String> {
    let name = &subject.key.name;
    match &decision.verdict {
        Verdict::UpdateAvailable { action: Action::Ask, .. } => vec![
            format!("lodeman approve {name}"),
            format!("lodeman reject {name}"),
            format!("lodeman ignore {name}"),
        ],
        Verdict::UpdateAvailable { action: Action::Wait | Action::PullOnly | Action::Apply, .. } => {
            vec![format!("lodeman watch {name}")]
        }
        Verdict::UpdateAvailable { action: Action::Tell, .. } if subject.refusals.is_empty() => {
            vec![format!("lodeman watch {name}")]
        }
        _ => Vec::new(),
    }
}
