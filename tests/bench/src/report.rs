//! Numbers in pairs, and how they are shown.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Milliseconds,
    Microseconds,
    Mebibytes,
    /// More is better, here alone.
    PerSecond,
}

impl Unit {
    fn sign(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Mebibytes => "MiB",
            Self::PerSecond => "/s",
        }
    }

    /// A span in this unit.
    pub fn of(self, span: Duration) -> f64 {
        match self {
            Self::Microseconds => span.as_secs_f64() * 1e6,
            _ => span.as_secs_f64() * 1e3,
        }
    }
}

/// One thing, measured in pairs: ours and, in turns with it, the reference.
#[derive(Debug, Clone, Serialize)]
pub struct Measure {
    /// What is measured.
    pub name: &'static str,
    /// What it is compared with.
    pub reference: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// The median of ours.
    pub ours: f64,
    /// The median of the reference.
    pub theirs: f64,
    /// The median of the ratios of the pairs.
    pub ratio: f64,
    /// The least and the greatest ratio of a pair.
    pub spread: (f64, f64),
    /// How many pairs.
    pub pairs: usize,
    /// What else was seen.
    pub note: String,
}

impl Measure {
    /// Of pairs of ours and the reference, of which there is at least one.
    pub fn of(name: &'static str, reference: &'static str, unit: Unit, pairs: &[(f64, f64)]) -> Self {
        let ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs.max(f64::EPSILON)).collect();
        Self {
            name,
            reference,
            unit,
            ours: median(pairs.iter().map(|pair| pair.0)),
            theirs: median(pairs.iter().map(|pair| pair.1)),
            ratio: median(ratios.iter().copied()),
            spread: ratios.iter().fold((f64::MAX, 0.0), |(low, high), r| (r.min(low), r.max(high))),
            pairs: pairs.len(),
            note: String::new(),
        }
    }

    /// The same with a note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// The middle of some numbers; of an even count the lower of both in the middle.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    quantile(numbers.collect(), 50)
}

/// The number below which `percent` of them lie.
pub fn quantile(mut numbers: Vec<f64>, percent: usize) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    numbers.get(last * percent / 100).copied().unwrap_or_default()
}

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The numbers.
    pub measures: Vec<Measure>,
    /// What could not be measured, and why.
    pub not_taken: Vec<(&'static str, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: f64, unit: Unit| {
            let digits = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
            format!("{number:.digits$} {}", unit.sign())
        };
        let rows: Vec<[String; 6]> = self
            .measures
            .iter()
            .map(|m| {
                let ratio = format!("{:.2} ({:.2}–{:.2})", m.ratio, m.spread.0, m.spread.1);
                let (ours, theirs) = (shown(m.ours, m.unit), shown(m.theirs, m.unit));
                [m.name.to_owned(), ours, theirs, ratio, m.pairs.to_string(), m.reference.to_owned()]
            })
            .collect();
        let head = ["what", "Lodeman", "reference", "ratio", "pairs", "the reference is"].map(str::to_owned);
        let all = || std::iter::once(&head).chain(&rows);
        let width = |at: usize| all().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in all() {
            for (at, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[at] - cell.chars().count());
                match at {
                    1..=4 => write!(f, "{pad}{cell}  ")?,
                    5 => f.write_str(cell)?,
                    _ => write!(f, "{cell}{pad}  ")?,
                }
            }
            writeln!(f)?;
        }
        for measure in self.measures.iter().filter(|measure| !measure.note.is_empty()) {
            writeln!(f, "\n{}: {}", measure.name, measure.note)?;
        }
        for (name, why) in &self.not_taken {
            writeln!(f, "\n{name} could not be measured: {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_the_pairs() {
        let measure = Measure::of("a", "b", Unit::Milliseconds, &[(2.0, 1.0), (9.0, 3.0), (4.0, 4.0)]);
        assert_eq!((measure.ours, measure.theirs, measure.ratio), (4.0, 3.0, 2.0));
        assert_eq!(measure.spread, (1.0, 3.0));
        assert!(quantile(vec![], 99).abs() < f64::EPSILON);
    }

    #[test]
    fn the_table_is_aligned_and_tells_what_is_missing() {
        let mut report = Report::default();
        report.measures.push(Measure::of("x", "y", Unit::Mebibytes, &[(120.4, 60.2)]).note("n"));
        report.not_taken.push(("swap", "no engine".to_owned()));
        let text = report.to_string();
        assert!(text.contains("120 MiB") && text.contains("2.00 (2.00–2.00)"), "{text}");
        assert!(text.contains("x: n") && text.contains("swap could not be measured: no engine"), "{text}");
    }
}
