//! Which newer versions of images exist.

use lodeman_domain::image::Tag;

use crate::commands::Checked;

use super::{Paint, View, add, count, plain, short_digest};

/// Every image that was asked about.
pub fn checks(view: &View, all: &[Checked]) -> String {
    all.iter().map(|one| check(view, one)).collect()
}

fn check(view: &View, one: &Checked) -> String {
    let check = match one {
        Checked::Failed { reference, error } => {
            let name = view.style.paint(Paint::Strong, &plain(reference));
            return format!("{name}\n  {}\n", view.style.paint(Paint::Bad, &plain(error)));
        }
        Checked::Known(check) => check,
    };
    let name = view.style.paint(Paint::Strong, &plain(&check.reference.to_string()));
    let version = check.version.as_deref().map_or_else(String::new, |v| format!(", version {}", plain(v)));
    let mut text = format!("{name}\n  is {}{version}\n", short_digest(check.digest.as_str()));
    if let Some(newest) = check.newer_versions.first() {
        let others: Vec<&str> = check.newer_versions.iter().skip(1).take(9).map(Tag::as_str).collect();
        let left = check.newer_versions.len().saturating_sub(1 + others.len());
        let newest = view.style.paint(Paint::Good, newest.as_str());
        let more = if left > 0 { format!(" and {left} more") } else { String::new() };
        let others = if others.is_empty() { String::new() } else { format!(", {}{more}", others.join(", ")) };
        add(&mut text, format_args!("  newer: {newest}{others}\n"));
    } else {
        text.push_str("  no newer version\n");
    }
    if check.beyond_scope > 0 {
        let beyond = u64::try_from(check.beyond_scope).unwrap_or(u64::MAX);
        add(&mut text, format_args!("  {} outside the scope\n", count(beyond, "more version")));
    }
    if check.truncated {
        text.push_str("  the registry has more tags than were read\n");
    }
    text
}
