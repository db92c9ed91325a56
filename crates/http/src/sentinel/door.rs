//! Who is let in: by bearer token or by session, with what a session needs besides.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, Method, StatusCode, header};
use lodeman_auth::{AuthError, AuthService, Credentials, Principal, SetupState, Use, Via};

use super::body::MAX_BODY;
use super::cookies::{self, Cookies};
use super::envelope::Failure;
use crate::surface::{Admitted, Caller, Doorkeeper, Gate, Peer};

/// The one path that takes a form: a page's button to sign out.
const SIGN_OUT: &str = "/logout";
/// The path whose requests do not keep a session alive.
const STREAM: &str = "/api/events";

/// What a request showed, to be looked at again while its answer goes on.
#[derive(Debug, Clone)]
pub(super) struct Shown(pub(super) Credentials);

/// The doorkeeper of this surface.
#[derive(Clone)]
pub struct Door {
    /// Who is who.
    pub auth: Arc<AuthService>,
    /// How cookies are read.
    pub cookies: Cookies,
}

#[async_trait]
impl Doorkeeper for Door {
    async fn admit(&self, gate: Gate, request: Request) -> Result<Admitted, Box<Response>> {
        if matches!(gate, Gate::Public(_)) {
            return Ok(Admitted { request, cookie: None });
        }
        let credentials = credentials(request.headers());
        let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer(None));
        let usage = if request.uri().path() == STREAM { Use::Background } else { Use::Active };
        let caller = match self.auth.authenticate(&credentials, peer.0, usage).await {
            Ok(caller) => caller,
            Err(error) => return Err(Box::new(self.stranger(error, &credentials).await)),
        };
        let refused = |message: &str| Err(Box::new(Failure::forbidden(message).into_response()));
        let mut request = request;
        let mut cookie = None;
        if let (Via::Session { .. }, Some(token)) = (&caller.via, &caller.csrf) {
            if changes(request.method()) {
                let (back, shown) = shown_csrf(request).await;
                request = back;
                let is_ours = is_same_origin(request.headers());
                if !is_ours || !shown.is_some_and(|shown| token.matches(&shown)) {
                    return refused("CSRF validation failed");
                }
            }
            if !cookies::has_csrf(request.headers(), token) {
                cookie = self.cookies.csrf(token);
            }
        }
        if let Gate::Permission(permission) = gate
            && !caller.may(permission)
        {
            return refused("insufficient permissions");
        }
        request.extensions_mut().insert(Shown(credentials));
        request.extensions_mut().insert(Caller(caller));
        Ok(Admitted { request, cookie })
    }
}

impl Door {
    /// The answer to somebody who is not known.
    async fn stranger(&self, error: AuthError, credentials: &Credentials) -> Response {
        let showed_nothing = credentials.bearer.is_none() && credentials.session.is_none();
        if showed_nothing && matches!(error, AuthError::Unauthenticated) {
            // Before there is anybody, everything leads to set-up.
            if let Ok(SetupState::Open { .. } | SetupState::Expired) = self.auth.setup_state().await {
                return Redirect::to("/setup").into_response();
            }
        }
        let stale = credentials.bearer.is_none() && credentials.session.is_some();
        let mut response = Failure::from(error).into_response();
        if stale && let Some(cookie) = self.cookies.end() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// Whether what was shown is still the same caller with the same rights.
    pub(super) async fn still_opens(&self, shown: &Shown, peer: Peer, caller: &Principal) -> bool {
        let again = self.auth.authenticate(&shown.0, peer.0, Use::Background).await;
        again.is_ok_and(|again| again.user.id == caller.user.id && again.permissions == caller.permissions)
    }
}

/// What a request shows. The scheme's word is `Bearer`, spelt so, and one space follows.
pub(super) fn credentials(headers: &HeaderMap) -> Credentials {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().into());
    Credentials { bearer, session: cookies::session(headers) }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What came along as the session's second token: in the header, else in the query, else in the form of
/// the page's button.
async fn shown_csrf(request: Request) -> (Request, Option<String>) {
    if let Some(shown) = request.headers().get("x-csrf-token") {
        let shown = shown.to_str().ok().map(str::to_owned);
        return (request, shown);
    }
    let named = |text: &str| {
        let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "csrf_token").map(|(_, value)| value.to_owned())
    };
    if let Some(shown) = request.uri().query().and_then(named) {
        return (request, Some(shown));
    }
    if request.uri().path() != SIGN_OUT {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let shown = std::str::from_utf8(&bytes).ok().and_then(named);
    (Request::from_parts(parts, HttpBody::from(bytes)), shown)
}

/// Whether the browser says that a page of ours sent it, where it says anything.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = text("origin") else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == text("host")
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let status = match &error {
            AuthError::Unauthenticated | AuthError::BadToken | AuthError::BadCredentials => {
                StatusCode::UNAUTHORIZED
            }
            AuthError::Locked { .. }
            | AuthError::Forbidden
            | AuthError::SetupExpired
            | AuthError::SetupCodeRequired => StatusCode::FORBIDDEN,
            AuthError::TooManyFailures { .. } | AuthError::TooManyRequests { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            AuthError::Busy { .. } | AuthError::StoreBusy(_) => StatusCode::SERVICE_UNAVAILABLE,
            AuthError::SignInFieldsRequired
            | AuthError::FieldsRequired
            | AuthError::Password(_)
            | AuthError::Invalid(_)
            | AuthError::InvalidRole
            | AuthError::TokenNameRequired
            | AuthError::OwnAccount => StatusCode::BAD_REQUEST,
            AuthError::NoSuchUser | AuthError::NoSuchToken => StatusCode::NOT_FOUND,
            AuthError::SetupComplete | AuthError::NameTaken | AuthError::LastAdmin | AuthError::Disabled => {
                StatusCode::CONFLICT
            }
            AuthError::Hashing(_) | AuthError::Entropy | AuthError::Store(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        if status.is_server_error() {
            tracing::warn!(error = &error as &dyn std::error::Error, "identity");
        }
        let after = error.retry_after().map(|after| after.as_secs().saturating_add(1));
        Self::new(status, error.to_string()).retry_after(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_pages_of_this_origin_may_change_something() {
        assert!(is_same_origin(&headers(&[])));
        assert!(is_same_origin(&headers(&[
            ("origin", "http://lodeman.test:8080"),
            ("host", "lodeman.test:8080")
        ])));
        for wrong in [
            &[("origin", "http://evil.test"), ("host", "lodeman.test")][..],
            &[("origin", "null"), ("host", "lodeman.test")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_same_origin(&headers(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_bearer_is_spelt_so() {
        let bearer = |value| credentials(&headers(&[("authorization", value)])).bearer;
        assert!(bearer("Bearer stk_x").is_some());
        assert!(bearer("bearer stk_x").is_none());
        assert!(bearer("Basic eA==").is_none());
    }
}
