//! Proxies: which requests go through them, and what is never told of them.

use lodeman_domain::image::Repository;
use lodeman_registry::RegistryClient;
use lodeman_registry_oci::{OciRegistryClient, OciRegistryConfig};

use crate::server::{Server, answer, client_with};

const TAGS: &str = r#"{"tags":["a"]}"#;

fn repository(registry: &str) -> Repository {
    Repository { registry: registry.to_owned(), path: "app".to_owned() }
}

/// A client for whom `registry.test` has no TLS, with this proxy for both schemes.
fn client(proxy: &str, change: impl FnOnce(&mut OciRegistryConfig)) -> OciRegistryClient {
    let proxy = format!("http://ann:s3cret@{proxy}");
    let (client, _) = client_with(|config| {
        config.insecure = vec!["registry.test".to_owned()];
        config.http_proxy = Some(proxy.clone().into());
        config.https_proxy = Some(proxy.into());
        change(config);
    });
    client
}

#[tokio::test]
async fn plain_http_goes_through_its_proxy_which_is_shown_its_own_credentials_only() {
    let proxy = Server::start(|_, _| async { answer(200, &[], TAGS) }).await;
    let client = client(&proxy.host(), |_| ());
    assert_eq!(client.list_tags(&repository("registry.test")).await.unwrap().tags.len(), 1);
    let seen = proxy.seen().remove(0);
    assert!(seen.target.starts_with("http://registry.test/v2/app/tags/list"), "{}", seen.target);
    let shown = seen.headers.get("proxy-authorization").unwrap().to_str().unwrap();
    assert_eq!(shown, "Basic YW5uOnMzY3JldA==");
    assert_eq!(seen.authorization(), None);
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_a_proxy_that_refuses_is_told_without_its_password() {
    let proxy = Server::start(|_, _| async { answer(403, &[], "not you") }).await;
    let client = client(&proxy.host(), |_| ());
    let error = client.list_tags(&repository("other.test")).await.unwrap_err();
    let seen = proxy.seen();
    assert!(seen.iter().all(|seen| seen.method == "CONNECT" && seen.target == "other.test:443"), "{seen:?}");
    assert!(!seen.is_empty());
    let said = format!("{error} {error:?} {client:?}");
    assert!(!said.contains("s3cret") && !said.contains("YW5u"), "{said}");
}

#[tokio::test]
async fn loopback_is_reached_without_a_proxy() {
    let registry = Server::start(|_, _| async { answer(200, &[], TAGS) }).await;
    let proxy = Server::start(|_, _| async { answer(500, &[], "") }).await;
    let client = client(&proxy.host(), |_| ());
    for host in ["127.0.0.1", "localhost"] {
        let at = repository(&format!("{host}:{}", registry.address.port()));
        assert_eq!(client.list_tags(&at).await.unwrap().tags.len(), 1, "{host}");
    }
    assert_eq!(proxy.seen().len(), 0);
}

#[tokio::test]
async fn what_needs_no_proxy_is_looked_up_by_ourselves() {
    let proxy = Server::start(|_, _| async { answer(200, &[], TAGS) }).await;
    for entry in ["registry.test", ".test", "*"] {
        let client = client(&proxy.host(), |config| config.no_proxy = vec![entry.to_owned()]);
        assert!(client.list_tags(&repository("registry.test")).await.is_err(), "there is no such host");
    }
    assert_eq!(proxy.seen().len(), 0);
}
