//! What happened.

use lodeman_updater::control::StoredHistory;

use super::run::outcome_paint;
use super::{Cell, Paint, Table, View, downtime, time};

/// History, newest first.
pub fn history(view: &View, rows: &[StoredHistory]) -> String {
    if rows.is_empty() {
        return "Nothing has happened yet.\n".to_owned();
    }
    let mut table = Table::new(["WHEN", "AT", "NAME", "OUTCOME", "FROM", "TO", "DOWN", "BY", "WHY"]);
    for stored in rows {
        let row = &stored.row;
        let mut why = row.reason.clone().unwrap_or_default();
        if row.data_may_have_changed {
            why.push_str(if why.is_empty() { "" } else { "; " });
            why.push_str("the replacement may have changed data");
        }
        table.push([
            time::relative(view.now, row.at).into(),
            Cell::new(Paint::Faint, time::absolute(view, row.at)),
            Cell::new(Paint::Strong, row.workload.name.as_str()),
            Cell::new(outcome_paint(row.outcome), row.outcome.as_str()),
            row.old_reference.as_str().into(),
            row.new_reference.as_str().into(),
            row.dark_ms.map(downtime).unwrap_or_default().into(),
            row.actor.as_str().into(),
            why.into(),
        ]);
    }
    table.render(view.style)
}
