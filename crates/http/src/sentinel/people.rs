//! Accounts, and the tokens of the caller's own.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use lodeman_auth::{NewToken, NewUser, TokenView, UserView};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;
use crate::surface::Caller;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelUser, example = json!({
    "id": "0194c0de", "username": "ann", "role_id": "viewer", "created_at": "2026-02-03T04:05:06Z",
    "locked": false
}))]
pub struct User {
    /// Its id.
    id: String,
    /// Its name.
    username: String,
    /// Its role.
    role_id: String,
    /// When it was made.
    created_at: Timestamp,
    /// Whether it is locked just now.
    locked: bool,
}

impl From<UserView> for User {
    fn from(view: UserView) -> Self {
        Self {
            id: view.id.to_string(),
            username: view.username,
            role_id: view.role_id,
            created_at: view.created_at,
            locked: view.locked,
        }
    }
}

/// Lists the accounts.
#[utoipa::path(
    get, path = "/api/auth/users", tag = "Users",
    responses((status = 200, description = "The accounts, by name", body = [User]),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_users(State(sentinel): State<Sentinel>) -> Result<Reply<Vec<User>>, Failure> {
    let users = sentinel.door.auth.list_users().await?;
    Ok(Reply(users.into_iter().map(User::from).collect()))
}

/// A new account.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelNewUser, example = json!({
    "username": "ann", "password": "correct horse 1", "role_id": "viewer"
}))]
pub struct UserRequest {
    /// Its name.
    username: String,
    /// Its password.
    password: String,
    /// `admin`, `operator` or `viewer`.
    role_id: String,
}

/// An account that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelUserMade, example = json!({ "id": "0194c0de", "username": "ann" }))]
pub struct UserMade {
    /// Its id.
    id: String,
    /// Its name.
    username: String,
}

/// Makes an account.
#[utoipa::path(
    post, path = "/api/auth/users", tag = "Users",
    request_body = UserRequest,
    responses((status = 201, description = "It is made", body = UserMade),
              (status = 400, description = "Something is missing or not allowed", body = ErrorBody),
              (status = 409, description = "The name is taken", body = ErrorBody))
)]
pub async fn create_user(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let asked: UserRequest = body.parse("invalid request body")?;
    let asked = NewUser {
        username: asked.username,
        password: SecretString::from(asked.password),
        role_id: asked.role_id,
    };
    let made = sentinel.door.auth.create_user(&caller, asked).await?;
    let answer = Reply(UserMade { id: made.id.to_string(), username: made.username });
    Ok((StatusCode::CREATED, answer).into_response())
}

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelOk, example = json!({ "status": "ok" }))]
pub struct Done {
    /// `ok`.
    status: &'static str,
}

/// Deletes an account with its sessions and tokens.
#[utoipa::path(
    delete, path = "/api/auth/users/{id}", tag = "Users",
    params(("id" = String, Path, description = "The account's id",
            example = "019a9f6e-3c1b-7c3a-9d0e-5b6f1a2c3d4e")),
    responses((status = 200, description = "It is gone", body = Done),
              (status = 400, description = "It is the caller's own", body = ErrorBody),
              (status = 404, description = "There is none", body = ErrorBody),
              (status = 409, description = "It is the last administrator", body = ErrorBody))
)]
pub async fn delete_user(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Reply<Done>, Failure> {
    sentinel.door.auth.delete_user(&caller, &id).await?;
    Ok(Reply(Done { status: "ok" }))
}

/// A token of the caller's, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelToken, example = json!({
    "id": "00ff00ff00ff00ff", "name": "deploy job", "created_at": "2026-02-03T04:05:06Z", "expires_at": null,
    "last_used_at": null
}))]
pub struct Token {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// When it was last used.
    last_used_at: Option<Timestamp>,
}

impl From<TokenView> for Token {
    fn from(view: TokenView) -> Self {
        Self {
            id: view.id,
            name: view.name,
            created_at: view.created_at,
            expires_at: view.expires_at,
            last_used_at: view.last_used_at,
        }
    }
}

/// Lists the caller's tokens.
#[utoipa::path(
    get, path = "/api/auth/tokens", tag = "Authentication",
    responses((status = 200, description = "The tokens", body = [Token]),
              (status = 409, description = "Nobody has an account: authentication is off", body = ErrorBody))
)]
pub async fn list_tokens(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
) -> Result<Reply<Vec<Token>>, Failure> {
    let tokens = sentinel.door.auth.list_tokens(&caller).await?;
    Ok(Reply(tokens.into_iter().map(Token::from).collect()))
}

/// A new token.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelNewToken, example = json!({ "name": "deploy job" }))]
pub struct TokenRequest {
    /// What its owner calls it.
    name: String,
}

/// A token that was made; its secret is told this once.
#[derive(Serialize, ToSchema)]
#[schema(as = SentinelTokenMade, example = json!({
    "id": "00ff00ff00ff00ff", "name": "deploy job", "token": "stk_…"
}))]
pub struct TokenMade {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// The token.
    token: String,
}

/// Makes a token of the caller's.
#[utoipa::path(
    post, path = "/api/auth/tokens", tag = "Authentication",
    request_body = TokenRequest,
    responses((status = 201, description = "It is made", body = TokenMade),
              (status = 400, description = "It has no name", body = ErrorBody),
              (status = 409, description = "Nobody has an account: authentication is off", body = ErrorBody))
)]
pub async fn create_token(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let asked: TokenRequest = body.parse("token name required")?;
    let asked = NewToken { name: asked.name, ..NewToken::default() };
    let made = sentinel.door.auth.create_token(&caller, asked).await?;
    let token = made.token.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Reply(TokenMade { id: made.id, name: made.name, token })).into_response())
}

/// Deletes a token of the caller's.
#[utoipa::path(
    delete, path = "/api/auth/tokens/{id}", tag = "Authentication",
    params(("id" = String, Path, description = "The token's id",
            example = "00ff00ff00ff00ff")),
    responses((status = 200, description = "It is gone", body = Done),
              (status = 404, description = "The caller has none of this id", body = ErrorBody),
              (status = 409, description = "Nobody has an account: authentication is off", body = ErrorBody))
)]
pub async fn delete_token(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Reply<Done>, Failure> {
    sentinel.door.auth.delete_token(&caller, &id).await?;
    Ok(Reply(Done { status: "ok" }))
}
