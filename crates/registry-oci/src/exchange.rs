//! From a question to an answer: when a registry may be asked, getting in, following its referrals.

mod walk;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::clock::Clock;
use lodeman_domain::image::Repository;
use lodeman_registry::{
    QuotaNotice, RegistryCredential, RegistryError, RegistryQuota, RequestBudget, reserve,
};
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::auth::AuthMemory;
use crate::config::OciRegistryConfig;
use crate::credentials::{Account, Credentials};
use crate::endpoint::Endpoints;
use crate::headers::{quota_notice, retry_after};
use crate::metrics::{self, Kind};
use crate::throttle::Throttle;
use crate::transport::{Answer, Transport};

/// One question to a registry.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: Option<&'static str>,
    pub(crate) if_none_match: Option<HeaderValue>,
    /// What the answer is, for an error about its size, and how much of it is read.
    pub(crate) what: &'static str,
    pub(crate) limit_bytes: usize,
}

/// Everything that questions share.
pub(crate) struct Exchange {
    pub(crate) endpoints: Endpoints,
    pub(crate) credentials: Credentials,
    clock: Arc<dyn Clock>,
    transport: Transport,
    memory: AuthMemory,
    budget: Mutex<RequestBudget>,
    registries: Mutex<HashMap<String, Arc<Registry>>>,
    token_limit_bytes: usize,
    concurrency: usize,
    reserve: u64,
    circuit_open_for: Duration,
    retry_pause: Duration,
    longest_wait: Duration,
}

/// What is kept of one registry.
#[derive(Debug)]
pub(crate) struct Registry {
    permits: Semaphore,
    first: tokio::sync::Mutex<()>,
    throttle: Mutex<Throttle>,
    head: AtomicU8,
}

const HEAD_UNKNOWN: u8 = 0;
const HEAD_WORKS: u8 = 1;
const HEAD_REFUSED: u8 = 2;

impl Registry {
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a `HEAD` ever told a digest here.
    pub(crate) fn head_works(&self) -> bool {
        self.head.load(Ordering::Relaxed) == HEAD_WORKS
    }

    /// Whether `HEAD` is known to be of no use here.
    pub(crate) fn head_is_refused(&self) -> bool {
        self.head.load(Ordering::Relaxed) == HEAD_REFUSED
    }

    pub(crate) fn head_worked(&self) {
        self.head.store(HEAD_WORKS, Ordering::Relaxed);
    }

    /// Only where it never worked: one odd answer must not make every later question cost a pull.
    pub(crate) fn head_was_refused(&self) {
        let _ = self.head.compare_exchange(HEAD_UNKNOWN, HEAD_REFUSED, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Exchange {
    pub(crate) fn new(config: &OciRegistryConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            endpoints: Endpoints::new(config),
            credentials: Credentials::new(config),
            clock,
            transport: Transport::new(config),
            memory: AuthMemory::default(),
            budget: Mutex::new(RequestBudget::restored(config.known_quotas.clone())),
            registries: Mutex::default(),
            token_limit_bytes: config.limits.token,
            concurrency: config.max_concurrency_per_registry.max(1),
            reserve: config.reserve,
            circuit_open_for: config.circuit_open_for,
            retry_pause: config.retry_pause,
            longest_wait: config.longest_wait,
        }
    }

    pub(crate) fn quotas(&self) -> Vec<RegistryQuota> {
        self.budget().quotas()
    }

    pub(crate) fn registry(&self, name: &str) -> Arc<Registry> {
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            Arc::new(Registry {
                permits: Semaphore::new(self.concurrency),
                first: tokio::sync::Mutex::default(),
                throttle: Mutex::default(),
                head: AtomicU8::new(HEAD_UNKNOWN),
            })
        };
        Arc::clone(registries.entry(name.to_owned()).or_insert_with(fresh))
    }

    /// Asks, and asks once more where that may help. Any status but 401, 429 and 5xx is an answer.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let name = &ask.repository.registry;
        let registry = self.registry(name);
        if let Some(host) = ask.url.host_str() {
            self.transport.trust(host);
        }
        let credential = self.credentials.find(ask.repository).await?;
        let account = credential.as_ref().map(Account::of);
        // A registry of which we do not know that it is up is asked by one, while the others wait.
        let reachable = registry.throttle().is_reachable();
        let _first = if reachable {
            None
        } else {
            let guard = registry.first.lock().await;
            (!registry.throttle().is_reachable()).then_some(guard)
        };
        let _permit = registry.permits.acquire().await.ok();
        self.admit(ask.kind, name, account.as_ref(), &registry)?;
        match self.attempt(ask, &registry, credential.as_ref(), account.as_ref()).await {
            Attempt::Done(done) => done,
            Attempt::Again { after, .. } => {
                tokio::time::sleep(after).await;
                match self.attempt(ask, &registry, credential.as_ref(), account.as_ref()).await {
                    Attempt::Done(done) => done,
                    Attempt::Again { error, .. } => {
                        self.note_unreachable(&registry, name, &error);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Whether the registry may be asked at all now.
    fn admit(
        &self,
        kind: Kind,
        name: &str,
        account: Option<&Account>,
        registry: &Registry,
    ) -> Result<(), RegistryError> {
        let checked = registry.throttle().check(name, account, self.clock.now());
        checked.inspect_err(|error| metrics::not_sent(kind, error.category()))
    }

    async fn attempt(
        &self,
        ask: &Ask<'_>,
        registry: &Registry,
        credential: Option<&RegistryCredential>,
        account: Option<&Account>,
    ) -> Attempt {
        let name = &ask.repository.registry;
        let account_name = account.map(|account| account.name.as_str());
        let granted = self.budget().grant(name, account_name, reserve(self.reserve), self.clock.now());
        if let Err(spent) = granted {
            metrics::not_sent(ask.kind, "quota_reserved");
            let error = RegistryError::QuotaReserved { registry: name.clone(), until: spent.until };
            return Attempt::Done(Err(error));
        }
        let mut grant = Grant { exchange: self, name, account: account_name, notice: None };
        let walked = self.walk(ask, credential, account).await;
        let now = self.clock.now();
        grant.notice = walked.as_ref().ok().and_then(|answer| quota_notice(&answer.headers, now));
        drop(grant);
        match walked {
            Ok(answer) => self.judge(answer, name, registry, account, now),
            Err(error @ RegistryError::RateLimited { .. }) => {
                let asked = error.retry_at().and_then(|at| Duration::try_from(at.duration_since(now)).ok());
                self.wait(name, registry, account, asked, now)
            }
            Err(error) if error.is_unreachable() && error.registry() == name => {
                let transient = matches!(error, RegistryError::Connect { .. } | RegistryError::Dns { .. });
                if transient && registry.throttle().is_reachable() {
                    // It worked a moment ago, so a broken connection says little.
                    return Attempt::Again { after: self.retry_pause, error };
                }
                self.note_unreachable(registry, name, &error);
                Attempt::Done(Err(error))
            }
            Err(error @ RegistryError::Server { .. }) => {
                registry.throttle().server_failed(now, self.circuit_open_for);
                Attempt::Again { after: self.retry_pause, error }
            }
            Err(error) => {
                if error.registry() == name {
                    registry.throttle().answered(account);
                }
                Attempt::Done(Err(error))
            }
        }
    }

    /// What a status asks of us.
    fn judge(
        &self,
        answer: Answer,
        name: &str,
        registry: &Registry,
        account: Option<&Account>,
        now: Timestamp,
    ) -> Attempt {
        let asked = retry_after(&answer.headers, now);
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS => self.wait(name, registry, account, asked, now),
            StatusCode::SERVICE_UNAVAILABLE if asked.is_some() => {
                self.wait(name, registry, account, asked, now)
            }
            status if status.is_server_error() => {
                registry.throttle().server_failed(now, self.circuit_open_for);
                let error = RegistryError::Server { registry: name.to_owned(), status: status.as_u16() };
                Attempt::Again { after: self.retry_pause, error }
            }
            _ => {
                registry.throttle().answered(account);
                Attempt::Done(Ok(answer))
            }
        }
    }

    fn wait(
        &self,
        name: &str,
        registry: &Registry,
        account: Option<&Account>,
        asked: Option<Duration>,
        now: Timestamp,
    ) -> Attempt {
        let until = registry.throttle().rate_limited(account, asked, now);
        let error = RegistryError::RateLimited { registry: name.to_owned(), until: Some(until) };
        match Duration::try_from(until.duration_since(now)) {
            Ok(after) if after <= self.longest_wait => Attempt::Again { after, error },
            _ => Attempt::Done(Err(error)),
        }
    }

    fn note_unreachable(&self, registry: &Registry, name: &str, error: &RegistryError) {
        if error.is_unreachable() && error.registry() == name {
            registry.throttle().unreachable(error.category(), self.clock.now(), self.circuit_open_for);
        }
    }

    fn budget(&self) -> MutexGuard<'_, RequestBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of one attempt.
enum Attempt {
    Done(Result<Answer, RegistryError>),
    /// It failed in a way that may pass within `after`.
    Again {
        after: Duration,
        error: RegistryError,
    },
}

/// A request that was granted. It is settled when it is over, and also when it is given up half-way.
struct Grant<'a> {
    exchange: &'a Exchange,
    name: &'a str,
    account: Option<&'a str>,
    notice: Option<QuotaNotice>,
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        let now = self.exchange.clock.now();
        self.exchange.budget().settle(self.name, self.account, self.notice, now);
    }
}
