use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::world::{Answer, World};

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all(header::SET_COOKIE).into_iter();
    set.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='))
        .find(|(shown, _)| *shown == name)
        .map(|(_, value)| value.to_owned())
}

fn sign_in(name: &str, password: &str) -> Request<Body> {
    let body = json!({ "username": name, "password": password }).to_string();
    Request::post("/login").header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let world = World::empty().await;
    let redirected = world.send(Request::get("/api/containers").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (redirected.status, &redirected.headers["location"]),
        (StatusCode::SEE_OTHER, &"/setup".parse().unwrap())
    );
    let set_up = |body: &str| Request::post("/api/setup").body(Body::from(body.to_owned())).unwrap();
    for (body, message) in [
        ("nothing", "invalid request body"),
        (r#"{"role":"boss"}"#, "role must be 'server' or 'agent'"),
        (r#"{"role":"server"}"#, "username and password required"),
        (
            r#"{"role":"server","username":"ann","password":"short1"}"#,
            "password must be at least 8 characters",
        ),
    ] {
        let refused = world.send(set_up(body)).await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::BAD_REQUEST, message), "{body}");
    }
    let body = r#"{"role":"server","username":"ann","password":"a long password 1","poll_interval":"12h"}"#;
    let made = world.send(set_up(body)).await;
    assert_eq!((made.status, made.json()), (StatusCode::OK, json!({ "redirect": "/" })));
    let session = cookie(&made, "sentinel_session").unwrap();
    assert_eq!(session.len(), 64);
    let again = world.send(set_up(body)).await;
    assert_eq!((again.status, again.error().as_str()), (StatusCode::CONFLICT, "setup already complete"));
    let me = Request::get("/api/auth/me").header(header::COOKIE, format!("sentinel_session={session}"));
    let me = world.send(me.body(Body::empty()).unwrap()).await.json();
    assert_eq!((&me["username"], &me["role_id"]), (&json!("ann"), &json!("admin")));
    assert_eq!(me["permissions"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn a_session_needs_its_second_token_to_change_something() {
    let world = World::new().await;
    let refused = world.send(sign_in("the-admin", "wrong")).await;
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (StatusCode::UNAUTHORIZED, "Invalid username or password")
    );
    let signed_in = world.send(sign_in("the-admin", "a long password 1")).await;
    assert_eq!(signed_in.status, StatusCode::OK);
    let line = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        line.contains("; HttpOnly") && line.contains("; SameSite=Lax") && line.contains("; Expires="),
        "{line}"
    );
    let session = format!("sentinel_session={}", cookie(&signed_in, "sentinel_session").unwrap());
    let read = Request::get("/api/stats").header(header::COOKIE, &session).body(Body::empty()).unwrap();
    let read = world.send(read).await;
    assert_eq!(read.status, StatusCode::OK);
    let second = cookie(&read, "sentinel_csrf").unwrap();
    let pause = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/settings/pause");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(r#"{"paused":true}"#)).unwrap()
    };
    let both = format!("{session}; sentinel_csrf={second}");
    let json = ("content-type", "application/json");
    for wrong in [
        vec![("cookie", both.as_str()), json],
        vec![("cookie", both.as_str()), json, ("x-csrf-token", "0")],
        vec![
            ("cookie", both.as_str()),
            json,
            ("x-csrf-token", second.as_str()),
            ("origin", "http://evil.test"),
        ],
        vec![
            ("cookie", both.as_str()),
            json,
            ("x-csrf-token", second.as_str()),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let refused = world.send(pause(&wrong)).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (StatusCode::FORBIDDEN, "CSRF validation failed")
        );
    }
    let form = [("cookie", both.as_str()), ("content-type", "text/plain"), ("x-csrf-token", second.as_str())];
    assert_eq!(world.send(pause(&form)).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(world.get("/api/settings").await.json()["paused"], "false");
    let right = [("cookie", both.as_str()), json, ("x-csrf-token", second.as_str())];
    assert_eq!(world.send(pause(&right)).await.status, StatusCode::OK);
    let out = Request::post("/logout").header(header::COOKIE, &session).body(Body::empty()).unwrap();
    let out = world.send(out).await;
    assert_eq!((out.status, &out.headers["location"]), (StatusCode::SEE_OTHER, &"/login".parse().unwrap()));
    let read = Request::get("/api/stats").header(header::COOKIE, &session).body(Body::empty()).unwrap();
    let read = world.send(read).await;
    assert_eq!((read.status, read.error().as_str()), (StatusCode::UNAUTHORIZED, "authentication required"));
    assert_eq!(cookie(&read, "sentinel_session").as_deref(), Some(""));
}

#[tokio::test]
async fn tokens_are_made_listed_without_their_secret_and_end_at_once() {
    let world = World::new().await;
    let made = world.post("/api/auth/tokens", r#"{"name":"deploy job"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("stk_") && token.len() == 47);
    let listed = world.get("/api/auth/tokens").await;
    assert!(!listed.text.contains(token));
    assert!(listed.json().as_array().unwrap().iter().any(|shown| shown["name"] == "deploy job"));
    let ask = || {
        let request = Request::get("/api/stats").header(header::AUTHORIZATION, format!("Bearer {token}"));
        world.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(ask().await.status, StatusCode::OK);
    let path = format!("/api/auth/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(world.ask("admin", Method::DELETE, &path, None).await.json(), json!({ "status": "ok" }));
    let refused = ask().await;
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (StatusCode::UNAUTHORIZED, "invalid or expired token")
    );
    assert_eq!(world.post("/api/auth/tokens", "").await.error(), "token name required");
}

#[tokio::test]
async fn accounts_are_made_and_deleted_but_not_ones_own() {
    let world = World::new().await;
    let made = world
        .post("/api/auth/users", r#"{"username":"bob","password":"a long password 2","role_id":"viewer"}"#)
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for (body, status, message) in [
        (
            r#"{"username":"bob","password":"a long password 2","role_id":"viewer"}"#,
            409,
            "username already exists",
        ),
        (r#"{"username":"eve","password":"a long password 2","role_id":"king"}"#, 400, "invalid role"),
        (r#"{"username":"eve"}"#, 400, "username and password required"),
        ("[]", 400, "invalid request body"),
    ] {
        let refused = world.post("/api/auth/users", body).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (status, message), "{body}");
    }
    let users = world.get("/api/auth/users").await.json();
    let own =
        users.as_array().unwrap().iter().find(|user| user["username"] == "the-admin").unwrap()["id"].clone();
    let path = format!("/api/auth/users/{}", own.as_str().unwrap());
    let refused = world.ask("admin", Method::DELETE, &path, None).await;
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (StatusCode::BAD_REQUEST, "cannot delete your own account")
    );
    let gone = world.ask("admin", Method::DELETE, &format!("/api/auth/users/{id}"), None).await;
    assert_eq!(gone.json(), json!({ "status": "ok" }));
    let gone = world.ask("admin", Method::DELETE, &format!("/api/auth/users/{id}"), None).await;
    assert_eq!((gone.status, gone.error().as_str()), (StatusCode::NOT_FOUND, "user not found"));
}
