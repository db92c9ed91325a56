//! TLS: verified always, with a registry's own root where one is configured.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use lodeman_domain::image::Repository;
use lodeman_registry::RegistryClient;
use lodeman_registry_oci::ExtraRoot;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::{answer, client_with};

/// A certificate authority that nobody knows.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root")
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, from)) = self.tcp.accept().await else { continue };
            // A client that does not trust us hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A registry whose certificate is for `name` and signed by `authority`.
async fn serve(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the certificate fits its key");
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let listener = TlsListener { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
    let router = axum::Router::new().fallback(|| async { answer(200, &[], r#"{"tags":["a"]}"#) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn category(registry: &str, pem: &str) -> Result<usize, &'static str> {
    let root = ExtraRoot { registry: Some(registry.to_owned()), pem: pem.as_bytes().to_vec() };
    let (client, _) = client_with(|config| config.extra_roots = vec![root]);
    let repository = Repository { registry: registry.to_owned(), path: "app".into() };
    client.list_tags(&repository).await.map(|list| list.tags.len()).map_err(|error| error.category())
}

#[tokio::test]
async fn a_registrys_own_root_is_trusted_and_no_other() {
    let (known, unknown) = (authority(), authority());
    let registry = serve(&known, "127.0.0.1").await.to_string();
    assert_eq!(category(&registry, &known.pem()).await, Ok(1));
    assert_eq!(category(&registry, &unknown.pem()).await, Err("tls"));
    assert_eq!(category(&registry, "no certificate").await, Err("tls"));
}

#[tokio::test]
async fn a_root_for_all_registries_is_trusted_beside_a_registrys_own() {
    let (own, shared) = (authority(), authority());
    let registry = serve(&shared, "127.0.0.1").await.to_string();
    let root = |registry: Option<&str>, authority: &CertifiedIssuer<'static, KeyPair>| ExtraRoot {
        registry: registry.map(str::to_owned),
        pem: authority.pem().into_bytes(),
    };
    let repository = Repository { registry: registry.clone(), path: "app".into() };
    let roots = vec![root(Some(&registry), &own), root(None, &shared)];
    let (client, _) = client_with(|config| config.extra_roots = roots);
    assert_eq!(client.list_tags(&repository).await.unwrap().tags.len(), 1);
    // Certificates for all do not by themselves take a registry on loopback away from plain HTTP.
    let (client, _) = client_with(|config| config.extra_roots = vec![root(None, &shared)]);
    assert!(client.list_tags(&repository).await.is_err());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = authority();
    let registry = serve(&authority, "registry.example").await.to_string();
    assert_eq!(category(&registry, &authority.pem()).await, Err("tls"));
}

#[tokio::test]
async fn a_name_from_the_hosts_file_is_found_without_the_c_library() {
    let authority = authority();
    let port = serve(&authority, "localhost").await.port();
    assert_eq!(category(&format!("localhost:{port}"), &authority.pem()).await, Ok(1));
}
