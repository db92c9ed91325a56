//! What is seen while work goes on: bars on a terminal, plain lines elsewhere. On standard error.

mod bars;
mod lines;
mod sentence;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use lodeman_domain::container::ContainerName;
use lodeman_domain::event::Progress;
use lodeman_updater::control::{Control, ControlError};
use tokio::time::timeout;

use crate::output::Output;
use bars::Bars;
use lines::Lines;

/// How long the last notes may take to arrive after the work has ended.
const LAST_NOTES: Duration = Duration::from_millis(200);

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What is done now, and how each update ended.
    Brief,
    /// Every step, with the time since the beginning.
    Steps,
}

/// Where it is shown.
enum Display {
    Bars(Bars),
    Lines(Lines),
    Nothing,
}

impl Display {
    fn new(output: &Output, detail: Detail) -> Self {
        if output.is_json() {
            Self::Nothing
        } else if std::io::stderr().is_terminal() {
            Self::Bars(Bars::new(detail, Instant::now()))
        } else {
            Self::Lines(Lines::new(detail, Instant::now()))
        }
    }

    fn show(&mut self, note: &Progress) {
        match self {
            Self::Bars(bars) => bars.show(note),
            Self::Lines(lines) => {
                if let Some(line) = lines.line(note) {
                    eprintln!("{line}");
                }
            }
            Self::Nothing => {}
        }
    }
}

/// Does `work` and shows its progress, as far as it is about `names`; none: about all.
///
/// # Errors
/// The work's own.
pub async fn follow<T>(
    control: &dyn Control,
    output: &Output,
    detail: Detail,
    names: &[ContainerName],
    work: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    let mut display = Display::new(output, detail);
    if matches!(display, Display::Nothing) {
        return work.await;
    }
    // Watching begins before the work does, so nothing of it is missed.
    let mut notes = control.progress().await?;
    let result = {
        let mut work = std::pin::pin!(work);
        let mut watching = true;
        loop {
            tokio::select! {
                result = work.as_mut() => break result,
                note = notes.next(), if watching => match note {
                    Some(note) if is_about(&note, names) => display.show(&note),
                    Some(_) => {}
                    None => watching = false,
                },
            }
        }
    };
    if result.is_ok() {
        show_last(&mut display, &mut notes, names).await;
    }
    result
}

/// Notes that are on their way still.
async fn show_last(display: &mut Display, notes: &mut BoxStream<'static, Progress>, names: &[ContainerName]) {
    while let Ok(Some(note)) = timeout(LAST_NOTES, notes.next()).await {
        if is_about(&note, names) {
            display.show(&note);
        }
    }
}

fn is_about(note: &Progress, names: &[ContainerName]) -> bool {
    let name = match note {
        Progress::Phase { name, .. }
        | Progress::Pull { name, .. }
        | Progress::Verdict { name, .. }
        | Progress::Ended { name, .. }
        | Progress::Scan { name, .. } => name,
    };
    names.is_empty() || names.iter().any(|wanted| wanted.as_str() == name)
}

#[cfg(test)]
mod tests;
