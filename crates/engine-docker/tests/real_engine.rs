//! The adapter against a real engine: the one at the socket that `LODEMAN_TEST_ENGINE` names.
//!
//! `cargo xtask test` brings one up. Without one these tests fail, unless `LODEMAN_WITHOUT_LAB=1`
//! says that this is meant. `world` says which more variables there are.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a helper that fails fails its test")]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use http::Method;
use lodeman_domain::container::{ContainerName, RunState};
use lodeman_engine::contract::{self, Outcome};
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{ContainerEngine, EngineError, EventAction, RestartPolicy, SilentPull};
use lodeman_engine_docker::{ApiVersion, DockerEngine, DockerEngineConfig};
use serde_json::json;
use tokio::sync::OnceCell;
use world::RealWorld;

/// The image without a file that these tests make.
const EMPTY: &str = "lodeman-test/empty:1";

fn socket() -> Option<String> {
    if let Ok(socket) = std::env::var("LODEMAN_TEST_ENGINE") {
        return Some(socket.trim_start_matches("unix://").to_owned());
    }
    assert_eq!(
        std::env::var("LODEMAN_WITHOUT_LAB").as_deref(),
        Ok("1"),
        "LODEMAN_TEST_ENGINE names no engine's socket: run `cargo xtask test`, set it, or set LODEMAN_WITHOUT_LAB=1"
    );
    eprintln!("left out: there is no lab (LODEMAN_WITHOUT_LAB=1)");
    None
}

/// The engine with the image in it; `None` where the lab is left out on purpose.
async fn engine() -> Option<DockerEngine> {
    static IMPORTED: OnceCell<()> = OnceCell::const_new();
    let socket = socket()?;
    // Each import makes another image, so there is one for all tests.
    IMPORTED.get_or_init(|| import(&socket)).await;
    Some(DockerEngine::connect(DockerEngineConfig::new(socket)).unwrap())
}

async fn import(socket: &str) {
    // An archive that ends at once: two empty blocks.
    let (repository, tag) = EMPTY.split_once(':').unwrap();
    let path = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}");
    world::http::engine(socket, Method::POST, &path, "application/x-tar", vec![0; 1024]).await.expect(&[200]);
}

/// A name no other test uses.
fn fresh_name() -> ContainerName {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("lodeman-test-{}-{count}", std::process::id()).parse().unwrap()
}

fn spec(label: &str) -> CreateSpec {
    let spec = json!({"Image": EMPTY, "Cmd": ["/none"], "Labels": {"lodeman.test": label}});
    CreateSpec(spec.as_object().unwrap().clone())
}

#[tokio::test]
async fn the_engine_tells_who_it_is() {
    let Some(engine) = engine().await else { return };
    engine.ping().await.unwrap();
    let info = engine.info().await.unwrap();
    let spoken: ApiVersion = info.api_version.parse().unwrap();
    assert!((ApiVersion::OLDEST..=ApiVersion::NEWEST).contains(&spoken), "{spoken}");
    assert!(!info.engine_id.is_empty() && !info.server_version.is_empty());
    assert_eq!(info.platform.os, "linux");
    let image = engine.inspect_image(EMPTY).await.unwrap();
    assert!(info.platform.accepts(&image.platform()), "{} {}", info.platform, image.platform());
}

#[tokio::test]
async fn a_container_keeps_what_it_was_made_with() {
    let Some(engine) = engine().await else { return };
    let platform = engine.info().await.unwrap().platform;
    let (name, other) = (fresh_name(), fresh_name());
    assert_eq!(engine.find_container(&name).await.unwrap(), None);
    let id = engine.create_container(&name, &spec("ü \"quoted\"\n"), &platform).await.unwrap();

    let found = engine.find_container(&name).await.unwrap().unwrap();
    assert_eq!((found.id(), found.name()), (&id, &name));
    assert_eq!(found.labels()["lodeman.test"], "ü \"quoted\"\n");
    assert_eq!(found.state(), Some(RunState::Created));
    assert_eq!(found.image_reference(), EMPTY);
    let row = engine.list_containers().await.unwrap().into_iter().find(|row| row.id == id).unwrap();
    assert_eq!(row.name(), Some(&name));
    assert_eq!(row.image_id, found.image_id());
    assert_eq!(row.labels, found.labels());
    let short = id.short().parse().unwrap();
    assert_eq!(engine.find_container(&short).await.unwrap(), None, "a short id is no name");

    let taken = engine.create_container(&name, &spec(""), &platform).await.unwrap_err();
    assert_eq!(taken.status(), Some(409), "{taken}");
    assert_eq!(engine.rename(&id, &name).await.unwrap_err().status(), Some(400));
    engine.rename(&id, &other).await.unwrap();
    let policy = RestartPolicy { name: "on-failure".to_owned(), maximum_retry_count: 3 };
    engine.set_restart_policy(&id, &policy).await.unwrap();
    let after = engine.inspect_container(&id).await.unwrap();
    assert_eq!((after.name(), after.restart_policy()), (&other, policy));

    engine.stop(&id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(engine.kill(&id).await.unwrap_err().status(), Some(409));
    assert_eq!(engine.tail_logs(&id, 10).await.unwrap(), "");
    engine.remove_container(&id).await.unwrap();
    engine.remove_container(&id).await.unwrap();
    assert!(engine.inspect_container(&id).await.unwrap_err().is_not_found());
    assert_eq!(engine.start(&id).await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn a_network_that_is_not_there_is_refused_before_the_start() {
    let Some(engine) = engine().await else { return };
    let platform = engine.info().await.unwrap().platform;
    let id = engine.create_container(&fresh_name(), &spec(""), &platform).await.unwrap();
    let nowhere = EndpointSpec { network: "lodeman test/none?".to_owned(), config: serde_json::Map::new() };
    let refused = engine.connect_network(&id, &nowhere).await;
    engine.remove_container(&id).await.unwrap();
    assert_eq!(refused.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn what_is_not_there_is_refused_or_not_found() {
    let Some(engine) = engine().await else { return };
    let platform = engine.info().await.unwrap().platform;
    assert!(engine.inspect_image("lodeman-test/none:1").await.unwrap_err().is_not_found());
    engine.remove_image("lodeman-test/none:1").await.unwrap();
    let mut without = spec("");
    without.0.insert("Image".to_owned(), json!("lodeman-test/none:1"));
    let refused = engine.create_container(&fresh_name(), &without, &platform).await.unwrap_err();
    assert_eq!(refused.status(), Some(404), "{refused}");
    // Nothing listens on that port, and loopback is asked without TLS.
    let reference = "127.0.0.1:9/lodeman-test/none:1".parse().unwrap();
    let refused = engine.pull(&reference, &platform, None, &SilentPull).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn an_image_has_the_names_it_was_given_and_loses_the_ones_taken() {
    let Some(engine) = engine().await else { return };
    let repository = format!("lodeman.local/pin/{:08x}", std::process::id());
    let image = engine.inspect_image(EMPTY).await.unwrap();
    engine.tag_image(image.id(), &repository, "keep").await.unwrap();
    let pin = format!("{repository}:keep");
    assert_eq!(engine.inspect_image(&pin).await.unwrap().id(), image.id());
    let listed = engine.list_images().await.unwrap();
    assert!(listed.iter().any(|row| row.id == *image.id() && row.repo_tags.contains(&pin)));
    engine.remove_image(&pin).await.unwrap();
    assert!(engine.inspect_image(&pin).await.unwrap_err().is_not_found());
    assert_eq!(engine.inspect_image(EMPTY).await.unwrap().id(), image.id(), "only the name went");
}

#[tokio::test]
async fn events_tell_of_everything_from_the_moment_they_were_opened() {
    let Some(engine) = engine().await else { return };
    let platform = engine.info().await.unwrap().platform;
    let mut events = engine.events().await.unwrap();
    let (name, other) = (fresh_name(), fresh_name());
    let id = engine.create_container(&name, &spec(""), &platform).await.unwrap();
    engine.rename(&id, &other).await.unwrap();
    engine.remove_container(&id).await.unwrap();
    let mut told = Vec::new();
    let listening = async {
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.container.as_ref() == Some(&id) {
                told.push((event.action.clone(), event.name, event.at));
                if event.action == EventAction::Destroy {
                    break;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listening).await.unwrap();
    let actions: Vec<_> = told.iter().map(|(action, ..)| action.clone()).collect();
    assert_eq!(actions, [EventAction::Create, EventAction::Rename, EventAction::Destroy]);
    assert_eq!(told[1].1, Some(other));
    assert!(told.is_sorted_by_key(|(.., at)| *at), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_keeps_the_contract() {
    let Some(socket) = socket() else { return };
    let world = Arc::new(RealWorld::at(&socket));
    let filter = std::env::var("LODEMAN_TEST_CONTRACT").unwrap_or_default();
    let outcomes = contract::run(Arc::clone(&world) as Arc<dyn contract::World>, &filter).await;
    world.sweep().await;
    eprintln!("{}", world::describe(&outcomes));
    let failed: Vec<_> =
        outcomes.into_iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).collect();
    assert!(failed.is_empty(), "{}", world::describe(&failed));
}
