//! Bytes as the targets take them: text, in lines.

use std::borrow::Cow;

/// An input as text; what is none is replaced.
pub(crate) fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// The first lines of a text, empty where there are fewer, and what follows them.
#[must_use]
pub fn parts<const N: usize>(text: &str) -> ([&str; N], &str) {
    let mut rest = text;
    let first = std::array::from_fn(|_| {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        line
    });
    (first, rest)
}

/// The instant that a line names in seconds since 1970, between 1970 and 2100; every text names one.
pub(crate) fn instant(line: &str) -> jiff::Timestamp {
    const END: i64 = 4_102_444_800;
    let second = line.trim().parse::<i64>().unwrap_or(1_700_000_000).rem_euclid(END);
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// An input that is a little different, the same for the same `turn`: a stand-in for a fuzzer where there
/// is none.
#[must_use]
pub fn changed(input: &[u8], other: &[u8], turn: u64) -> Vec<u8> {
    let mut state = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (input.len() as u64) ^ 0x5bd1_e995;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (limit.max(1) as u64)).unwrap_or(0)
    };
    let mut bytes = input.to_vec();
    for _ in 0..=below(3) {
        let at = below(bytes.len() + 1);
        match below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = b"\0\n .:-/=\"{}[]09azA\xff"[below(19)],
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.insert(at, b"\0\n .:-/=\"{}[]09azA\xff"[below(19)]),
            4 => {
                let piece = bytes[at..bytes.len().min(at + below(20))].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = below(other.len() + 1);
                let piece = other[from..other.len().min(from + below(40))].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_one_by_one_and_missing_ones_are_empty() {
        assert_eq!(parts::<2>("a\nb\nc\nd"), (["a", "b"], "c\nd"));
        assert_eq!(parts::<3>("a"), (["a", "", ""], ""));
    }

    #[test]
    fn a_change_is_the_same_each_time_and_another_each_turn() {
        let change = |turn| changed(b"some input", b"another", turn);
        assert_eq!(change(1), change(1));
        assert!((0..20).map(change).collect::<std::collections::BTreeSet<_>>().len() > 10);
    }
}
