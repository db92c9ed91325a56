//! What a run found and did, and how one update ended.

use lodeman_domain::explain::{Action, Verdict};
use lodeman_domain::update::Outcome;
use lodeman_updater::control::{RunReport, UpdateSummary};

use super::{Paint, View, add, count, explanation_short, plain};

/// `740 ms`, `2.3 s`, `3 min 20 s`
pub fn downtime(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// How an outcome is to be seen.
pub fn outcome_paint(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Updated
        | Outcome::UpdatedUnproven
        | Outcome::Restored
        | Outcome::Restarted
        | Outcome::Pulled => Paint::Good,
        Outcome::DryRun | Outcome::External | Outcome::Aborted | Outcome::SkippedByHook => Paint::Warning,
        Outcome::RolledBack | Outcome::Held | Outcome::CheckFailed => Paint::Bad,
    }
}

/// How one update ended.
pub fn summary(view: &View, one: &UpdateSummary) -> String {
    let name = view.style.paint(Paint::Strong, one.name.as_str());
    let reason = one.reason.as_deref().map(plain);
    let Some(outcome) = one.outcome else {
        let reason = reason.unwrap_or_else(|| "there is nothing to update".to_owned());
        return format!("{name}: nothing was done. {reason}\n");
    };
    let target = one.target.as_deref().map(plain).unwrap_or_default();
    let what = match outcome {
        Outcome::Updated => format!("now runs {target}"),
        Outcome::UpdatedUnproven => {
            format!("is made anew from {target}; it was not running, so nothing is proven")
        }
        Outcome::RolledBack => format!("{target} was judged broken; what ran before runs again"),
        Outcome::Restored => format!("runs {target} again"),
        Outcome::Restarted => "runs again".to_owned(),
        Outcome::Aborted => format!("{target} was given up; what ran before runs on"),
        Outcome::SkippedByHook => {
            format!("{target} is put off by the container's hook and tried again later")
        }
        Outcome::External => "someone else changed the container meanwhile; theirs stands".to_owned(),
        Outcome::Held => "needs a person; see `lodeman recover --plan`".to_owned(),
        Outcome::Pulled => format!("{target} was pulled, as configured; the container is unchanged"),
        Outcome::DryRun => format!("would run {target}, but for the dry run"),
        Outcome::CheckFailed => "could not be checked".to_owned(),
    };
    let what = view.style.paint(outcome_paint(outcome), &what);
    let down = one.dark_ms.map_or_else(String::new, |dark| format!(" It was down for {}.", downtime(dark)));
    let reason = reason.map_or_else(String::new, |reason| format!("\n  {reason}"));
    format!("{name}: {what}.{down}{reason}\n")
}

/// What a run found and did: what stands still and why, what was done, the numbers.
pub fn run_report(view: &View, report: &RunReport) -> String {
    let mut text = String::new();
    let done = |name: &str| report.updates.iter().any(|u| u.name.as_str() == name && u.outcome.is_some());
    for one in &report.explanations {
        let waits = match &one.verdict {
            Verdict::UpdateAvailable { action, .. } => *action != Action::Apply,
            Verdict::Unknown => true,
            Verdict::UpToDate | Verdict::NotApplicable => false,
        };
        if waits && !done(one.workload.name.as_str()) {
            text.push_str(&explanation_short(view, one));
        }
    }
    for one in &report.updates {
        text.push_str(&summary(view, one));
    }
    let scan = &report.scan;
    let accepted = report.updates.iter().filter(|u| u.outcome.is_some_and(Outcome::is_accepted)).count();
    let mut numbers = vec![
        format!("{} looked at", count(scan.total.into(), "container")),
        format!("{} checked", scan.checked),
        count(scan.available.into(), "update") + " available",
        format!("{accepted} applied"),
        format!("{} for a person to decide", scan.queued),
    ];
    for (number, what) in [(scan.skipped, "skipped"), (scan.failed, "could not be checked")] {
        if number > 0 {
            numbers.push(format!("{number} {what}"));
        }
    }
    add(&mut text, format_args!("{}.\n", numbers.join(", ")));
    text
}
