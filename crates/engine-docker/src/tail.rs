//! The end of a text that may be longer than anybody wants to keep.

use std::collections::VecDeque;

/// The most that is kept: the end.
const MAX_BYTES: usize = 64 * 1024;

/// The last bytes of a text that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let piece_start = piece.len().saturating_sub(MAX_BYTES);
        self.bytes.extend(&piece[piece_start..]);
        let over = self.bytes.len().saturating_sub(MAX_BYTES);
        self.bytes.drain(..over);
        self.cut |= over > 0 || piece_start > 0;
    }

    /// Whether more came than is kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The text, beginning with a whole line where it was cut and is longer than one.
    pub(crate) fn into_text(self) -> String {
        let bytes = Vec::from(self.bytes);
        let first_line = bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
        let start = if self.cut && first_line < bytes.len() { first_line } else { 0 };
        let mut text = String::from_utf8_lossy(&bytes[start..]).into_owned();
        // A replacement character is longer than the byte it stands for.
        if text.len() > MAX_BYTES {
            let at = (text.len() - MAX_BYTES..text.len()).find(|at| text.is_char_boundary(*at));
            text.drain(..at.unwrap_or(text.len()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_it_begins_with_a_whole_line() {
        let mut tail = Tail::default();
        for count in 0..20_000 {
            tail.push(format!("line {count}\n").as_bytes());
        }
        let text = tail.into_text();
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 20, "{}", text.len());
        assert!(text.starts_with("line ") && text.ends_with("line 19999\n"));
    }

    #[test]
    fn bytes_that_are_no_text_stay_within_the_limit() {
        let mut tail = Tail::default();
        tail.push(&vec![0xff; 200_000]);
        let text = tail.into_text();
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 3);
    }

    #[test]
    fn a_short_log_is_whole() {
        let mut tail = Tail::default();
        tail.push(b"one\n");
        tail.push(b"two");
        assert_eq!(tail.into_text(), "one\ntwo");
    }
}
