//! What recovery would do, or did.

use lodeman_updater::control::RecoveryReport;

use super::run::outcome_paint;
use super::{Cell, Paint, Table, View, short_digest};

/// Whether it is only planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was touched.
    Planned,
    /// It was done.
    Done,
}

/// The operations, and the leftovers that no journal explains.
pub fn recovery(view: &View, report: &RecoveryReport, stage: Stage) -> String {
    if report.operations.is_empty() && report.orphans.is_empty() {
        return "No operation was interrupted; there is nothing to recover.\n".to_owned();
    }
    let mut text = String::new();
    if !report.operations.is_empty() {
        let heading = if stage == Stage::Planned { "WOULD" } else { "DID" };
        let mut table = Table::new(["NAME", "OPERATION", "CAME TO", "OUTCOME", heading]);
        for item in &report.operations {
            let outcome =
                item.outcome.map_or_else(Cell::default, |o| Cell::new(outcome_paint(o), o.as_str()));
            table.push([
                Cell::new(Paint::Strong, &item.name),
                item.operation.op8().into(),
                item.phase.as_str().into(),
                outcome,
                item.action.as_str().into(),
            ]);
        }
        text.push_str(&table.render(view.style));
    }
    if !report.orphans.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("Containers of operations that are not in the journal; they are left alone:\n");
        let mut table = Table::new(["NAME", "OLD", "NEW", "WHAT YOU CAN DO"]);
        for orphan in &report.orphans {
            let id = |id: &Option<lodeman_domain::container::ContainerId>| {
                Cell::from(id.as_ref().map_or_else(String::new, |id| short_digest(id.short())))
            };
            table.push([
                Cell::new(Paint::Strong, &orphan.canonical),
                id(&orphan.old),
                id(&orphan.new),
                orphan.finding.advice().into(),
            ]);
        }
        text.push_str(&table.render(view.style));
    }
    text
}
