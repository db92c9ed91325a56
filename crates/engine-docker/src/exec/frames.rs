//! The two streams of a command, as the engine interleaves them: a head of eight bytes (which stream, three
//! zeros, a length) before each piece.

const HEAD: usize = 8;

/// Takes frames apart, in whatever pieces they come.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    /// Bytes left of the present piece, and whether it is of the error stream.
    present: Option<(usize, bool)>,
    /// It was no frame, so everything is taken as it comes.
    plain: bool,
}

impl Frames {
    /// Gives `data` on, piece by piece: whether it is of the error stream, and the bytes.
    pub(super) fn push(&mut self, mut data: &[u8], take: &mut dyn FnMut(bool, &[u8])) {
        while !data.is_empty() {
            if self.plain {
                take(false, data);
                return;
            }
            if let Some((left, is_error)) = self.present {
                let (piece, rest) = data.split_at(left.min(data.len()));
                take(is_error, piece);
                self.present = (left > piece.len()).then_some((left - piece.len(), is_error));
                data = rest;
                continue;
            }
            let (part, rest) = data.split_at((HEAD - self.head.len()).min(data.len()));
            self.head.extend_from_slice(part);
            data = rest;
            self.read_head(take);
        }
    }

    fn read_head(&mut self, take: &mut dyn FnMut(bool, &[u8])) {
        let begins_like_one = self
            .head
            .iter()
            .enumerate()
            .take(4)
            .all(|(at, byte)| if at == 0 { *byte <= 3 } else { *byte == 0 });
        if !begins_like_one {
            self.plain = true;
            take(false, &std::mem::take(&mut self.head));
            return;
        }
        if let [stream, _, _, _, a, b, c, d] = self.head[..] {
            self.head.clear();
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            self.present = (length > 0).then_some((length, stream >= 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
        let (mut frames, mut standard, mut error) = (Frames::default(), Vec::new(), Vec::new());
        for piece in pieces {
            frames.push(piece, &mut |is_error, data| {
                if is_error { &mut error } else { &mut standard }.extend_from_slice(data);
            });
        }
        (standard, error)
    }

    const BOTH: &[u8] =
        b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01!";

    #[test]
    fn streams_are_told_apart_wherever_they_are_cut() {
        for at in 0..BOTH.len() {
            let (standard, error) = read(&[&BOTH[..at], &BOTH[at..]]);
            assert_eq!((standard.as_slice(), error.as_slice()), (&b"out!"[..], &b"err"[..]), "{at}");
        }
        let bytes: Vec<&[u8]> = BOTH.chunks(1).collect();
        assert_eq!(read(&bytes).0, b"out!");
    }

    #[test]
    fn what_is_not_framed_is_taken_as_it_comes() {
        assert_eq!(read(&[b"plain text", b" and more"]).0, b"plain text and more");
        assert_eq!(read(&[b"\x01", b"x", b"y"]).0, b"\x01xy");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(pieces in proptest::collection::vec(proptest::collection::vec(0_u8..5, 0..20), 0..9)) {
            let all: usize = pieces.iter().map(Vec::len).sum();
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (standard, error) = read(&pieces);
            proptest::prop_assert!(standard.len() + error.len() <= all);
        }
    }
}
