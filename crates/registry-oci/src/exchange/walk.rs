//! One question's way: its requests, the challenges it meets and the referrals it follows.

use lodeman_registry::{RegistryCredential, RegistryError, RegistrySecret};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{Ask, Exchange};
use crate::auth::{Token, TokenKey, basic_header, pull_scope, read_token};
use crate::challenge::{self, Challenge};
use crate::credentials::Account;
use crate::endpoint::{host_and_port, same_origin};
use crate::headers::retry_after;
use crate::metrics::{self, Kind};
use crate::transport::{Answer, Reading};

/// Security rule SR-4.
const MOST_REDIRECTS: usize = 3;

/// Who asks at one stop of the way. The credential is there only at the registry itself.
#[derive(Clone, Copy)]
struct Stop<'a> {
    url: &'a Url,
    ask: &'a Ask<'a>,
    credential: Option<&'a RegistryCredential>,
    account: Option<&'a Account>,
}

impl Stop<'_> {
    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    fn unauthorized(&self) -> RegistryError {
        RegistryError::Unauthorized {
            repository: self.ask.repository.clone(),
            with_credential: self.credential.is_some(),
        }
    }

    fn malformed(&self, what: impl Into<String>) -> RegistryError {
        RegistryError::Malformed { registry: self.ask.repository.registry.clone(), what: what.into() }
    }

    fn refused(&self, target: &Url, reason: &'static str) -> RegistryError {
        RegistryError::ReferralRefused {
            registry: self.ask.repository.registry.clone(),
            target: host_and_port(target),
            reason,
        }
    }
}

impl Exchange {
    /// Sends `ask` and whatever it takes to have it answered: at most one challenge met per host and
    /// three redirects followed. Credentials and tokens are shown only where they belong.
    pub(super) async fn walk(
        &self,
        ask: &Ask<'_>,
        credential: Option<&RegistryCredential>,
        account: Option<&Account>,
    ) -> Result<Answer, RegistryError> {
        let mut url = ask.url.clone();
        let mut redirects = 0;
        let mut challenged: Vec<String> = Vec::new();
        let mut fresh: Option<HeaderValue> = None;
        loop {
            let at_home = same_origin(&url, &ask.url);
            let stop = Stop {
                url: &url,
                ask,
                credential: credential.filter(|_| at_home),
                account: account.filter(|_| at_home),
            };
            let origin = stop.origin();
            let authorization = match fresh.take() {
                Some(authorization) => Some(authorization),
                None => match self.memory.challenge(&origin) {
                    Some(challenge) => self.authorization(stop, &challenge, None).await?,
                    None => None,
                },
            };
            let answer = self.request(stop, authorization.clone(), at_home).await?;
            match answer.status {
                StatusCode::UNAUTHORIZED if !challenged.contains(&origin) => {
                    let offered = answer.headers.get_all(WWW_AUTHENTICATE);
                    let challenge = challenge::choose(offered.iter().filter_map(|text| text.to_str().ok()))
                        .ok_or_else(|| stop.unauthorized())?;
                    let found = self.authorization(stop, &challenge, authorization.as_ref()).await?;
                    // Showing again what was just refused would only be refused again.
                    let usable = found.filter(|found| authorization.as_ref() != Some(found));
                    fresh = Some(usable.ok_or_else(|| stop.unauthorized())?);
                    self.memory.remember(&origin, without_scope(challenge));
                    challenged.push(origin);
                }
                StatusCode::UNAUTHORIZED => return Err(stop.unauthorized()),
                status if is_redirect(status) => {
                    redirects += 1;
                    if redirects > MOST_REDIRECTS {
                        return Err(stop.malformed("it redirects more than three times"));
                    }
                    let next = redirect_target(&url, &answer.headers)
                        .ok_or_else(|| stop.malformed("it redirects to nowhere"))?;
                    let allowed = self.endpoints.may_redirect(&url, &next);
                    allowed.map_err(|reason| stop.refused(&next, reason))?;
                    url = next;
                }
                _ => return Ok(answer),
            }
        }
    }

    async fn request(
        &self,
        stop: Stop<'_>,
        authorization: Option<HeaderValue>,
        at_home: bool,
    ) -> Result<Answer, RegistryError> {
        let ask = stop.ask;
        let mut request = Request::new(ask.method.clone(), stop.url.clone());
        let headers = request.headers_mut();
        if let Some(accept) = ask.accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(etag) = &ask.if_none_match {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let elsewhere = host_and_port(stop.url);
        let registry = if at_home { &ask.repository.registry } else { &elsewhere };
        let reading = Reading { registry, what: ask.what, limit_bytes: ask.limit_bytes };
        self.send(ask.kind, request, reading).await
    }

    async fn send(
        &self,
        kind: Kind,
        request: Request,
        reading: Reading<'_>,
    ) -> Result<Answer, RegistryError> {
        let begun = Instant::now();
        let sent = self.transport.send(request, reading).await;
        let outcome = match &sent {
            Ok(answer) => outcome(answer.status),
            Err(error) => error.category(),
        };
        metrics::request(kind, outcome, begun.elapsed());
        tracing::debug!(registry.name = reading.registry, outcome, "asked a registry for {}", reading.what);
        sent
    }

    /// What `challenge` asks for, if we have it. `refused` is what was just refused.
    async fn authorization(
        &self,
        stop: Stop<'_>,
        challenge: &Challenge,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        let Challenge::Bearer { realm, service, scope } = challenge else {
            return Ok(stop.credential.and_then(basic_header));
        };
        let scope = pull_scope(scope.as_deref(), &stop.ask.repository.path);
        let key = TokenKey { origin: stop.origin(), scope: scope.clone(), account: stop.account.cloned() };
        let slot = self.memory.slot(key, self.clock.now());
        let mut held = slot.lock().await;
        let kept = held.as_ref().filter(|token| token.is_good(self.clock.now())).and_then(Token::header);
        if let Some(kept) = kept
            && refused != Some(&kept)
        {
            return Ok(Some(kept));
        }
        let token = self.fetch_token(stop, realm, service.as_deref(), &scope).await?;
        let header = token.header();
        *held = Some(token);
        Ok(header)
    }

    /// Asks a token service for a token (distribution's token specification): with name and password
    /// if we have one, or in exchange for an identity token (OAuth 2), or as nobody.
    async fn fetch_token(
        &self,
        stop: Stop<'_>,
        realm: &str,
        service: Option<&str>,
        scope: &str,
    ) -> Result<Token, RegistryError> {
        let malformed = || stop.malformed("it names a token service whose address is none");
        let mut url = Url::parse(realm).map_err(|_| malformed())?;
        let allowed = self.endpoints.may_ask_token_service(stop.url, &url);
        allowed.map_err(|reason| stop.refused(&url, reason))?;
        let request = match stop.credential.map(|credential| (credential, &credential.secret)) {
            Some((_, RegistrySecret::IdentityToken(token))) => {
                exchange_identity(url.clone(), service, scope, token.expose_secret())
            }
            named => {
                let credential = named.map(|(credential, _)| credential);
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                    query.append_pair("scope", scope);
                    if let Some(credential) = credential {
                        query.append_pair("account", &credential.username);
                    }
                }
                let mut request = Request::new(Method::GET, url);
                if let Some(header) = credential.and_then(basic_header) {
                    request.headers_mut().insert(AUTHORIZATION, header);
                }
                request
            }
        };
        let registry = &stop.ask.repository.registry;
        let limit_bytes = self.token_limit_bytes;
        let answer =
            self.send(Kind::Token, request, Reading { registry, what: "a token", limit_bytes }).await?;
        let now = self.clock.now();
        match answer.status {
            StatusCode::OK => read_token(&answer.body, now)
                .ok_or_else(|| stop.malformed("its token service's answer has no token")),
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(stop.unauthorized())
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = retry_after(&answer.headers, now).and_then(|wait| wait.try_into().ok());
                let until = wait.and_then(|wait: jiff::SignedDuration| now.saturating_add(wait).ok());
                Err(RegistryError::RateLimited { registry: registry.clone(), until })
            }
            status if status.is_server_error() => {
                Err(RegistryError::Server { registry: registry.clone(), status: status.as_u16() })
            }
            status => Err(RegistryError::Unexpected { registry: registry.clone(), status: status.as_u16() }),
        }
    }
}

/// The `POST` that exchanges an identity token.
fn exchange_identity(url: Url, service: Option<&str>, scope: &str, token: &str) -> Request {
    let mut form = url.clone();
    form.query_pairs_mut()
        .clear()
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", token)
        .append_pair("service", service.unwrap_or_default())
        .append_pair("scope", scope)
        .append_pair("client_id", "lodeman");
    let mut request = Request::new(Method::POST, url);
    let body = form.query().unwrap_or_default().to_owned();
    *request.body_mut() = Some(body.into());
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, form_type);
    request
}

/// What a challenge says of all repositories: its scope is about one.
fn without_scope(challenge: Challenge) -> Challenge {
    match challenge {
        Challenge::Bearer { realm, service, .. } => Challenge::Bearer { realm, service, scope: None },
        Challenge::Basic => Challenge::Basic,
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Option<Url> {
    from.join(headers.get(LOCATION)?.to_str().ok()?).ok()
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=399 => "ok",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        429 => "rate_limited",
        500..=599 => "server",
        _ => "unexpected",
    }
}
