//! The cookies of this surface.

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use lodeman_auth::{CsrfToken, SignedIn};
use secrecy::{ExposeSecret as _, SecretString};

/// The session, for the server alone.
const SESSION: &str = "sentinel_session";
/// The same where cookies only travel over TLS.
const SESSION_SECURE: &str = "__Host-sentinel_session";
/// What a page sends back along with what changes something.
const CSRF: &str = "sentinel_csrf";

/// How cookies are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cookies {
    /// Whether they only travel over TLS.
    pub secure: bool,
}

impl Cookies {
    /// The cookie of a session that begins.
    pub(super) fn begin(self, signed_in: &SignedIn) -> Option<HeaderValue> {
        let name = if self.secure { SESSION_SECURE } else { SESSION };
        let token = signed_in.token.expose_secret();
        let expires = http_date(signed_in.expires_at)?;
        self.cookie(&format!("{name}={token}; Path=/; Expires={expires}; HttpOnly"))
    }

    /// The cookie that takes the session's away.
    pub(super) fn end(self) -> Option<HeaderValue> {
        let name = if self.secure { SESSION_SECURE } else { SESSION };
        self.cookie(&format!("{name}=; Path=/; Max-Age=0; HttpOnly"))
    }

    /// The cookie that a page reads.
    pub(super) fn csrf(self, token: &CsrfToken) -> Option<HeaderValue> {
        self.cookie(&format!("{CSRF}={}; Path=/", token.expose()))
    }

    fn cookie(self, text: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let mut value = HeaderValue::from_str(&format!("{text}{secure}; SameSite=Lax")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The session that a request shows.
pub(super) fn session(headers: &HeaderMap) -> Option<SecretString> {
    let shown = find(headers, SESSION_SECURE).or_else(|| find(headers, SESSION))?;
    (!shown.is_empty()).then(|| SecretString::from(shown))
}

/// Whether the request has the cookie that goes with its session.
pub(super) fn has_csrf(headers: &HeaderMap, token: &CsrfToken) -> bool {
    find(headers, CSRF).is_some_and(|shown| token.matches(shown))
}

/// The value of a cookie of the request.
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(shown, _)| *shown == name).map(|(_, value)| value)
}

/// An instant as HTTP writes it (RFC 9110, section 5.6.7).
fn http_date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; sentinel_session=abc; b=2"));
        let shown = session(&headers).unwrap();
        assert_eq!(shown.expose_secret(), "abc");
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-sentinel_session=def"));
        let shown = session(&headers).unwrap();
        assert_eq!(shown.expose_secret(), "def");
        assert!(session(&HeaderMap::new()).is_none());
    }

    #[test]
    fn dates_are_written_as_http_writes_them() {
        let at: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        assert_eq!(http_date(at).unwrap(), "Tue, 03 Feb 2026 04:05:06 GMT");
    }
}
