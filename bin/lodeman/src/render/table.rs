//! Aligned columns.

use super::style::{Paint, Style};

/// One cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A cell of this kind. Control characters, line ends too, become spaces.
    pub fn new(paint: Paint, text: impl AsRef<str>) -> Self {
        let text = super::plain(text.as_ref()).replace('\n', " ");
        Self { text, paint }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Paint::Plain, text)
    }
}

/// Rows under a heading. The last column is as wide as it is.
#[derive(Debug)]
pub struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty table.
    pub fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    /// One more row.
    pub fn push(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// The table as text. Columns that are empty in every row are left out.
    pub fn render(self, style: Style) -> String {
        let width = |text: &str| text.chars().count();
        let used: Vec<usize> =
            (0..N).filter(|at| self.rows.iter().any(|row| !row[*at].text.is_empty())).collect();
        let heading = self.heading.map(|text| Cell::new(Paint::Faint, text));
        let mut all = vec![heading];
        all.extend(self.rows);
        let mut widths = [0; N];
        for row in &all {
            for (at, cell) in row.iter().enumerate() {
                widths[at] = widths[at].max(width(&cell.text));
            }
        }
        let mut text = String::new();
        for row in &all {
            let mut line = String::new();
            let mut gap = 0;
            for at in &used {
                let cell = &row[*at];
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&style.paint(cell.paint, &cell.text));
                    gap = 0;
                }
                gap += widths[*at] - width(&cell.text) + 2;
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(["NAME", "NOTHING", "STATE", "NOTE"]);
        table.push(["web".into(), "".into(), "pending".into(), "a note".into()]);
        table.push(["database".into(), "".into(), "".into(), "ä\nb".into()]);
        insta::assert_snapshot!(table.render(Style::PLAIN), @r"
        NAME      STATE    NOTE
        web       pending  a note
        database           ä b
        ");
    }
}
