//! Whether the server can do its work.

use lodeman_updater::control::{Health, Readiness};

use super::{Cell, Paint, Table, View, add, when};

/// The server's state, and that of each part.
pub fn readiness(view: &View, readiness: &Readiness) -> String {
    let (paint, word) = match (readiness.ready, readiness.recovering) {
        (true, _) => (Paint::Good, "ready"),
        (false, true) => (Paint::Warning, "recovering interrupted operations"),
        (false, false) => (Paint::Bad, "not ready"),
    };
    let mut text = format!("The server is alive and {}.\n", view.style.paint(paint, word));
    let mut table = Table::new(["PART", "STATE", "WHY"]);
    for part in &readiness.components {
        let (paint, word) = match part.health {
            Health::On => (Paint::Good, "on"),
            Health::Off => (Paint::Faint, "off"),
            Health::Degraded => (Paint::Bad, "degraded"),
        };
        let why = part.reason.clone().unwrap_or_default();
        table.push([part.name.as_str().into(), Cell::new(paint, word), why.into()]);
    }
    text.push_str(&table.render(view.style));
    for (what, at) in [("Last scan", readiness.last_scan), ("Next scan", readiness.next_scan)] {
        if let Some(at) = at {
            add(&mut text, format_args!("{what}: {}.\n", when(view, at)));
        }
    }
    text
}
