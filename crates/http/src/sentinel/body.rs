//! Request bodies, read as leniently as existing clients need.
//!
//! For callers with a bearer token the content type is not looked at, keys match whatever their case,
//! unknown keys and whatever follows the first value are ignored, `null` is as good as a missing key.
//! A caller with a cookie is a browser, and another site can make it send a form: it has to send JSON,
//! and say so.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use lodeman_auth::Via;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::envelope::Failure;
use crate::surface::Caller;

/// The largest body that is read, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// How deep objects and lists may lie in each other.
const MAX_DEPTH: usize = 64;

/// A body that was read. What cannot be read is the endpoint's to tell, in its own words.
#[derive(Debug)]
pub struct Body {
    value: Option<Value>,
    /// Whether there was nothing at all.
    empty: bool,
}

impl Body {
    /// The value, or the endpoint's message for what cannot be read.
    ///
    /// # Errors
    /// 400 with `message`.
    pub fn parse<T: DeserializeOwned>(self, message: &str) -> Result<T, Failure> {
        self.parse_or(|| Failure::bad_request(message))
    }

    /// The value, or what `otherwise` makes of a body that cannot be read.
    ///
    /// # Errors
    /// What `otherwise` says.
    pub fn parse_or<T: DeserializeOwned>(self, otherwise: impl FnOnce() -> Failure) -> Result<T, Failure> {
        self.value.and_then(|value| serde_json::from_value(value).ok()).ok_or_else(otherwise)
    }

    /// The value, its default where there is no body, or the endpoint's message for what cannot be read.
    ///
    /// # Errors
    /// 400 with `message`.
    pub fn optional<T: DeserializeOwned + Default>(self, message: &str) -> Result<T, Failure> {
        if self.empty { Ok(T::default()) } else { self.parse(message) }
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let caller = request.extensions().get::<Caller>();
        let by_cookie = caller.is_some_and(|Caller(caller)| matches!(caller.via, Via::Session { .. }));
        let is_json = says_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.status();
            let message = match status {
                StatusCode::PAYLOAD_TOO_LARGE => format!("the body has more than {MAX_BODY} bytes"),
                _ => "the body cannot be read".to_owned(),
            };
            Failure::new(status, message)
        })?;
        let empty = bytes.iter().all(u8::is_ascii_whitespace);
        if by_cookie && !is_json && !empty {
            let message = "Content-Type must be application/json";
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        Ok(Self { value: first_value(&bytes), empty })
    }
}

/// Whether the content type is JSON, whatever its parameters.
pub(super) fn says_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A body's value, read as leniently as every body here.
pub(super) fn value_of<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_value(first_value(bytes)?).ok()
}

/// The first JSON value, with keys in lower case and without what is null.
fn first_value(bytes: &[u8]) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    match values.next()?.ok()? {
        // A list is not an object whose fields have no names.
        Value::Array(_) => None,
        value => plain(value, 0),
    }
}

fn plain(value: Value, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match value {
        Value::Object(map) => {
            let mut lower = Map::new();
            for (key, value) in map {
                if !value.is_null() {
                    lower.insert(key.to_lowercase(), plain(value, depth + 1)?);
                }
            }
            Value::Object(lower)
        }
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|value| plain(value, depth + 1)).collect::<Option<_>>()?)
        }
        // The zero value of whatever it is asked for as.
        Value::Null if depth == 0 => Value::Object(Map::new()),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
    #[serde(default)]
    struct Setting {
        interval: String,
        count: u32,
        enabled: bool,
    }

    fn read(text: &str) -> Option<Setting> {
        Body { value: first_value(text.as_bytes()), empty: false }.parse("invalid JSON body").ok()
    }

    #[test]
    fn what_existing_clients_send_is_understood() {
        let six_hours = || Setting { interval: "6h".to_owned(), ..Setting::default() };
        assert_eq!(read(r#"{"interval":"6h"}"#), Some(six_hours()));
        assert_eq!(read(r#"{"INTERVAL":"6h","more":[1]}"#), Some(six_hours()));
        assert_eq!(read(r#"{"interval":"6h","count":null} trailing"#), Some(six_hours()));
        assert_eq!(read("{}"), Some(Setting::default()));
        assert_eq!(read("null"), Some(Setting::default()));
    }

    #[test]
    fn what_is_no_json_or_of_another_type_is_refused() {
        for wrong in
            ["", "  ", "[]", "interval=6h", r#"{"interval":6}"#, r#"{"count":4.0}"#, r#"{"enabled":"true"}"#]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let deep = format!(r#"{{"more":{}{}}}"#, "[".repeat(100), "]".repeat(100));
        assert_eq!(read(&deep), None);
    }
}
