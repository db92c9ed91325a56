//! What a scraper sees of a server that has scanned and updated: every series, with its labels.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use lodeman_config::{Config, Sources};
use lodeman_http::{Exporter, METRICS, MetricsAccess, ProbeConfig, probes, serve};
use lodeman_updater::control::Control as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Local, registry_client};

fn config(data_dir: &std::path::Path) -> Config {
    let sources = Sources {
        file: None,
        env: Vec::new(),
        flags: vec![("server.data_dir".to_owned(), data_dir.display().to_string())],
        system_time_zone: None,
        read_secret: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::load(&sources).unwrap()
}

/// A registry that knows one tag.
fn registry() -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = r#"{"tags":["1"]}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

/// Series by name: the names of its labels.
fn series(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let name = of_histogram.filter(|name| name.ends_with("_seconds")).unwrap_or(name);
        let labels = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
        let labels = labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le");
        found.entry(name.to_owned()).or_default().extend(labels);
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_server_that_scanned_and_updated_shows_every_series_described_and_labelled() {
    let exporter = Exporter::new();
    let _recording = exporter.on_this_thread();
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let local = Local::demo(&config).await.unwrap();
    let report = local.app.run(Vec::new(), "ann").await.unwrap();
    assert!(report.updates.len() >= 3, "{report:?}");

    tokio::time::resume();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = registry_client(&config);
    let at = |address: SocketAddr| lodeman_domain::image::Repository {
        registry: address.to_string(),
        path: "app".to_owned(),
    };
    assert_eq!(client.list_tags(&at(registry())).await.unwrap().tags.len(), 1);
    let nobody = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for category in ["connect", "circuit_open"] {
        assert_eq!(client.list_tags(&at(nobody)).await.unwrap_err().category(), category);
    }

    let probe = ProbeConfig { metrics: MetricsAccess::Public(exporter.clone()), detail: true, docs: true };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    tokio::spawn(serve(listener, probes(Arc::new(local.app.clone()), probe), stopping.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ask = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    stopping.cancel();
    local.close().await;
    let (_, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(text.contains("lodeman_updates_total{outcome=\"rolled_back\"} 1"), "{text}");
    assert!(text.contains("lodeman_registry_requests_total{kind=\"tags\",outcome=\"ok\"} 1"), "{text}");
    let saved = "lodeman_registry_requests_saved_total{kind=\"tags\",reason=\"circuit_open\"} 1";
    assert!(text.contains(saved), "{text}");

    let seen = series(text);
    for spec in METRICS.iter().filter(|spec| spec.name != "lodeman_next_scan_timestamp_seconds") {
        let labels = seen.get(spec.name).unwrap_or_else(|| panic!("{} is not shown:\n{text}", spec.name));
        let expected: BTreeSet<String> = spec.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(*labels, expected, "{}", spec.name);
        assert!(text.contains(&format!("# HELP {} {}", spec.name, spec.help)), "{text}");
        assert!(text.contains(&format!("# TYPE {} {}", spec.name, spec.kind.as_str())), "{text}");
    }
    let known: BTreeSet<&str> = METRICS.iter().map(|spec| spec.name).collect();
    let unknown: Vec<&String> = seen.keys().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
