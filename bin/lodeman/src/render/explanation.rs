//! Why containers run what they run.

use lodeman_domain::explain::{Explanation, Verdict};
use lodeman_domain::image::Tag;

use super::{Paint, View, add, count, plain, when};

/// Every explanation, each with its reasons.
pub fn explanations(view: &View, all: &[Explanation]) -> String {
    if all.is_empty() {
        return "No container is known yet.\n".to_owned();
    }
    let blocks: Vec<String> = all.iter().map(|one| explanation(view, one)).collect();
    blocks.join("\n")
}

fn explanation(view: &View, one: &Explanation) -> String {
    let mut text = explanation_short(view, one);
    for reason in &one.reasons {
        let until = reason.until.map_or_else(String::new, |at| format!("; ends {}", when(view, at)));
        let code = view.style.paint(Paint::Faint, &format!("[{}]", reason.code));
        add(&mut text, format_args!("    - {}{until} {code}\n", plain(&reason.detail)));
    }
    let mut fact = |name: &str, value: &str| {
        let name = view.style.paint(Paint::Faint, &format!("{name:<9}"));
        add(&mut text, format_args!("    {name}{}\n", plain(value)));
    };
    let version = one.version.as_ref().map_or_else(String::new, |version| format!(" (version {version})"));
    fact("runs", &format!("{}{version}", one.reference));
    if !one.newer_versions.is_empty() {
        let newer: Vec<&str> = one.newer_versions.iter().take(5).map(Tag::as_str).collect();
        let more = one.newer_versions.len().saturating_sub(newer.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        fact("newer", &format!("{}{more}", newer.join(", ")));
    }
    if one.beyond_scope > 0 {
        let beyond = u64::try_from(one.beyond_scope).unwrap_or(u64::MAX);
        fact("hidden", &format!("{} outside its version scope", count(beyond, "newer version")));
    }
    fact("policy", &one.policy);
    if let Some(at) = one.checked_at {
        fact("checked", &when(view, at));
    }
    if let Some(at) = one.next_at {
        fact("next", &when(view, at));
    }
    for (at, command) in one.can_do.iter().enumerate() {
        fact(if at == 0 { "you can" } else { "" }, command);
    }
    text
}

/// Name and sentence.
pub fn explanation_short(view: &View, one: &Explanation) -> String {
    let paint = match one.verdict {
        Verdict::UpToDate => Paint::Good,
        Verdict::UpdateAvailable { .. } => Paint::Warning,
        Verdict::NotApplicable => Paint::Strong,
        Verdict::Unknown => Paint::Bad,
    };
    let name = view.style.paint(paint, one.workload.name.as_str());
    format!("{name}\n  {}\n", plain(&one.sentence))
}
