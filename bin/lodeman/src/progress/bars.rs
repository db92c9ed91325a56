//! Bars on a terminal: one line for the scan, one for each operation, one for each layer of a pull.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use lodeman_domain::event::Progress;
use lodeman_domain::update::{OperationId, Phase};

use super::{Detail, sentence};
use crate::logging;
use crate::render::plain;

/// How often a line that shows a running time is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// The most letters of a name that are shown while something happens.
const LONGEST_NAME: usize = 28;
/// A layer of a pull. Every template has one part that takes what the terminal's width leaves, so that
/// no line is longer than it: a line that wraps is cleared in part only.
const LAYER: &str = "  {prefix:12!} {wide_msg}";
/// A layer of which the size is known.
const LAYER_WITH_SIZE: &str = "  {prefix:12!} {msg:11!} {wide_bar} {bytes:>9}/{total_bytes:9}";

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
        Self::on(ProgressDrawTarget::stderr(), detail, began)
    }

    fn on(target: ProgressDrawTarget, detail: Detail, began: Instant) -> Self {
        let all = MultiProgress::with_draw_target(target);
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
                let text = format!("{}: {}", short(name), plain(message));
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
            bar.set_style(style("{spinner} checking {bar:20} {pos}/{len} {wide_msg}"));
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
                operation.head.set_style(style("{spinner} down for {elapsed}  {wide_msg}"));
                operation.head.reset_elapsed();
            }
            Phase::Started | Phase::RolledBack => {
                operation.down = None;
                operation.head.set_style(head_style());
            }
            _ => {}
        }
        operation.head.set_message(format!("{}: {}", short(name), plain(message)));
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
            operation.head.set_message(format!("{}: {status}", short(name)));
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
            bar.set_style(style(LAYER));
            bar.set_prefix(plain(layer));
            bar
        });
        if let (Some(current), Some(total)) = (current, total) {
            if bar.length() != Some(total) {
                bar.set_length(total);
                bar.set_style(style(LAYER_WITH_SIZE));
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
            head.set_message(format!("{}: beginning", short(name)));
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

/// A name on a line that must also say what happens: a long one in part.
fn short(name: &str) -> String {
    let name = plain(name);
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Whether the engine says of a layer that nothing more happens to it.
fn is_over(status: &str) -> bool {
    matches!(status, "Pull complete" | "Already exists" | "Layer already exists")
}

fn head_style() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

fn style(template: &str) -> ProgressStyle {
    // Every template stands in this file and is used by a test; one that were wrong would show less.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::story_of;
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    /// A terminal of this width that keeps what is written.
    #[derive(Debug, Clone)]
    struct Terminal(u16, Arc<Mutex<Vec<String>>>);

    impl Terminal {
        fn keep(&self, text: &str) {
            self.1.lock().unwrap().push(text.to_owned());
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.0
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.keep(text);
            Ok(())
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.keep(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_bar_is_wider_than_the_terminal_whatever_a_container_is_called() {
        for width in [50, 60, 80, 200] {
            let terminal = Terminal(width, Arc::default());
            let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
            let mut bars = Bars::on(target, Detail::Brief, Instant::now());
            for note in story_of(&"a-very-long-name".repeat(8)) {
                // The last line stays, and may wrap.
                if !matches!(note, Progress::Ended { .. }) {
                    bars.show(&note);
                    bars.all.suspend(|| ());
                }
            }
            let written = terminal.1.lock().unwrap().clone();
            assert!(written.iter().any(|text| text.contains("0a1b2c")), "{written:?}");
            for text in &written {
                let wide = text.trim_matches(['\r', '\n']).chars().count();
                assert!(wide <= usize::from(width), "{wide} at {width}: {text:?}");
            }
        }
    }
}
