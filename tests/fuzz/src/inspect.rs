//! What an engine says of a container, and the create request that is derived from it.

use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::ImageReference;
use lodeman_engine::spec::{
    Plan, Source, changed_beyond_image, check_no_gain, derive, is_made_by, keeps_repository, matches_created,
    new_volume_paths, plan_hash, refusals, restore,
};
use lodeman_engine::{ContainerInspect, ImageInspect};
use serde_json::{Map, Value, json};

use crate::input::text;

const ID: &str = "aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff";

/// The two answers of an engine: as JSON with the keys `container` and `image`, or in lines
/// `container.HostConfig.Privileged=true` laid over plain ones.
fn answers(text: &str) -> (Value, Value) {
    if text.starts_with('{') {
        let whole: Value = serde_json::from_str(text).unwrap_or_default();
        return (whole["container"].clone(), whole["image"].clone());
    }
    let mut whole = json!({
        "container": {
            "Id": ID, "Name": "/web", "Image": format!("sha256:{}", "1".repeat(64)),
            "Config": { "Image": "registry.example/app:1", "Hostname": &ID[..12], "Env": ["PATH=/bin"],
                "Cmd": ["serve"], "Entrypoint": null, "Labels": {} },
            "HostConfig": { "NetworkMode": "default",
                "RestartPolicy": { "Name": "always", "MaximumRetryCount": 0 } },
            "NetworkSettings": { "Networks": { "bridge": { "IPAddress": "172.17.0.2" } } },
            "State": { "Status": "running" }, "Mounts": [],
        },
        "image": { "Env": ["PATH=/bin"], "Cmd": ["serve"] },
    });
    for (path, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let Ok(value) = serde_json::from_str::<Value>(value) else { continue };
        let mut place = &mut whole;
        for key in path.split('.') {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[key];
        }
        *place = value;
    }
    (whole["container"].take(), whole["image"].take())
}

fn resolve(text: &str) -> Option<ContainerName> {
    if text.starts_with("gone") { None } else { text.parse().ok() }
}

/// Whatever an engine says is understood or refused; what is derived gains nothing, keeps its image, can be
/// stored, and a plan that someone tampered with is noticed.
pub(crate) fn inspect(input: &[u8]) {
    let text = text(input);
    let (container, image) = answers(&text);
    if let Ok(image) = ImageInspect::from_json(image.clone()) {
        let _ = (image.config(), image.repo_tags(), image.repo_digests(), image.platform());
    }
    let Ok(container) = ContainerInspect::from_json(container) else { return };
    look(&container);
    let image_config = image.as_object().cloned().unwrap_or_default();
    let target: ImageReference = "registry.example/app:2".parse().expect("a reference");
    for api_version in ["1.41", "1.51"] {
        let source = Source {
            container: &container,
            image_config: &image_config,
            api_version,
            resolve: &resolve,
            host_name: "machine",
        };
        if let Ok(plan) = derive(&source, &target, None) {
            assert_eq!(plan.spec.image(), target.to_string());
            judge(&source, &plan);
        }
        if let Ok(plan) = restore(&source) {
            assert_eq!(Some(plan.spec.image()), container.image_id().as_ref().map(Digest::as_str));
            judge(&source, &plan);
        }
    }
    // What cannot be carried over is told as a difference.
    let same = changed_beyond_image(&container, &container, &image_config, &image_config);
    let told = |text: &Value| text.as_str().is_some_and(|text| text.contains("cannot be carried over"));
    assert!(same.iter().all(|field| told(&field.new)), "nothing differs from itself: {same:?}");
    if keeps_repository(&container, &target) {
        let running: ImageReference = container.image_reference().parse().expect("it is a reference");
        assert_eq!(running.repository(), target.repository());
    }
}

/// Everything that is read of a container.
fn look(container: &ContainerInspect) {
    let _ = (container.manifest_digest(), container.manifest_platform(), container.state(), container.pid());
    let _ = (container.finished_at(), container.started_instant(), container.exit_code());
    let _ = (container.was_ever_started(), container.health(), container.restart_count());
    let _ = (container.auto_remove(), container.oom_killed(), container.state_error());
    let _ = refusals(container, std::slice::from_ref(container));
    assert!(container.stop_timeout_seconds().is_none_or(|seconds| seconds <= 3600));
    assert!(
        container.networks().is_sorted() && container.mounts().is_sorted_by_key(|m| m.destination.clone())
    );
    assert!(!container.restart_policy().name.is_empty());
}

fn judge(source: &Source<'_>, plan: &Plan) {
    let stored = serde_json::to_string(plan).expect("a plan can be stored");
    let again: Plan = serde_json::from_str(&stored).expect("and read");
    assert_eq!(&again, plan);
    assert_eq!(plan_hash(&again), plan_hash(plan));
    let names = plan.network_names();
    assert!(names.is_sorted() && plan.networks.is_sorted_by_key(|n| n.network.clone()));
    let _ = (matches_created(plan, source.container), is_made_by(plan, source));
    assert!(new_volume_paths(plan, source.image_config).is_sorted());
    // Where the engine contradicts itself, the guard may refuse even what was derived.
    if check_no_gain(source.container, plan).is_err() {
        return;
    }
    for (what, tampered) in tampered(source.container, plan) {
        assert!(
            check_no_gain(source.container, &tampered).is_err(),
            "{what} is noticed: {:?}",
            tampered.spec
        );
    }
}

/// Plans with something in them that the container does not have.
fn tampered(container: &ContainerInspect, plan: &Plan) -> Vec<(&'static str, Plan)> {
    let host = container.section("HostConfig");
    let additions = [
        ("a privilege", "Privileged", json!(true)),
        ("a capability", "CapAdd", json!(["SYS_MODULE"])),
        ("a device", "Devices", json!([{ "PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/kmsg" }])),
        ("a bind", "Binds", json!(["/:/fuzz-host-root:rw"])),
        ("a port", "PortBindings", json!({ "6666/tcp": [{ "HostPort": "6666" }] })),
        ("the host's processes", "PidMode", json!("host")),
        ("the host's network", "NetworkMode", json!("host")),
        ("a security option", "SecurityOpt", json!(["seccomp=unconfined"])),
        ("a mount", "Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/fuzz-host-root" }])),
    ];
    let mut plans = Vec::new();
    for (what, key, value) in additions {
        if host.get(key) == Some(&value) {
            continue;
        }
        let mut other = plan.clone();
        let mut changed: Map<String, Value> = other.spec.host_config();
        changed.insert(key.to_owned(), value);
        other.spec.0.insert("HostConfig".to_owned(), Value::Object(changed));
        plans.push((what, other));
    }
    let mut other = plan.clone();
    other.spec.0.insert("Env".to_owned(), json!(["FUZZ_ADDED=1"]));
    plans.push(("a variable", other));
    let mut other = plan.clone();
    other.networks.push(lodeman_engine::spec::EndpointSpec {
        network: "fuzz-added-network".to_owned(),
        config: Map::new(),
    });
    plans.push(("a network", other));
    plans
}
