//! Where a registry answers, and whom it may refer us to.

use std::net::{IpAddr, Ipv4Addr};

use lodeman_domain::image::{DOCKER_HUB, Repository};
use lodeman_registry::RegistryError;
use reqwest::Url;

use crate::config::{OciRegistryConfig, TokenService, normal_host};

/// Registries whose token service is known to be on another domain.
const KNOWN_TOKEN_SERVICES: [(&str, &str); 1] = [("lscr.io", "ghcr.io")];

/// Where registries answer.
#[derive(Debug)]
pub(crate) struct Endpoints {
    insecure: Vec<String>,
    with_own_root: Vec<String>,
    token_services: Vec<TokenService>,
}

impl Endpoints {
    pub(crate) fn new(config: &OciRegistryConfig) -> Self {
        Self {
            insecure: config.insecure.iter().map(|host| normal_host(host)).collect(),
            with_own_root: config
                .extra_roots
                .iter()
                .filter_map(|root| root.registry.as_deref().map(normal_host))
                .collect(),
            token_services: config.token_services.clone(),
        }
    }

    /// `scheme://host[:port]/v2/<repository>/<rest…>`, every segment escaped.
    pub(crate) fn url(&self, repository: &Repository, rest: &[&str]) -> Result<Url, RegistryError> {
        let host = match repository.registry.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            other => other,
        };
        let scheme = if self.is_plain(&repository.registry) { "http" } else { "https" };
        let bad_host = || RegistryError::Connect {
            registry: repository.registry.clone(),
            reason: "this is no host name".to_owned(),
        };
        let mut url = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| bad_host())?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || has_user(&url) {
            return Err(bad_host());
        }
        url.path_segments_mut()
            .map_err(|()| bad_host())?
            .pop_if_empty()
            .push("v2")
            .extend(repository.path.split('/'))
            .extend(rest);
        Ok(url)
    }

    /// Whether plain HTTP is spoken with this `host[:port]`.
    pub(crate) fn is_plain(&self, registry: &str) -> bool {
        let registry = normal_host(registry);
        let loopback = || {
            let host = Url::parse(&format!("http://{registry}/")).ok();
            host.is_some_and(|url| is_loopback(&url))
        };
        self.insecure.contains(&registry) || (!self.with_own_root.contains(&registry) && loopback())
    }

    /// Whether `from` may send us on to `to` (security rules SR-1 to SR-4): by HTTP schemes only, from
    /// TLS only to TLS, and never to this machine's own or link-local addresses unless the registry
    /// is there itself.
    pub(crate) fn may_redirect(&self, from: &Url, to: &Url) -> Result<(), &'static str> {
        if !matches!(to.scheme(), "http" | "https") || has_user(to) || to.host_str().is_none() {
            return Err("the target is no plain web address");
        }
        if from.scheme() == "https" && to.scheme() == "http" {
            return Err("it would leave TLS");
        }
        let same_host = from.host_str() == to.host_str();
        if to.scheme() == "http" && !same_host && !self.is_plain(&host_and_port(to)) {
            return Err("plain HTTP is used only where `registry.insecure_registries` allows it");
        }
        let bad = is_loopback(to) || address(to).is_some_and(is_own_or_link_local);
        if !same_host && !is_loopback(from) && bad {
            return Err("it leads to an address of this machine or its link");
        }
        Ok(())
    }

    /// Whether the registry that answered at `from` may send us to the token service at `realm`
    /// (security rule SR-5): over TLS unless the registry has none, on its own domain or one that is
    /// known for it.
    pub(crate) fn may_ask_token_service(&self, from: &Url, realm: &Url) -> Result<(), &'static str> {
        self.may_redirect(from, realm)?;
        let (Some(registry), Some(service)) = (from.host_str(), realm.host_str()) else {
            return Err("the target is no plain web address");
        };
        let registry_name = normal_host(&host_and_port(from));
        let listed = self
            .token_services
            .iter()
            .any(|known| normal_host(&known.registry) == registry_name && known.host == service);
        if same_site(registry, service) || listed || KNOWN_TOKEN_SERVICES.contains(&(registry, service)) {
            return Ok(());
        }
        Err("its token service is on another domain; `registry.token_services` can allow it")
    }
}

/// Whether two addresses share scheme, host and port, so that a credential for one may go to the other.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// The host of an address, with its port where it is not the scheme's own.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(embedded_v4(address).map_or(address, IpAddr::V4))
}

/// The IPv4 address within an IPv6 address that is only another way to write it: mapped, compatible,
/// 6to4 or behind the usual NAT64 prefix.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let parts = v6.segments();
    let v4 = |at: usize| Ipv4Addr::from((u32::from(parts[at]) << 16) | u32::from(parts[at + 1]));
    match parts {
        [0x2002, ..] => Some(v4(1)),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] => Some(v4(6)),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(v4(6)),
        _ => None,
    }
}

fn is_loopback(url: &Url) -> bool {
    let name = url.host_str().map(|host| host.trim_end_matches('.'));
    name.is_some_and(|name| name == "localhost" || name.ends_with(".localhost"))
        || address(url).is_some_and(|address| address.is_loopback())
}

/// Whether an address is this machine's own, its link's (cloud metadata is there), or nobody's.
pub(crate) fn is_own_or_link_local(address: IpAddr) -> bool {
    let address = embedded_v4(address).map_or(address, IpAddr::V4);
    let of_link = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    of_link || address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

/// Whether two hosts belong to the same site: equal, one within the other, or both within a domain
/// that somebody registered. Where a country has `co.uk` and the like, that takes three labels.
fn same_site(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    if one.parse::<IpAddr>().is_ok() || other.parse::<IpAddr>().is_ok() {
        return false;
    }
    let shared = one.rsplit('.').zip(other.rsplit('.')).take_while(|(a, b)| a == b).count();
    let mut labels = one.rsplit('.');
    let country = labels.next().is_some_and(|label| label.len() == 2);
    let short_second = labels.next().is_some_and(|label| label.len() <= 3);
    shared >= if country && short_second { 3 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::new(&OciRegistryConfig {
            insecure: vec!["registry.lan:5000".into()],
            token_services: vec![TokenService {
                registry: "registry.example".into(),
                host: "login.elsewhere.test".into(),
            }],
            ..OciRegistryConfig::default()
        })
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn plain_http_is_for_loopback_and_named_registries_only() {
        for (registry, path, expected) in [
            ("docker.io", "library/nginx", "https://registry-1.docker.io/v2/library/nginx/tags/list"),
            ("ghcr.io", "o/app", "https://ghcr.io/v2/o/app/tags/list"),
            ("localhost:5000", "app", "http://localhost:5000/v2/app/tags/list"),
            ("127.0.0.9:1", "app", "http://127.0.0.9:1/v2/app/tags/list"),
            ("[::1]:5000", "app", "http://[::1]:5000/v2/app/tags/list"),
            ("registry.lan:5000", "app", "http://registry.lan:5000/v2/app/tags/list"),
            ("registry.lan", "app", "https://registry.lan/v2/app/tags/list"),
            ("10.0.0.1:5000", "app", "https://10.0.0.1:5000/v2/app/tags/list"),
            ("r.example", "a?b/../c#d", "https://r.example/v2/a%3Fb/c%23d/tags/list"),
        ] {
            let repository = Repository { registry: registry.into(), path: path.into() };
            let built = endpoints().url(&repository, &["tags", "list"]).unwrap();
            assert_eq!(built.as_str(), expected, "{registry}");
        }
        for registry in ["", "user:secret@host", "host/path", "a b", "host?x"] {
            let repository = Repository { registry: registry.into(), path: "a".into() };
            assert_eq!(endpoints().url(&repository, &[]).unwrap_err().category(), "connect", "{registry}");
        }
    }

    #[test]
    fn redirects_stay_on_safe_ground() {
        for (from, to, allowed) in [
            ("https://r.example/v2/", "https://cdn.test/blob?sig=1", true),
            ("https://r.example/v2/", "http://r.example/v2/", false),
            ("https://r.example/v2/", "file:///etc/passwd", false),
            ("https://r.example/v2/", "https://u:p@cdn.test/", false),
            ("https://r.example/v2/", "https://127.0.0.1/", false),
            ("https://r.example/v2/", "https://[::ffff:127.0.0.1]/", false),
            ("https://r.example/v2/", "https://localhost./", false),
            ("https://r.example/v2/", "https://169.254.169.254/latest/meta-data", false),
            ("https://r.example/v2/", "https://0/", false),
            ("http://registry.lan:5000/", "http://other.lan/", false),
            ("http://registry.lan:5000/", "http://registry.lan:5000/x", true),
            ("http://registry.lan:5000/", "https://cdn.test/x", true),
            ("http://127.0.0.1:1/", "http://127.0.0.1:2/", true),
        ] {
            assert_eq!(endpoints().may_redirect(&url(from), &url(to)).is_ok(), allowed, "{from} to {to}");
        }
    }

    #[test]
    fn a_token_service_belongs_to_its_registry() {
        for (from, realm, allowed) in [
            ("https://registry-1.docker.io/", "https://auth.docker.io/token", true),
            ("https://ghcr.io/", "https://ghcr.io/token", true),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", true),
            ("https://lscr.io/", "https://ghcr.io/token", true),
            ("https://registry.example/", "https://login.elsewhere.test/token", true),
            ("https://other.example/", "https://login.elsewhere.test/token", false),
            ("https://a.co.uk/", "https://b.co.uk/token", false),
            ("https://r.a.co.uk/", "https://auth.a.co.uk/token", true),
            ("https://a.example/", "https://evil.test/token", false),
            ("https://ghcr.io/", "http://ghcr.io/token", false),
            ("https://10.0.0.1/", "https://10.0.0.2/token", false),
            ("http://127.0.0.1:1/", "http://127.0.0.1:2/token", true),
        ] {
            let found = endpoints().may_ask_token_service(&url(from), &url(realm)).is_ok();
            assert_eq!(found, allowed, "{from} to {realm}");
        }
    }
}
