//! A whole scan costs what its distinct references cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use lodeman_domain::image::{ImageReference, Tag};
use lodeman_registry::ScanSession;
use lodeman_registry::blueprint::{ImageBlueprint, digest_of};
use lodeman_registry::check::{DigestVerdict, ImageStore, LocalImage, RunningImage, compare_digest};
use lodeman_registry::contract::RegistrySeed;

use crate::model::{Door, Habits, Model};
use crate::server::{Seen, client};

#[tokio::test]
async fn five_hundred_containers_of_two_hundred_repositories_cost_one_head_each() {
    let model = Model::start(Habits { door: Door::Bearer("token"), ..Habits::default() }).await;
    let tag: Tag = "1".parse().unwrap();
    let images = [ImageBlueprint::new("new"), ImageBlueprint::new("new").on("linux/arm64/v8")];
    for number in 0..200 {
        let repository = model.repository(&format!("app{number}"));
        model.push_index(&repository, &tag, &images, false).await;
    }
    let client = Arc::new(client());
    for scan in 1..=2 {
        let session = Arc::new(ScanSession::new(client.clone()));
        let before = model.server.seen().len();
        let begun = Instant::now();
        let mut checks = tokio::task::JoinSet::new();
        for number in 0..500 {
            let repository = model.repository(&format!("app{}", number % 200));
            let session = Arc::clone(&session);
            let platform = images[0].platform.clone();
            checks.spawn(async move {
                let reference: ImageReference = format!("{repository}:1").parse().unwrap();
                let image = LocalImage {
                    image_id: digest_of(b"what ran before"),
                    manifest_digest: None,
                    repo_digests: vec![format!("{repository}@{}", digest_of(b"an index before"))],
                };
                let running = RunningImage { image, platform, store: ImageStore::Classic, pulled: None };
                compare_digest(session.as_ref(), &reference, &running, None).await.unwrap()
            });
        }
        let verdicts = checks.join_all().await;
        assert!(verdicts.iter().all(|verdict| matches!(verdict, DigestVerdict::UpdateAvailable { .. })));
        assert!(begun.elapsed() < Duration::from_secs(30), "scan {scan} took {:?}", begun.elapsed());
        let seen = model.server.seen().split_off(before);
        let count = |method: Method| {
            let of_kind = |s: &&Seen| s.method == method && s.target.contains("/manifests/");
            seen.iter().filter(of_kind).filter(|s| s.authorization().is_some()).count()
        };
        assert_eq!(count(Method::HEAD), 200, "scan {scan}");
        // An index and a manifest each in the first scan; by digest they are known in the second.
        let manifests = count(Method::GET);
        assert_eq!(manifests, if scan == 1 { 400 } else { 0 }, "scan {scan}");
    }
    assert_eq!(model.server.count("/token"), 200, "one token a repository, kept between scans");
}
