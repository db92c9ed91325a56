//! Reading the engine's answers: bounded, and judged by their status.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lodeman_engine::EngineError;
use serde_json::Value;

/// The most that is read of an answer. A list of a thousand containers is about 3 MiB.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// The most that is read of a refusal.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
/// The most that is kept of a refusal's words, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) action: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads `response` to its end.
    pub(crate) async fn read(
        action: &'static str,
        response: Response<Incoming>,
    ) -> Result<Self, EngineError> {
        let status = response.status();
        let refused = status.as_u16() >= 400;
        let limit = if refused { MAX_REFUSAL_BYTES } else { MAX_BODY_BYTES };
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|source| EngineError::Unknown { action, source: Box::new(source) })?;
            let data: Bytes = frame.into_data().unwrap_or_default();
            let room = limit - body.len();
            if data.len() > room {
                if !refused {
                    let message = format!("it is longer than {limit} bytes");
                    return Err(EngineError::Malformed { action, message });
                }
                body.extend_from_slice(&data[..room]);
                break;
            }
            body.extend_from_slice(&data);
        }
        Ok(Self { action, status, body })
    }

    /// The answer, when the engine agreed. 304 says that nothing was left to do.
    pub(crate) fn agreed(self) -> Result<Self, EngineError> {
        if self.status.is_success() || self.status == StatusCode::NOT_MODIFIED {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// The answer to a removal: what is absent needs no removing.
    pub(crate) fn agreed_or_absent(self) -> Result<(), EngineError> {
        if self.says_absent() { Ok(()) } else { self.agreed().map(drop) }
    }

    /// The answer to an inspect of `what`.
    pub(crate) fn found(self, what: &str) -> Result<Self, EngineError> {
        if self.says_absent() { Err(EngineError::NotFound { what: what.to_owned() }) } else { self.agreed() }
    }

    /// Whether the engine itself says that a thing is not there. A 404 in other words than the
    /// engine's, such as a proxy's page, says nothing about what exists.
    fn says_absent(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && engine_message(&self.body).is_some()
    }

    /// The answer as JSON.
    pub(crate) fn json(self) -> Result<Value, EngineError> {
        serde_json::from_slice(&self.body).map_err(|error| self.malformed(format!("it is not JSON: {error}")))
    }

    pub(crate) fn malformed(&self, message: impl Into<String>) -> EngineError {
        EngineError::Malformed { action: self.action, message: message.into() }
    }

    /// The answer as an error.
    pub(crate) fn refusal(&self) -> EngineError {
        if self.status.as_u16() < 400 {
            return self.malformed(format!("unexpected status {}", self.status.as_u16()));
        }
        let words = engine_message(&self.body).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            // Proxies answer with pages, whose mark-up tells no one anything.
            let is_page = text.trim_start().starts_with('<');
            if is_page { String::new() } else { text }
        });
        let message = clean(&words);
        let reason = || self.status.canonical_reason().unwrap_or("no reason given").to_owned();
        EngineError::Refused {
            action: self.action,
            status: self.status.as_u16(),
            message: if message.is_empty() { reason() } else { message },
        }
    }
}

fn engine_message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("message")?.as_str().map(str::to_owned)
}

/// Text from outside in one line: control and direction characters become spaces, and what is too
/// long is cut.
pub(crate) fn clean(text: &str) -> String {
    let is_direction =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown: String =
        text.chars().map(|c| if c.is_control() || is_direction(c) { ' ' } else { c }).collect();
    let shown = shown.trim();
    match shown.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            action: "start a container",
            status: StatusCode::from_u16(status).unwrap(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_refusal_carries_the_engines_words_without_control_characters() {
        let refusal =
            answer(409, "{\"message\":\"name \\u001b[31mtaken\\r\\nby\\u202eit\"}").agreed().unwrap_err();
        assert_eq!(refusal.status(), Some(409));
        assert!(refusal.to_string().contains("name  [31mtaken  by it"), "{refusal}");
    }

    #[test]
    fn a_long_refusal_is_cut_between_characters() {
        assert_eq!(clean(&"ä".repeat(900)).chars().count(), 501);
    }

    #[test]
    fn a_proxys_page_is_shown_by_its_status_and_proves_no_absence() {
        let page = "<html><h1>404 Not Found</h1></html>";
        let error = answer(404, page).found("abc").unwrap_err();
        assert!(
            matches!(&error, EngineError::Refused { status: 404, message, .. } if message == "Not Found")
        );
        let absent = answer(404, r#"{"message":"No such container: abc"}"#).found("abc").unwrap_err();
        assert!(absent.is_not_found());
    }

    #[test]
    fn nothing_left_to_do_is_success_and_a_redirect_is_not() {
        assert!(answer(304, "").agreed().is_ok());
        assert!(matches!(answer(301, "").agreed(), Err(EngineError::Malformed { .. })));
    }
}
