//! The surfaces over the whole application, and a client that asks as programs do.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use lodeman_auth::{
    AuthConfig, AuthDeps, AuthService, BuiltInRole, CountingEntropy, HashCost, NewToken, NewUser, Principal,
};
use lodeman_http::sentinel::{About, Cookies, Door, Sentinel, Surroundings};
use lodeman_http::surface::Registered;
use lodeman_http::{MetricsAccess, ProbeConfig, server, surfaces};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower_service::Service as _;

/// The application, its engine and registry, and a token for each role.
pub struct World {
    pub host: lodeman_testkit::World,
    pub auth: Arc<AuthService>,
    pub registered: Vec<Registered>,
    router: Router,
    tokens: BTreeMap<&'static str, String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn error(&self) -> String {
        let json = self.json();
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        json["error"].as_str().unwrap().to_owned()
    }
}

impl World {
    /// A host with nothing on it, nobody signed in, and an account with a token for each role.
    pub async fn new() -> Self {
        let world = Self::empty().await;
        world.with_people().await
    }

    /// The same without the document and its page.
    pub async fn without_docs() -> Self {
        let world = Self::over(lodeman_testkit::World::new().await, false).await;
        world.with_people().await
    }

    /// The same without any account.
    pub async fn empty() -> Self {
        Self::over(lodeman_testkit::World::new().await, true).await
    }

    /// With accounts, and these settings fixed by the command line.
    pub async fn fixing(fixed: &'static [&'static str]) -> Self {
        let world = Self::over(lodeman_testkit::World::fixing(fixed).await, true).await;
        world.with_people().await
    }

    async fn over(host: lodeman_testkit::World, docs: bool) -> Self {
        let numbers = AuthConfig { hash_cost: HashCost::TEST, ..AuthConfig::home() };
        let deps = AuthDeps {
            store: host.store(),
            clock: host.deps.clock.clone(),
            ids: host.deps.ids.clone(),
            entropy: Arc::new(CountingEntropy::default()),
        };
        let auth = Arc::new(AuthService::start(numbers, deps).await.unwrap());
        let door = Door { auth: auth.clone(), cookies: Cookies::default() };
        let about = About { data_directory: "/data".into(), started_at: host.deps.clock.now() };
        let surroundings = Surroundings::new([("WEB_PORT", "9000".to_owned())]);
        let sentinel = Sentinel::new(host.app.clone(), door, host.feed.clone(), about, surroundings);
        let (_, _, registered) = surfaces(&sentinel);
        let probes = ProbeConfig { metrics: MetricsAccess::Off, detail: false, docs };
        let router = server(Arc::new(host.app.clone()), probes, &sentinel);
        Self { host, auth, registered, router, tokens: BTreeMap::new() }
    }

    async fn with_people(mut self) -> Self {
        for role in [BuiltInRole::Admin, BuiltInRole::Operator, BuiltInRole::Viewer] {
            let asked = NewUser {
                username: format!("the-{}", role.id()),
                password: "a long password 1".into(),
                role_id: role.id().to_owned(),
            };
            let user = self.auth.create_user(&Principal::system(), asked).await.unwrap();
            let principal = Principal {
                user: lodeman_auth::PrincipalUser {
                    id: lodeman_auth::UserId::Stored(user.id),
                    name: user.username,
                },
                role: role.id().to_owned(),
                permissions: role.permissions(),
                ..Principal::system()
            };
            let asked = NewToken { name: "test".to_owned(), ..NewToken::default() };
            let token = self.auth.create_token(&principal, asked).await.unwrap().token;
            self.tokens.insert(role.id(), token.expose_secret().to_owned());
        }
        self
    }

    /// The router itself.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The token of a role's account.
    pub fn token(&self, role: &str) -> &str {
        &self.tokens[role]
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response: Response<Body> = self.router.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        super::document::told_of(&method, &path, parts.status);
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Asks as the account of a role.
    pub async fn ask(&self, role: &str, method: Method, path: &str, body: Option<&str>) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token(role)));
        self.send(request.body(body.map_or_else(Body::empty, |text| Body::from(text.to_owned()))).unwrap())
            .await
    }

    /// GET as an administrator.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("admin", Method::GET, path, None).await
    }

    /// POST as an administrator.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("admin", Method::POST, path, Some(body)).await
    }
}
