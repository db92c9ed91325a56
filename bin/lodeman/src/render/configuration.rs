//! The configuration in force, and what is wrong with it.

use lodeman_config::{EffectiveKey, Problem};

use super::{Cell, Paint, Table, View, add, plain};

/// Every key with its value and where that comes from.
pub fn configuration(view: &View, keys: &[EffectiveKey]) -> String {
    let mut table = Table::new(["KEY", "VALUE", "FROM"]);
    for key in keys {
        let is_default = key.origin == lodeman_config::Origin::Default;
        let paint = if is_default { Paint::Faint } else { Paint::Plain };
        let value = if key.value.is_empty() { "-".to_owned() } else { key.value.replace('\n', ", ") };
        table.push([key.key.into(), Cell::new(paint, value), Cell::new(paint, key.origin.to_string())]);
    }
    table.render(view.style)
}

/// What is wrong, one a line, under a heading; nothing where nothing is.
pub fn problems(view: &View, heading: &str, paint: Paint, all: &[Problem]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", view.style.paint(paint, heading));
    for problem in all {
        add(&mut text, format_args!("  {}\n", plain(&problem.to_string())));
    }
    text
}
