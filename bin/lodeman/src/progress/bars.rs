//! Bars on a terminal: one line for the scan, one for each operation, one for each layer of a pull.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lodeman_domain::event::Progress;
use lodeman_domain::update::{OperationId, Phase};

use super::{Detail, sentence};
use crate::logging;
use crate::render::plain;

/// How often a line that shows a running time is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// Bars on a terminal. They are gone when this is dropped; what is to stay was printed above them.
pub struct Bars {
    all: MultiProgress,
    detail: Detail,
    began: Instant,
    scan: Option<ProgressBar>,
    operations: HashMap<OperationId, Operation>,
}

struct Operation {
    head: ProgressBar,
    layers: HashMap<String, ProgressBar>,
    /// Since when its container is down.
    down: Option<Instant>,
}

impl Bars {
    /// Bars of this much detail; times are since `began`.
    pub fn new(detail: Detail, began: Instant) -> Self {
        let all = MultiProgress::new();
        logging::around(Some(all.clone()));
        Self { all, detail, began, scan: None, operations: HashMap::new() }
    }

    /// Shows `note`.
    pub fn show(&mut self, note: &Progress) {
        match note {
            Progress::Scan { checked, total, name } => self.scan(*checked, *total, name),
            Progress::Phase { operation, name, phase, message } => {
                self.phase(*operation, name, *phase, message);
            }
            Progress::Pull { operation, name, layer, status, current_bytes, total_bytes } => {
                let bytes = (*current_bytes, *total_bytes);
                self.pull(*operation, name, layer.as_deref(), status, bytes);
            }
            Progress::Verdict { operation, name, message } => {
                let text = format!("{}: {}", plain(name), plain(message));
                self.operation(*operation, name).head.set_message(text);
            }
            Progress::Ended { operation, name, outcome, dark_ms, reason } => {
                self.end(*operation);
                self.say(&sentence::ended(name, *outcome, *dark_ms, reason.as_deref()));
            }
        }
    }

    /// How many operations are shown.
    #[cfg(test)]
    pub fn under_way(&self) -> usize {
        self.operations.len()
    }

    fn scan(&mut self, checked: usize, total: usize, name: &str) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let bar = self.scan.get_or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new(count(total)));
            bar.set_style(style("{spinner} checking {bar:24} {pos}/{len} {msg}"));
            bar
        });
        bar.set_position(count(checked));
        bar.set_message(plain(name));
        if checked >= total {
            bar.finish_and_clear();
            self.scan = None;
        }
    }

    fn phase(&mut self, id: OperationId, name: &str, phase: Phase, message: &str) {
        let text = format!("{}: {}", plain(name), plain(message));
        let operation = self.operation(id, name);
        match phase {
            Phase::Pulled => operation.clear_layers(),
            Phase::OldStopped => {
                operation.down = Some(Instant::now());
                operation.head.set_style(style("{spinner} {msg} (down for {elapsed_precise})"));
                operation.head.reset_elapsed();
            }
            Phase::Started | Phase::RolledBack => {
                operation.down = None;
                operation.head.set_style(head_style());
            }
            _ => {}
        }
        operation.head.set_message(text.clone());
        if self.detail == Detail::Steps {
            self.say(&text);
        }
    }

    fn pull(
        &mut self,
        id: OperationId,
        name: &str,
        layer: Option<&str>,
        status: &str,
        (current, total): (Option<u64>, Option<u64>),
    ) {
        let all = self.all.clone();
        let operation = self.operation(id, name);
        let status = plain(status);
        let Some(layer) = layer else {
            operation.head.set_message(format!("{}: {status}", plain(name)));
            return;
        };
        if is_over(&status) {
            if let Some(bar) = operation.layers.remove(layer) {
                bar.finish_and_clear();
                all.remove(&bar);
            }
            return;
        }
        let head = operation.head.clone();
        let bar = operation.layers.entry(layer.to_owned()).or_insert_with(|| {
            let bar = all.insert_after(&head, ProgressBar::no_length());
            bar.set_style(style("    {prefix:12} {msg:18}"));
            bar.set_prefix(plain(layer));
            bar
        });
        if let (Some(current), Some(total)) = (current, total) {
            if bar.length() != Some(total) {
                bar.set_length(total);
                bar.set_style(style("    {prefix:12} {msg:18} {bar:24} {bytes}/{total_bytes}"));
            }
            bar.set_position(current.min(total));
        }
        bar.set_message(status);
    }

    fn operation(&mut self, id: OperationId, name: &str) -> &mut Operation {
        let all = &self.all;
        self.operations.entry(id).or_insert_with(|| {
            let head = all.add(ProgressBar::new_spinner());
            head.set_style(head_style());
            head.set_message(format!("{}: beginning", plain(name)));
            head.enable_steady_tick(TICK);
            Operation { head, layers: HashMap::new(), down: None }
        })
    }

    fn end(&mut self, id: OperationId) {
        if let Some(mut operation) = self.operations.remove(&id) {
            operation.clear_layers();
            operation.head.finish_and_clear();
            self.all.remove(&operation.head);
        }
    }

    /// Prints a line that stays.
    fn say(&self, text: &str) {
        let line = match self.detail {
            Detail::Brief => text.to_owned(),
            Detail::Steps => format!("{}  {text}", sentence::elapsed(self.began.elapsed())),
        };
        // A terminal that has gone shows nothing, and needs nothing.
        let _ = self.all.println(line);
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // What cannot be cleared is a line too much on the screen.
        let _ = self.all.clear();
        logging::around(None);
    }
}

impl Operation {
    fn clear_layers(&mut self) {
        for (_, bar) in self.layers.drain() {
            bar.finish_and_clear();
        }
    }
}

/// Whether the engine says of a layer that nothing more happens to it.
fn is_over(status: &str) -> bool {
    matches!(status, "Pull complete" | "Already exists" | "Layer already exists")
}

fn head_style() -> ProgressStyle {
    style("{spinner} {msg}")
}

fn style(template: &str) -> ProgressStyle {
    // Every template stands in this file and is used by a test; one that were wrong would show less.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
}
