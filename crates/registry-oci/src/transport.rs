//! One HTTP request: a deadline around all of it, a bounded body, and errors by their category.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lodeman_registry::RegistryError;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Request, StatusCode, Url};

use crate::config::{ExtraRoot, OciRegistryConfig, normal_host};
use crate::endpoint::host_and_port;
use crate::resolver::{CheckedResolver, RefusedAddress};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How much of which answer is read, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) registry: &'a str,
    pub(crate) what: &'static str,
    pub(crate) limit_bytes: usize,
}

/// Sends requests. A client is made when it is first needed: one for TLS reads the machine's
/// certificates, and where there are none that fails, which is no reason to fail plain HTTP.
#[derive(Debug)]
pub(crate) struct Transport {
    connect_timeout: Duration,
    timeout: Duration,
    extra_roots: Vec<ExtraRoot>,
    resolver: CheckedResolver,
    clients: Mutex<HashMap<Trust, Client>>,
}

/// Which certificates a client trusts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Trust {
    /// None: it is for plain HTTP.
    Nobody,
    /// The machine's.
    Machine,
    /// The machine's and those configured for this registry.
    Registry(String),
}

impl Transport {
    pub(crate) fn new(config: &OciRegistryConfig) -> Self {
        Self {
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            extra_roots: config.extra_roots.clone(),
            resolver: CheckedResolver::default(),
            clients: Mutex::default(),
        }
    }

    /// Takes note that this host is a registry, which may be anywhere; the hosts that registries refer
    /// us to may not.
    pub(crate) fn trust(&self, host: &str) {
        self.resolver.trust(host);
    }

    /// Sends `request` and reads the answer to its end. Redirects are the caller's business.
    pub(crate) async fn send(&self, request: Request, reading: Reading<'_>) -> Result<Answer, RegistryError> {
        let client = self.client(request.url(), reading.registry)?;
        let exchange = async {
            let response =
                client.execute(request).await.map_err(|error| self.failure(reading.registry, &error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = self.read(response, reading).await?;
            Ok(Answer { status, headers, body })
        };
        let elapsed = || self.timed_out(reading.registry);
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| Err(elapsed()))
    }

    async fn read(
        &self,
        mut response: reqwest::Response,
        reading: Reading<'_>,
    ) -> Result<Bytes, RegistryError> {
        let too_large = || RegistryError::TooLarge {
            registry: reading.registry.to_owned(),
            what: reading.what,
            limit_bytes: reading.limit_bytes,
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > u64::try_from(reading.limit_bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.failure(reading.registry, &error))?
        {
            if body.len() + chunk.len() > reading.limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn client(&self, url: &Url, registry: &str) -> Result<Client, RegistryError> {
        let host = normal_host(&host_and_port(url));
        let own_roots: Vec<&ExtraRoot> =
            self.extra_roots.iter().filter(|root| normal_host(&root.registry) == host).collect();
        let key = match url.scheme() {
            "http" => Trust::Nobody,
            _ if own_roots.is_empty() => Trust::Machine,
            _ => Trust::Registry(host),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let failed = |reason: String| RegistryError::Tls { registry: registry.to_owned(), reason };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever comes second finds one there, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut roots = Vec::new();
        for root in own_roots {
            let parsed = Certificate::from_pem_bundle(&root.pem)
                .map_err(|_| failed("the configured root certificate is not valid PEM".to_owned()))?;
            roots.extend(parsed);
        }
        let builder = match key {
            Trust::Nobody => Client::builder().tls_certs_only([]),
            Trust::Machine | Trust::Registry(_) => Client::builder().tls_certs_merge(roots),
        };
        let client = builder
            .user_agent(concat!("lodeman/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(4)
            .pool_idle_timeout(Duration::from_mins(1))
            .http2_max_header_list_size(64 * 1024)
            .dns_resolver(self.resolver.clone())
            .build()
            .map_err(|error| failed(reason_of(&error)))?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn timed_out(&self, registry: &str) -> RegistryError {
        RegistryError::Timeout { registry: registry.to_owned(), after: self.timeout }
    }

    fn failure(&self, registry: &str, error: &reqwest::Error) -> RegistryError {
        let registry = registry.to_owned();
        if let Some(refused) = chain(error).find_map(|error| error.downcast_ref::<RefusedAddress>()) {
            return RegistryError::Connect { registry, reason: refused.to_string() };
        }
        if error.is_dns() {
            return RegistryError::Dns { registry };
        }
        if let Some(tls) = find_tls(error) {
            return RegistryError::Tls { registry, reason: clean(&tls.to_string()) };
        }
        if error.is_timeout() {
            let after = if error.is_connect() { self.connect_timeout } else { self.timeout };
            return RegistryError::Timeout { registry, after };
        }
        RegistryError::Connect { registry, reason: reason_of(error) }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An I/O error keeps what it wraps apart from its source.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())
}

/// The innermost reason, which names no address: the outer ones may quote a signed URL.
fn reason_of(error: &(dyn Error + 'static)) -> String {
    let innermost = chain(error).last();
    clean(&innermost.map(ToString::to_string).unwrap_or_default())
}

/// Text from elsewhere, fit for a message: no control characters, not long.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
