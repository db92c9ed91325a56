//! The suite, played on the fake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use lodeman_domain::container::ContainerId;

use super::{Outcome, SampleImage, World, run};
use crate::ContainerEngine;
use crate::fake::{FakeEngine, FakeImage, FakeImages, FakeOptions, Shutdown};

struct FakeWorld {
    engine: FakeEngine,
    images: FakeImages,
    port: AtomicU16,
}

impl FakeWorld {
    fn with(options: FakeOptions) -> Arc<Self> {
        let images = FakeImages::default();
        let engine = FakeEngine::new(options, images.clone()).outsider();
        Arc::new(Self { engine, images, port: AtomicU16::new(20_000) })
    }

    fn image(sample: &SampleImage) -> FakeImage {
        let mut image = FakeImage::new(&format!("{}:{}", sample.name, sample.version));
        image.config.clone_from(&sample.config);
        image.with_behaviour(sample.behaviour.clone())
    }

    async fn name_of(&self, id: &ContainerId) -> String {
        self.engine.inspect_container(id).await.unwrap().name().to_string()
    }
}

#[async_trait]
impl World for FakeWorld {
    fn engine(&self) -> &dyn ContainerEngine {
        &self.engine
    }

    async fn provide(&self, image: &SampleImage) -> String {
        let reference = format!("lodeman-contract/{}:{}", image.name, image.version);
        let _ = self.images.publish(&reference, &Self::image(image));
        self.engine.load(&reference).unwrap();
        reference
    }

    async fn publish(&self, tag: &str, image: &SampleImage) -> Option<String> {
        let reference = format!("registry.example/contract:{tag}");
        let _ = self.images.publish(&reference, &Self::image(image));
        Some(reference)
    }

    async fn network(&self, name: &str, prefix: [u8; 3]) {
        self.engine.add_network(name, prefix);
    }

    async fn write_file(&self, id: &ContainerId, path: &str, content: &str) {
        self.engine.write_file(&self.name_of(id).await, path, content);
    }

    async fn read_file(&self, id: &ContainerId, path: &str) -> Option<String> {
        self.engine.read_file(&self.name_of(id).await, path)
    }

    async fn volumes(&self) -> Vec<String> {
        self.engine.volumes()
    }

    async fn free_port(&self) -> u16 {
        self.port.fetch_add(1, Ordering::Relaxed)
    }

    async fn restart(&self, how: Shutdown) -> bool {
        self.engine.restart_engine(how);
        true
    }
}

async fn holds(options: FakeOptions) {
    let outcomes = run(FakeWorld::with(options), "").await;
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome != Outcome::Held).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(outcomes.len() > 25, "{}", outcomes.len());
}

#[tokio::test(start_paused = true)]
async fn a_check_that_does_not_hold_is_reported_and_swept_up() {
    let world = FakeWorld::with(FakeOptions::default());
    world.engine.set_disk_full(true);
    let outcomes = run(Arc::clone(&world) as Arc<dyn World>, "a_name_belongs").await;
    assert!(matches!(outcomes[..], [(_, Outcome::Failed(_))]), "{outcomes:?}");
    assert_eq!(world.engine.names(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_fake_of_an_old_engine_keeps_the_contract() {
    holds(FakeOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn the_fake_of_a_new_engine_with_the_containerd_store_keeps_the_contract() {
    holds(FakeOptions::containerd()).await;
}

#[tokio::test(start_paused = true)]
async fn the_fake_of_an_engine_with_live_restore_keeps_the_contract() {
    holds(FakeOptions { live_restore: true, ..FakeOptions::default() }).await;
}
