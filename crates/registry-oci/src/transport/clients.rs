//! The HTTP clients: which certificates each trusts, and through which proxy it goes.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lodeman_registry::RegistryError;
use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Proxy, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::reason_of;
use crate::config::{ExtraRoot, OciRegistryConfig, normal_host};
use crate::endpoint::host_and_port;
use crate::resolver::CheckedResolver;

/// Loopback is reached without a proxy, whatever is said of others.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Makes a client when one is first needed: the machine's certificates are read then, and not where
/// only plain HTTP is spoken.
pub(super) struct Clients {
    pub(super) connect_timeout: Duration,
    pub(super) resolver: CheckedResolver,
    extra_roots: Vec<ExtraRoot>,
    proxies: Proxies,
    made: Mutex<HashMap<Trust, Client>>,
    machine_has_roots: OnceLock<bool>,
}

/// Shows nothing of proxies, whose addresses may hold passwords.
impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clients")
    }
}

/// Which certificates a client trusts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Trust {
    /// None: it is for plain HTTP.
    Nobody,
    /// The machine's, and those configured for all registries.
    Machine,
    /// These and those configured for this registry.
    Registry(String),
}

impl Clients {
    pub(super) fn new(config: &OciRegistryConfig) -> Self {
        let resolver = CheckedResolver::default();
        let proxies = Proxies::new(config);
        for host in proxies.hosts() {
            resolver.trust(&host);
        }
        Self {
            connect_timeout: config.connect_timeout,
            resolver,
            extra_roots: config.extra_roots.clone(),
            proxies,
            made: Mutex::default(),
            machine_has_roots: OnceLock::new(),
        }
    }

    /// The client for `url`; `registry` is on whose behalf it is asked.
    pub(super) fn client(&self, url: &Url, registry: &str) -> Result<Client, RegistryError> {
        let host = normal_host(&host_and_port(url));
        let is_own = |root: &ExtraRoot| root.registry.as_deref().is_some_and(|r| normal_host(r) == host);
        let trust = match url.scheme() {
            "http" if !self.proxies.speak_tls() => Trust::Nobody,
            _ if self.extra_roots.iter().any(is_own) => Trust::Registry(host.clone()),
            _ => Trust::Machine,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&trust) {
            return Ok(client.clone());
        }
        let failed = |reason: String| RegistryError::Tls { registry: registry.to_owned(), reason };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever comes second finds one there, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let roots = self.extra_roots.iter().filter(|root| root.registry.is_none() || is_own(root));
        let builder = match trust {
            Trust::Nobody => Client::builder().tls_certs_only([]),
            Trust::Machine | Trust::Registry(_) => self.trusting(roots).map_err(failed)?,
        };
        let builder = builder
            .user_agent(concat!("lodeman/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(4)
            .pool_idle_timeout(Duration::from_mins(1))
            .http2_max_header_list_size(64 * 1024)
            .dns_resolver(self.resolver.clone());
        let client = self.proxies.through(builder).build().map_err(|error| failed(reason_of(&error)))?;
        made.insert(trust, client.clone());
        Ok(client)
    }

    fn trusting<'a>(&self, extra: impl Iterator<Item = &'a ExtraRoot>) -> Result<ClientBuilder, String> {
        let mut roots = Vec::new();
        for root in extra {
            let found = Certificate::from_pem_bundle(&root.pem);
            let found = found.ok().filter(|found| !found.is_empty());
            roots.extend(found.ok_or(
                "a configured root certificate (`registry.root_certificates`) is not \
                                      valid PEM",
            )?);
        }
        if *self.machine_has_roots.get_or_init(machine_has_roots) {
            return Ok(Client::builder().tls_certs_merge(roots));
        }
        tracing::info!("this machine has no root certificates; those that are built in are trusted");
        roots.extend(built_in());
        Ok(Client::builder().tls_certs_only(roots))
    }
}

/// Whether the machine says whom to trust. An image `FROM scratch` does not. Where `SSL_CERT_FILE` or
/// `SSL_CERT_DIR` says it, that is heeded even if nothing is there.
fn machine_has_roots() -> bool {
    let told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    told || !rustls_native_certs::load_native_certs().certs.is_empty()
}

/// Mozilla's root certificates, as of this build.
fn built_in() -> impl Iterator<Item = Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok())
}

/// The proxies, as configured. Variables of the environment are not looked at here.
struct Proxies {
    http: Option<SecretString>,
    https: Option<SecretString>,
    no_proxy: String,
}

impl Proxies {
    fn new(config: &OciRegistryConfig) -> Self {
        let mut no_proxy = LOOPBACK.to_owned();
        for entry in &config.no_proxy {
            no_proxy.push(',');
            no_proxy.push_str(entry);
        }
        Self { http: config.http_proxy.clone(), https: config.https_proxy.clone(), no_proxy }
    }

    fn all(&self) -> impl Iterator<Item = &SecretString> {
        self.http.iter().chain(&self.https)
    }

    /// Whether a proxy itself is spoken with over TLS.
    fn speak_tls(&self) -> bool {
        self.all().any(|url| url.expose_secret().starts_with("https://"))
    }

    /// The proxies' own hosts, which may be anywhere.
    fn hosts(&self) -> Vec<String> {
        let urls = self.all().filter_map(|url| Url::parse(url.expose_secret()).ok());
        urls.filter_map(|url| url.host_str().map(str::to_owned)).collect()
    }

    fn through(&self, mut builder: ClientBuilder) -> ClientBuilder {
        builder = builder.no_proxy();
        for (which, url) in [("http", &self.http), ("https", &self.https)] {
            let Some(url) = url else { continue };
            let proxy = match which {
                "http" => Proxy::http(url.expose_secret()),
                _ => Proxy::https(url.expose_secret()),
            };
            if let Ok(proxy) = proxy {
                builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&self.no_proxy)));
            } else {
                // The error may quote the address with its password.
                tracing::error!("registry.{which}_proxy cannot be used");
            }
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificates_that_are_built_in_can_be_used() {
        let roots: Vec<Certificate> = built_in().collect();
        assert!(roots.len() > 100, "{}", roots.len());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder().tls_certs_only(roots).build().expect("a client that trusts them");
    }

    #[test]
    fn a_machine_without_certificates_trusts_those_that_are_built_in_and_those_configured() {
        let config = |pem: &str| OciRegistryConfig {
            extra_roots: vec![ExtraRoot { registry: None, pem: pem.as_bytes().to_vec() }],
            ..OciRegistryConfig::default()
        };
        let url: Url = "https://registry.example/v2/".parse().unwrap();
        let key = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).unwrap();
        for has_roots in [true, false] {
            let clients = Clients::new(&config(&key.cert.pem()));
            clients.machine_has_roots.set(has_roots).unwrap();
            assert!(clients.client(&url, "registry.example").is_ok());
            let clients = Clients::new(&config("none"));
            clients.machine_has_roots.set(has_roots).unwrap();
            let error = clients.client(&url, "registry.example").unwrap_err();
            assert!(error.to_string().contains("registry.root_certificates"), "{error}");
        }
    }
}
