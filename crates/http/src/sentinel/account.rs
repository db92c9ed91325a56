//! Signing in and out, the first administrator, and who one is.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, header};
use lodeman_auth::{AuthError, SetUp, SetupState, SignIn, SignedIn, coarse_permissions};
use lodeman_domain::setting::find_setting;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::{says_json, value_of};
use super::door::credentials;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;
use super::span;
use crate::surface::{Caller, Peer};

/// Who signs in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelSignIn, example = json!({ "username": "admin", "password": "correct horse 1" }))]
pub struct SignInRequest {
    /// The account's name.
    username: String,
    /// Its password.
    password: String,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelRedirect, example = json!({ "redirect": "/" }))]
pub struct GoOn {
    /// The path.
    redirect: &'static str,
}

fn user_agent(headers: &HeaderMap) -> String {
    let shown = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    shown.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The answer to somebody who was let in.
fn let_in(sentinel: &Sentinel, signed_in: &SignedIn, as_json: bool) -> Response {
    let mut response = if as_json {
        Reply(GoOn { redirect: "/" }).into_response()
    } else {
        Redirect::to("/").into_response()
    };
    if let Some(cookie) = sentinel.door.cookies.begin(signed_in) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A form, as the browser's own sends it.
fn form<T: serde::de::DeserializeOwned + Default>(bytes: &Bytes) -> T {
    serde_urlencoded::from_bytes(bytes).unwrap_or_default()
}

/// Signs in with a password; the answer sets the session's cookie.
#[utoipa::path(
    post, path = "/login", tag = "Authentication",
    request_body(content((SignInRequest = "application/json"),
                         (SignInRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "Signed in", body = GoOn,
               headers(("Set-Cookie" = String, description = "The session"))),
              (status = 303, description = "The answer to a form"),
              (status = 400, description = "No JSON, or something is missing", body = ErrorBody),
              (status = 401, description = "Unknown user or wrong password", body = ErrorBody),
              (status = 403, description = "The account is locked for a while", body = ErrorBody),
              (status = 429, description = "Too many requests or failures", body = ErrorBody),
              (status = 503, description = "Too many sign-ins at once", body = ErrorBody))
)]
pub async fn sign_in(
    State(sentinel): State<Sentinel>,
    peer: Peer,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    sentinel.door.auth.knock(peer.0)?;
    let as_json = says_json(&headers);
    let asked: SignInRequest = if as_json {
        value_of(&bytes).ok_or_else(|| Failure::bad_request("invalid request body"))?
    } else {
        form(&bytes)
    };
    let asked = SignIn {
        peer: peer.0,
        user_agent: user_agent(&headers),
        username: asked.username,
        password: asked.password.into(),
    };
    match sentinel.door.auth.sign_in(asked).await {
        Ok(signed_in) => Ok(let_in(&sentinel, &signed_in, as_json)),
        Err(error) if as_json => Err(error.into()),
        Err(error) => {
            let why = serde_urlencoded::to_string([("error", error.to_string())]).unwrap_or_default();
            Ok(Redirect::to(&format!("/login?{why}")).into_response())
        }
    }
}

/// Signs out: the session ends and its cookie goes.
#[utoipa::path(
    post, path = "/logout", tag = "Authentication",
    responses((status = 303, description = "To the page to sign in"),
              (status = 403, description = "The second token of the session is missing", body = ErrorBody))
)]
pub async fn sign_out(State(sentinel): State<Sentinel>, headers: HeaderMap) -> Result<Response, Failure> {
    let mut response = Redirect::to("/login").into_response();
    if let Some(session) = credentials(&headers).session {
        sentinel.door.auth.sign_out(&session).await?;
    }
    if let Some(cookie) = sentinel.door.cookies.end() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The first administrator.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelSetup, example = json!({
    "role": "server", "username": "admin", "password": "correct horse 1", "default_policy": "manual",
    "poll_interval": "6h"
}))]
pub struct SetupRequest {
    /// `server`; only for `/api/setup`.
    role: String,
    /// The administrator's name.
    username: String,
    /// The administrator's password.
    password: String,
    /// The code from the server's log; not needed from the server's own machine.
    setup_code: String,
    /// `auto`, `manual` or `pinned`; empty: as it is.
    default_policy: String,
    /// How often to scan; empty: as it is.
    poll_interval: String,
}

impl SetupRequest {
    /// The settings that go with it.
    fn settings(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut settings = Vec::new();
        if !self.default_policy.is_empty() {
            if !["auto", "manual", "pinned"].contains(&self.default_policy.as_str()) {
                return Err(Failure::bad_request("policy must be auto, manual, or pinned"));
            }
            settings.push(("default_policy".to_owned(), self.default_policy.clone()));
        }
        if !self.poll_interval.is_empty() {
            let interval = super::settings::poll_interval(&self.poll_interval)?;
            settings.push(("poll_interval".to_owned(), span::format(interval)));
        }
        debug_assert!(settings.iter().all(|(key, _)| find_setting(key).is_some()));
        Ok(settings)
    }
}

async fn set_up(
    sentinel: &Sentinel,
    peer: Peer,
    headers: &HeaderMap,
    asked: SetupRequest,
) -> Result<SignedIn, Failure> {
    let settings = asked.settings()?;
    let code = Some(asked.setup_code).filter(|code| !code.is_empty()).map(SecretString::from);
    let asked = SetUp {
        peer: peer.0,
        user_agent: user_agent(headers),
        username: asked.username,
        password: asked.password.into(),
        setup_code: code,
        settings,
    };
    let signed_in = sentinel.door.auth.set_up(asked).await?;
    sentinel.app.reload_settings().await;
    Ok(signed_in)
}

/// Makes the first administrator; only while there is nobody, and for some minutes after the start.
#[utoipa::path(
    post, path = "/setup", tag = "Authentication",
    request_body(content((SetupRequest = "application/json"),
                         (SetupRequest = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "Made, and signed in", body = GoOn),
              (status = 303, description = "The same, where the answer is not wanted as JSON"),
              (status = 400, description = "Something is missing or not allowed", body = ErrorBody),
              (status = 403, description = "Too late, or the set-up code is missing", body = ErrorBody),
              (status = 409, description = "There is somebody already", body = ErrorBody),
              (status = 429, description = "Too many requests", body = ErrorBody))
)]
pub async fn set_up_form(
    State(sentinel): State<Sentinel>,
    peer: Peer,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    sentinel.door.auth.knock(peer.0)?;
    sentinel.door.auth.check_setup().await?;
    let asked: SetupRequest =
        if says_json(&headers) { value_of(&bytes).unwrap_or_default() } else { form(&bytes) };
    let signed_in = set_up(&sentinel, peer, &headers, asked).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(let_in(&sentinel, &signed_in, accepts.contains("application/json")))
}

/// Makes the first administrator; only while there is nobody, and for some minutes after the start.
#[utoipa::path(
    post, path = "/api/setup", tag = "Authentication",
    request_body = SetupRequest,
    responses((status = 200, description = "Made, and signed in", body = GoOn),
              (status = 400, description = "Something is missing or not allowed", body = ErrorBody),
              (status = 403, description = "Too late, or the set-up code is missing", body = ErrorBody),
              (status = 409, description = "There is somebody already", body = ErrorBody),
              (status = 429, description = "Too many requests", body = ErrorBody),
              (status = 501, description = "This server has no agents yet", body = ErrorBody))
)]
pub async fn set_up_json(
    State(sentinel): State<Sentinel>,
    peer: Peer,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    sentinel.door.auth.knock(peer.0)?;
    match sentinel.door.auth.setup_state().await? {
        SetupState::Complete => return Err(AuthError::SetupComplete.into()),
        SetupState::Expired => return Err(AuthError::SetupExpired.into()),
        SetupState::Open { .. } => {}
    }
    let asked: SetupRequest = value_of(&bytes).ok_or_else(|| Failure::bad_request("invalid request body"))?;
    match asked.role.as_str() {
        "server" => {}
        "agent" => return Err(Failure::not_implemented("agents are not available")),
        _ => return Err(Failure::bad_request("role must be 'server' or 'agent'")),
    }
    let signed_in = set_up(&sentinel, peer, &headers, asked).await?;
    Ok(let_in(&sentinel, &signed_in, true))
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelMe, example = json!({
    "auth_enabled": true, "id": "0194c0de", "permissions": ["containers.view"], "role_id": "viewer",
    "username": "ann"
}))]
pub struct Me {
    /// Whether anybody has to sign in.
    auth_enabled: bool,
    /// The account; `system` where nobody has to sign in.
    id: String,
    /// What the caller may do, in the names that clients of this surface know.
    permissions: Vec<&'static str>,
    /// The role; empty where nobody has to sign in.
    role_id: String,
    /// The account's name.
    username: String,
}

/// Tells who the caller is and what it may do.
#[utoipa::path(
    get, path = "/api/auth/me", tag = "Authentication",
    responses((status = 200, description = "The caller", body = Me))
)]
pub async fn get_me(State(sentinel): State<Sentinel>, Caller(caller): Caller) -> Reply<Me> {
    Reply(Me {
        auth_enabled: sentinel.door.auth.is_enabled(),
        id: caller.user.id.to_string(),
        permissions: coarse_permissions(&caller),
        username: caller.user.name,
        role_id: caller.role,
    })
}
