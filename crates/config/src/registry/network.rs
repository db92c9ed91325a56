//! The way to registries: mirrors, token services, root certificates, proxies.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::parse_host;
use crate::load::ReadSecret;

/// A pull-through mirror of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry, in normal form: `docker.io`.
    pub registry: String,
    /// Its mirror, `host` or `host:port`.
    pub mirror: String,
}

/// A token service that a registry may refer us to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenService {
    /// The registry, in normal form.
    pub registry: String,
    /// Host of the token service.
    pub host: String,
}

/// A file of root certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificates {
    /// The registry that they are for; `None`: all of them.
    pub registry: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// Its content, in PEM.
    pub pem: String,
}

/// As it is written.
impl fmt::Display for RootCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registry {
            Some(registry) => write!(f, "{registry}={}", self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}

/// A certificate authority's file has a few of these at most; a machine's whole bundle some hundred.
const MAX_ROOTS: usize = 512 * 1024;

impl RootCertificates {
    /// Reads the file; on error says what is wrong with it.
    pub(crate) fn read(&mut self, read: &ReadSecret<'_>) -> Result<(), String> {
        let text = read(&self.path).map_err(|error| format!("cannot be read: {error}"))?;
        if text.len() > MAX_ROOTS {
            return Err("has more than 512 KiB; those are no root certificates".to_owned());
        }
        if text.contains("PRIVATE KEY-----") {
            return Err("holds a private key; only certificates belong here".to_owned());
        }
        let begun = text.matches("-----BEGIN CERTIFICATE-----").count();
        if begun == 0 || begun != text.matches("-----END CERTIFICATE-----").count() {
            return Err("holds no certificate in PEM".to_owned());
        }
        self.pem = text;
        Ok(())
    }
}

/// A proxy's address. Shows no credentials.
#[derive(Clone)]
pub struct ProxyAddress {
    /// All of it, with the credentials it may have: `http://user:password@proxy.lan:3128`.
    pub url: SecretString,
    /// Its host, without the port.
    pub host: String,
    /// The same without credentials.
    shown: String,
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyAddress({})", self.shown)
    }
}

impl PartialEq for ProxyAddress {
    fn eq(&self, other: &Self) -> bool {
        self.url.expose_secret() == other.url.expose_secret()
    }
}

impl Eq for ProxyAddress {}

/// The lines of a list, without those that are empty.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |line: &str| {
        let (one, other) = line.split_once('=').ok_or("there is one without a `=`")?;
        let host = |text: &str| parse_host(text).ok_or("there is one that is no registry");
        Ok((host(one)?, host(other)?))
    };
    lines(text).map(pair).collect::<Result<_, &str>>().map_err(str::to_owned)
}

pub(crate) fn mirrors(text: &str) -> Result<Vec<Mirror>, String> {
    let pairs = pairs(text)?;
    if pairs.iter().any(|(registry, mirror)| registry == mirror) {
        return Err("there is one that mirrors itself".to_owned());
    }
    Ok(pairs.into_iter().map(|(registry, mirror)| Mirror { registry, mirror }).collect())
}

pub(crate) fn token_services(text: &str) -> Result<Vec<TokenService>, String> {
    let pairs = pairs(text)?;
    if pairs.iter().any(|(_, host)| host.contains(':')) {
        return Err("there is a token service with a port".to_owned());
    }
    Ok(pairs.into_iter().map(|(registry, host)| TokenService { registry, host }).collect())
}

pub(crate) fn root_files(text: &str) -> Result<Vec<RootCertificates>, String> {
    let file = |line: &str| {
        let (registry, path) = match line.split_once('=') {
            Some((registry, path)) if !registry.starts_with('/') => {
                (Some(parse_host(registry).ok_or("there is one that is no registry")?), path.trim())
            }
            _ => (None, line),
        };
        let path = PathBuf::from(path);
        if !path.is_absolute() || line.contains('\0') {
            return Err("there is one without an absolute path");
        }
        Ok(RootCertificates { registry, path, pem: String::new() })
    };
    lines(text).map(file).collect::<Result<_, &str>>().map_err(str::to_owned)
}

/// A proxy's address. What is wrong with one is told without it: it may hold a password.
pub(crate) fn proxy(text: &str) -> Result<Option<ProxyAddress>, String> {
    let text = text.trim();
    if matches!(text, "" | "none") {
        return Ok(None);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !matches!(scheme, "http" | "https") {
        return Err("this is no http:// or https:// address".to_owned());
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(user, place)| (user, place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, Some(port)),
        _ => (place, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err("this has no port from 1 to 65535".to_owned());
    }
    let name = |host: &str| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        !host.is_empty() && host.bytes().all(letter)
    };
    let address = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if !name(host) && !address(host) {
        return Err("this has no host".to_owned());
    }
    if user.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'/' | b'?' | b'#' | b'@')) {
        return Err("its user and password have characters that must be written as %XX".to_owned());
    }
    let place = place.to_ascii_lowercase();
    let shown =
        if user.is_empty() { format!("{scheme}://{place}") } else { format!("{scheme}://…@{place}") };
    let url = if user.is_empty() { shown.clone() } else { format!("{scheme}://{user}@{place}") };
    Ok(Some(ProxyAddress { url: url.into(), host: host.to_ascii_lowercase(), shown }))
}

pub(crate) fn no_proxy(text: &str) -> Result<Vec<String>, String> {
    let fits = |entry: &str| entry.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'@' | b'='));
    let entries: Vec<String> = lines(text).map(str::to_owned).collect();
    if entries.iter().all(|entry| fits(entry)) {
        Ok(entries)
    } else {
        Err("there is one that is no host".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_keeps_its_credentials_to_itself() {
        let found = proxy(" http://ann:s%40cret@Proxy.lan:3128/ ").unwrap().unwrap();
        assert_eq!(found.url.expose_secret(), "http://ann:s%40cret@proxy.lan:3128");
        assert_eq!(
            (found.host.as_str(), found.to_string().as_str()),
            ("proxy.lan", "http://…@proxy.lan:3128")
        );
        assert!(!format!("{found:?}").contains("cret"));
        for (text, host, shown) in [
            ("proxy.lan:3128", "proxy.lan", "http://proxy.lan:3128"),
            ("https://proxy.lan", "proxy.lan", "https://proxy.lan"),
            ("http://[fd00::1]:8080", "[fd00::1]", "http://[fd00::1]:8080"),
            ("http://[fd00::1]", "[fd00::1]", "http://[fd00::1]"),
        ] {
            let found = proxy(text).unwrap().unwrap();
            assert_eq!((found.host.as_str(), found.to_string().as_str()), (host, shown), "{text}");
        }
        assert_eq!((proxy("none"), proxy("")), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_repeated() {
        for text in [
            "socks5://ann:CANARY@p:1",
            "http://ann:CANARY@",
            "http://ann:CANARY@p:0",
            "http://ann:CANARY@p:http",
            "http://ann:CANARY@p/path",
            "http://ann:CAN ARY@p:1",
            "http://ann:CANARY@a b",
        ] {
            let error = proxy(text).unwrap_err();
            assert!(!error.contains("CAN"), "{error}");
        }
    }

    #[test]
    fn pairs_name_two_registries() {
        let found = mirrors("index.docker.io=mirror.lan:5000\n\n docker.io = 10.0.0.2:5000 ").unwrap();
        let shown: Vec<_> = found.iter().map(|m| (m.registry.as_str(), m.mirror.as_str())).collect();
        assert_eq!(shown, [("docker.io", "mirror.lan:5000"), ("docker.io", "10.0.0.2:5000")]);
        for text in ["docker.io", "docker.io=http://mirror.lan", "=a.b", "docker.io=registry-1.docker.io"] {
            assert!(mirrors(text).is_err(), "{text}");
        }
        assert_eq!(token_services("a.example=b.example").unwrap()[0].host, "b.example");
        assert!(token_services("a.example=b.example:443").is_err());
    }

    #[test]
    fn roots_are_for_one_registry_or_for_all() {
        let found = root_files("/etc/ca.pem\nregistry.lan:5000=/etc/lan=1.pem").unwrap();
        assert_eq!(found[0].to_string(), "/etc/ca.pem");
        assert_eq!(found[1].registry.as_deref(), Some("registry.lan:5000"));
        assert_eq!(found[1].path.to_str(), Some("/etc/lan=1.pem"));
        for text in ["ca.pem", "registry.lan=ca.pem", "lan=/etc/ca.pem"] {
            assert!(root_files(text).is_err(), "{text}");
        }
    }
}
