//! Comma-separated files that a spreadsheet opens without running anything in them.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use jiff::{Timestamp, Unit};

/// A file under way.
pub(super) struct File(String);

impl File {
    /// A file with a head line.
    pub(super) fn new(head: &[&str]) -> Self {
        let mut file = Self(String::new());
        file.row(head);
        file
    }

    /// One more line.
    pub(super) fn row(&mut self, cells: &[&str]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.cell(cell);
        }
        self.0.push('\n');
    }

    fn cell(&mut self, text: &str) {
        // What a spreadsheet would take for a formula is text.
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text != "-";
        let quoted = formula || text.contains([',', '"', '\n', '\r']) || text.starts_with(' ');
        if !quoted {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The file as an answer.
    pub(super) fn into_response(self, name: &'static str) -> Response {
        let disposition = format!("attachment; filename={name}");
        let mut response = self.0.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        if let Ok(value) = HeaderValue::from_str(&disposition) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        response
    }
}

/// An instant to the second, RFC 3339.
pub(super) fn seconds(at: Timestamp) -> String {
    let whole = at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc));
    whole.unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_needed_and_formulas_are_text() {
        let mut file = File::new(&["a", "b"]);
        file.row(&["x,y", "say \"no\""]);
        file.row(&["=1+1", "-"]);
        file.row(&["@cmd", "a\nb"]);
        assert_eq!(file.0, "a,b\n\"x,y\",\"say \"\"no\"\"\"\n\"'=1+1\",-\n\"'@cmd\",\"a\nb\"\n");
    }
}
