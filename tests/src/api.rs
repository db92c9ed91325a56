//! A signed-in client of a running server's API.

use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::http::{Client, Head, Response};
use crate::lab::wait;

/// Asks a server with a token of its own.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    authorization: String,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub data: Value,
}

/// Everything a stream has told so far.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    told: Arc<Mutex<Vec<Told>>>,
}

impl Api {
    /// Signs in at the server that `client` asks, and makes a token there.
    ///
    /// # Errors
    /// When the server does not let this account in.
    pub fn sign_in(client: Client, name: &str, password: &str) -> Result<Self> {
        let json_body = ("Content-Type", "application/json");
        let account = json!({ "username": name, "password": password }).to_string();
        let headers = [json_body, ("Accept", "application/json")];
        let signed_in = client.request("POST", "/login", &headers, account.as_bytes())?.success("login")?;
        let session = cookie(&signed_in, "sentinel_session").context("signing in gave no session")?;
        let read = client.request("GET", "/api/auth/me", &[("Cookie", &session)], &[])?;
        let csrf = cookie(&read, "sentinel_csrf").context("reading gave no CSRF cookie")?;
        let cookies = format!("{session}; {csrf}");
        let csrf = csrf.split_once('=').map_or("", |(_, value)| value);
        let headers = [json_body, ("Cookie", &cookies), ("X-CSRF-Token", csrf)];
        let made = client.request("POST", "/api/auth/tokens", &headers, br#"{"name":"tests"}"#)?;
        let made = made.success("a token")?.json()?;
        let token = made["token"].as_str().context("there is no token in the answer")?;
        Ok(Self { client, authorization: format!("Bearer {token}") })
    }

    /// What shows who asks: the value of the header `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Asks; a body makes it JSON.
    ///
    /// # Errors
    /// When nobody answers. Any status is an answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let mut headers = vec![("Authorization", self.authorization.as_str())];
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.client.request(method, path, &headers, body.as_bytes())
    }

    /// Reads; the answer must be a success, and JSON.
    ///
    /// # Errors
    /// When it is not; with what it was.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.ask("GET", path, None)?.success(path)?.json()
    }

    /// Does; the answer must be a success, and JSON.
    ///
    /// # Errors
    /// When it is not; with what it was.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask("POST", path, Some(body))?.success(path)?.json()
    }

    /// Takes away; the answer must be a success, and JSON.
    ///
    /// # Errors
    /// When it is not; with what it was.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.ask("DELETE", path, None)?.success(path)?.json()
    }

    /// Follows an event stream until the server ends it, from after event `after`, where one is named.
    ///
    /// # Errors
    /// When the server opens none.
    pub fn follow(&self, path: &str, after: Option<&str>) -> Result<Follower> {
        let mut stream = self.client.connect()?;
        let resume = after.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let authorization = &self.authorization;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n{resume}\r\n"
        )?;
        stream.flush()?;
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader)?.context("the stream was closed at once")?;
        ensure!(head.status()? == 200, "{path} answers {}", head.status()?);
        let follower = Follower::default();
        let told = follower.told.clone();
        std::thread::spawn(move || {
            let mut name = String::new();
            // Lines that only frame the chunks are neither.
            for line in reader.lines().map_while(Result::ok) {
                if let Some(word) = line.strip_prefix("event:") {
                    word.trim().clone_into(&mut name);
                } else if let Some(text) = line.strip_prefix("data:") {
                    let text = text.trim_start();
                    let data = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                    let one = Told { name: std::mem::take(&mut name), data };
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            }
        });
        Ok(follower)
    }
}

/// A cookie that an answer sets, as a request sends it.
fn cookie(answer: &Response, name: &str) -> Option<String> {
    let set = answer.headers.0.iter().filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
    let cookies = set.filter_map(|(_, line)| line.split(';').next());
    cookies
        .filter(|cookie| cookie.split_once('=').is_some_and(|(own, _)| own == name))
        .map(str::to_owned)
        .next_back()
}

impl Follower {
    /// Everything that was told so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the first event that `wanted` picks.
    ///
    /// # Errors
    /// When none comes within `patience`; with what did come.
    pub fn wait_for(&self, patience: Duration, wanted: impl Fn(&Told) -> bool) -> Result<Told> {
        let found = wait(patience, || Ok(self.so_far().into_iter().find(&wanted)));
        found.with_context(|| format!("told were {:#?}", self.so_far()))
    }
}
