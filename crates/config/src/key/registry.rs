//! The keys of how registries are spoken with: one row each.

use std::time::Duration;

use lodeman_domain::schedule::format_duration;

use super::value::{docker_config, duration, hosts, integer, put};
use super::{KeySpec, Kind};
use crate::registry::{mirrors, no_proxy, proxy, root_files, token_services};

const PROXY: &str = "http://proxy.lan:3128, with user:password@ where it asks for one; `none`: no proxy";

/// The keys of how registries are spoken with.
pub(super) static KEYS: &[KeySpec] = &[
    KeySpec {
        key: "registry.insecure_registries",
        default: "",
        allowed: "registries such as registry.lan:5000, without http://",
        summary: "registries that are spoken with over plain HTTP; loopback always may",
        kind: Kind::List,
        set: |c, text| put(&mut c.registry.insecure, hosts(text)),
        get: |c| c.registry.insecure.join("\n"),
    },
    KeySpec {
        key: "registry.docker_config",
        default: "",
        allowed: "an absolute path, or `none`",
        summary: "Docker's config.json, for its registry credentials",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.registry.docker_config, docker_config(text)),
        get: |c| {
            let file = c.registry.docker_config.as_ref();
            file.map_or_else(|| "none".to_owned(), |file| file.path.display().to_string())
        },
    },
    KeySpec {
        key: "registry.timeout",
        default: "10s",
        allowed: "a duration from 1s to 5m",
        summary: "how long one request to a registry may take",
        kind: Kind::Plain,
        set: |c, text| {
            put(&mut c.registry.timeout, duration(text, Duration::from_secs(1), Duration::from_mins(5)))
        },
        get: |c| format_duration(c.registry.timeout),
    },
    KeySpec {
        key: "registry.concurrency",
        default: "4",
        allowed: "a whole number from 1 to 64",
        summary: "how many requests run at once with one registry",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.registry.concurrency, integer(text, 1, 64)),
        get: |c| c.registry.concurrency.to_string(),
    },
    KeySpec {
        key: "registry.reserve_requests",
        default: "10",
        allowed: "a whole number from 0 to 1000",
        summary: "how many requests of a registry's quota scheduled scans leave for people",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.registry.reserve_requests, integer(text, 0, 1000)),
        get: |c| c.registry.reserve_requests.to_string(),
    },
    KeySpec {
        key: "registry.mirrors",
        default: "",
        allowed: "pairs such as docker.io=mirror.lan:5000, without http://",
        summary: "pull-through mirrors that are asked for manifests before their registry",
        kind: Kind::List,
        set: |c, text| put(&mut c.registry.mirrors, mirrors(text)),
        get: |c| {
            let pairs = c.registry.mirrors.iter().map(|m| format!("{}={}", m.registry, m.mirror));
            pairs.collect::<Vec<_>>().join("\n")
        },
    },
    KeySpec {
        key: "registry.token_services",
        default: "",
        allowed: "pairs such as registry.example=login.elsewhere.example",
        summary: "token services on other domains that a registry may send its credentials to",
        kind: Kind::List,
        set: |c, text| put(&mut c.registry.token_services, token_services(text)),
        get: |c| {
            let pairs = c.registry.token_services.iter().map(|t| format!("{}={}", t.registry, t.host));
            pairs.collect::<Vec<_>>().join("\n")
        },
    },
    KeySpec {
        key: "registry.root_certificates",
        default: "",
        allowed: "absolute paths of PEM files, each for one registry as in registry.lan:5000=/etc/ca.pem, \
                  or for all",
        summary: "root certificates that are trusted besides the machine's",
        kind: Kind::List,
        set: |c, text| put(&mut c.registry.root_certificates, root_files(text)),
        get: |c| {
            let written = c.registry.root_certificates.iter().map(ToString::to_string);
            written.collect::<Vec<_>>().join("\n")
        },
    },
    KeySpec {
        key: "registry.http_proxy",
        default: "",
        allowed: PROXY,
        summary: "proxy for registries that are spoken with over plain HTTP",
        kind: Kind::Secret,
        set: |c, text| put(&mut c.registry.http_proxy, proxy(text)),
        get: |c| c.registry.http_proxy.as_ref().map_or_else(String::new, ToString::to_string),
    },
    KeySpec {
        key: "registry.https_proxy",
        default: "",
        allowed: PROXY,
        summary: "proxy for all other registries",
        kind: Kind::Secret,
        set: |c, text| put(&mut c.registry.https_proxy, proxy(text)),
        get: |c| c.registry.https_proxy.as_ref().map_or_else(String::new, ToString::to_string),
    },
    KeySpec {
        key: "registry.no_proxy",
        default: "",
        allowed: "domains, addresses, networks such as 10.0.0.0/8, or `*`",
        summary: "what is reached without a proxy; loopback always is",
        kind: Kind::List,
        set: |c, text| put(&mut c.registry.no_proxy, no_proxy(text)),
        get: |c| c.registry.no_proxy.join("\n"),
    },
];
