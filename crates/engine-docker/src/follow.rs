//! A log that is followed: lines out of the engine's frames, within bounds.
//!
//! Not bollard's decoder: that one waits for a whole line however long it gets, and takes a terminal's
//! output for frames where it begins with a small byte.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use lodeman_domain::container::ContainerId;
use lodeman_engine::{EngineError, LogStream};
use tokio::time::timeout;

use crate::engine::DockerEngine;
use crate::path;
use crate::transport::{Lane, no_answer};

const ACTION: &str = "follow a container's log";

/// The longest line, in bytes; a longer one comes in pieces.
const MAX_LINE: usize = 256 * 1024;

impl DockerEngine {
    pub(crate) async fn follow_log_of(
        &self,
        id: &ContainerId,
        lines: usize,
    ) -> Result<LogStream, EngineError> {
        let container = self.get_container(id).await?;
        let is_terminal = container.value(&["Config", "Tty"]).and_then(serde_json::Value::as_bool);
        let tail = lines.to_string();
        let query = path::query(&[("follow", "1"), ("stdout", "1"), ("stderr", "1"), ("tail", &tail)]);
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = format!("/containers/{id}/logs{query}")
            .parse()
            .map_err(|error: http::uri::InvalidUri| EngineError::Unreachable(error.into()))?;
        let within = self.transport.deadlines.quick;
        let transport = Arc::clone(&self.transport);
        let asked = async move { transport.stream(ACTION, Lane::Logs, within, request).await };
        let answer = timeout(within, asked).await.unwrap_or_else(|_| Err(no_answer(ACTION, within)))?;
        Ok(read(answer.into_body(), Lines::new(is_terminal.unwrap_or(false))))
    }
}

/// Lines out of an answer's body, one piece of it at a time.
fn read(body: Incoming, lines: Lines) -> LogStream {
    let state = (Some(body), lines);
    stream::unfold(state, |(mut body, mut lines)| async move {
        loop {
            if let Some(line) = lines.ready.pop_front() {
                return Some((Ok(line), (body, lines)));
            }
            let read = match &mut body {
                Some(open) => open.frame().await,
                None => return None,
            };
            let failed = match read {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    lines.push(&data).err().map(|message| EngineError::Malformed { action: ACTION, message })
                }
                Some(Err(error)) => Some(EngineError::Unknown { action: ACTION, source: error.into() }),
                None => {
                    lines.end();
                    body = None;
                    None
                }
            };
            if let Some(error) = failed {
                lines.ready.clear();
                return Some((Err(error), (None, lines)));
            }
        }
    })
    .boxed()
}

/// Cuts what comes into lines: for a terminal as it is, else frame by frame, with each of the two streams'
/// unfinished line kept apart.
#[derive(Debug)]
struct Lines {
    is_terminal: bool,
    ready: VecDeque<String>,
    header: Vec<u8>,
    /// Which stream the frame is of, and how much of it is to come.
    frame: (usize, usize),
    unfinished: [Vec<u8>; 2],
}

impl Lines {
    fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            ready: VecDeque::new(),
            header: Vec::with_capacity(8),
            frame: (0, 0),
            unfinished: [Vec::new(), Vec::new()],
        }
    }

    fn push(&mut self, mut data: &[u8]) -> Result<(), String> {
        if self.is_terminal {
            self.cut(0, data);
            return Ok(());
        }
        while !data.is_empty() {
            let (stream, left) = self.frame;
            if left > 0 {
                let (payload, rest) = data.split_at(left.min(data.len()));
                self.cut(stream, payload);
                self.frame.1 -= payload.len();
                data = rest;
                continue;
            }
            let (more, rest) = data.split_at((8 - self.header.len()).min(data.len()));
            self.header.extend_from_slice(more);
            data = rest;
            if let Ok([stream @ 0..=2, 0, 0, 0, a, b, c, d]) = <[u8; 8]>::try_from(self.header.as_slice()) {
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                self.frame = (usize::from(stream == 2), length);
                self.header.clear();
            } else if self.header.len() == 8 {
                return Err("a frame of its log has no header".to_owned());
            }
        }
        Ok(())
    }

    fn cut(&mut self, stream: usize, mut data: &[u8]) {
        let unfinished = &mut self.unfinished[stream];
        while !data.is_empty() {
            let end = data.iter().position(|b| *b == b'\n');
            let room = MAX_LINE - unfinished.len();
            let taken = end.unwrap_or(data.len()).min(room);
            unfinished.extend_from_slice(&data[..taken]);
            let ended = end == Some(taken);
            data = &data[taken + usize::from(ended)..];
            if ended || unfinished.len() >= MAX_LINE {
                self.ready.push_back(text(&std::mem::take(unfinished)));
            }
        }
    }

    /// What was written without an end of line is a line all the same.
    fn end(&mut self) {
        for unfinished in &mut self.unfinished {
            if !unfinished.is_empty() {
                self.ready.push_back(text(&std::mem::take(unfinished)));
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0][..], &length, payload].concat()
    }

    fn told(is_terminal: bool, bytes: &[u8], at_once: usize) -> Vec<String> {
        let mut lines = Lines::new(is_terminal);
        for piece in bytes.chunks(at_once) {
            lines.push(piece).unwrap();
        }
        lines.end();
        lines.ready.into()
    }

    #[test]
    fn lines_are_whole_however_their_bytes_arrive() {
        let bytes = [
            frame(1, b"one\ntw"),
            frame(2, b"error\r\n"),
            frame(1, b"o\n\n"),
            frame(1, b""),
            frame(2, b"open"),
        ];
        for at_once in [1, 3, 7, 1000] {
            let told = told(false, &bytes.concat(), at_once);
            assert_eq!(told, ["one", "error", "two", "", "open"], "{at_once}");
        }
    }

    #[test]
    fn a_terminal_has_no_frames_whatever_its_first_byte() {
        assert_eq!(told(true, b"\x01one\r\n\x02two", 2), ["\u{1}one", "\u{2}two"]);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces_and_a_large_frame_is_read_whole() {
        let long = vec![b'x'; 3 * MAX_LINE + 5];
        for bytes in [frame(1, &long), [frame(1, &long[..70_000]), frame(1, &long[70_000..])].concat()] {
            let told = told(false, &bytes, 5_000);
            let lengths: Vec<usize> = told.iter().map(String::len).collect();
            assert_eq!(lengths, [MAX_LINE, MAX_LINE, MAX_LINE, 5]);
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        assert!(Lines::new(false).push(b"plain text\n").is_err());
        assert!(Lines::new(false).push(&[3, 0, 0, 0, 0, 0, 0, 1, b'x']).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_lines_or_an_error(bytes: Vec<u8>, is_terminal: bool) {
            let mut lines = Lines::new(is_terminal);
            let _ = lines.push(&bytes);
            lines.end();
            proptest::prop_assert!(lines.ready.iter().all(|line| !line.contains('\n')));
        }
    }
}
