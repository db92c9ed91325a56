//! A derived replacement, made by a real engine, is what the derivation says it is.

use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use serde_json::{Map, Value, json};

use super::{GRACE, SampleImage, Scene, fresh_name};
use crate::spec::{
    Plan, Source, changed_beyond_image, check_no_gain, derive, is_made_by, matches_created, restore,
};
use crate::{ContainerInspect, RestartPolicy};

/// A value without null, empty, zero and false members: engines differ in how they show nothing.
pub(super) fn without_blanks(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), without_blanks(v)));
            Value::Object(kept.filter(|(_, v)| !crate::spec::value::is_default(v)).collect())
        }
        Value::Array(list) if list.is_empty() => Value::Null,
        other if crate::spec::value::is_default(other) => Value::Null,
        other => other.clone(),
    }
}

/// Requests for containers of every kind this suite can make anywhere, made from `image`.
async fn shapes(scene: &Scene, image: &str) -> Vec<(&'static str, Value)> {
    scene.world.network("contract-front", [10, 91, 7]).await;
    let volume = fresh_name("shape").to_string();
    let port = scene.world.free_port().await;
    let shape = |change: Value| {
        let mut request = change.as_object().cloned().unwrap_or_default();
        request.insert("Image".to_owned(), json!(image));
        // Engine 20.10 fills in the runtime only where this part is there.
        request.entry("HostConfig").or_insert_with(|| json!({}));
        Value::Object(request)
    };
    vec![
        ("nothing set", shape(json!({}))),
        (
            "command",
            shape(json!({ "Cmd": ["trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $!; done"] })),
        ),
        (
            "entrypoint",
            shape(json!({ "Entrypoint": ["/bin/busybox", "sleep"], "Cmd": ["1000"], "StopTimeout": 1 })),
        ),
        (
            "no entrypoint",
            shape(json!({ "Entrypoint": [""], "Cmd": ["/bin/busybox", "sleep", "1000"], "StopTimeout": 1 })),
        ),
        (
            "own settings",
            shape(
                json!({ "Env": ["SHARED=mine", "OWN=1", "PATH=/bin"], "Labels": { "stage": "mine", "own": "x" },
                "Hostname": "own-name", "User": "0:0", "WorkingDir": "/tmp", "StopSignal": "SIGKILL",
                "StopTimeout": 3, "Healthcheck": { "Retries": 7 }, "Tty": true, "OpenStdin": true }),
            ),
        ),
        ("no health check", shape(json!({ "Healthcheck": { "Test": ["NONE"] } }))),
        (
            "volumes",
            shape(json!({ "Volumes": { "/own": {} }, "HostConfig": {
                "Binds": [format!("{volume}:/named:ro"), "/tmp:/host:ro"], "Tmpfs": { "/t": "size=1m" },
                "Mounts": [{ "Type": "volume", "Source": volume, "Target": "/again" }, { "Type": "volume", "Target": "/unnamed" }] } })),
        ),
        (
            "limits",
            shape(json!({ "HostConfig": { "Memory": 67_108_864, "NanoCpus": 500_000_000, "PidsLimit": 50,
                "OomScoreAdj": 5, "CapAdd": ["NET_ADMIN"], "CapDrop": ["CHOWN"], "ReadonlyRootfs": true,
                "SecurityOpt": ["no-new-privileges"], "ExtraHosts": ["a:1.2.3.4"], "Dns": ["1.2.3.4"],
                "Ulimits": [{ "Name": "nofile", "Soft": 100, "Hard": 200 }], "GroupAdd": ["5"],
                "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 } } })),
        ),
        (
            "ports",
            shape(
                json!({ "ExposedPorts": { "8080/tcp": {}, "81/tcp": {}, "99/tcp": {} }, "HostConfig": { "PortBindings": {
                "8080/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }], "81/tcp": [{ "HostPort": "" }] } } }),
            ),
        ),
        (
            "user network",
            shape(
                json!({ "HostConfig": { "NetworkMode": "contract-front" }, "NetworkingConfig": { "EndpointsConfig": {
                "contract-front": { "Aliases": ["www"], "IPAMConfig": { "IPv4Address": "10.91.7.50" } } } } }),
            ),
        ),
        ("host network", shape(json!({ "HostConfig": { "NetworkMode": "host" } }))),
        ("no network", shape(json!({ "HostConfig": { "NetworkMode": "none" } }))),
        ("host names", shape(json!({ "HostConfig": { "UTSMode": "host", "IpcMode": "host" } }))),
    ]
}

/// What a derivation needs, read from the engine.
struct Facts {
    container: ContainerInspect,
    image_config: Map<String, Value>,
    api_version: String,
    host_name: String,
    names: Vec<(ContainerId, ContainerName)>,
}

impl Facts {
    async fn of(scene: &Scene, id: &ContainerId) -> Self {
        let container = scene.inspect(id).await;
        let image_id = container.image_id().expect("an image id");
        let image = scene.engine().inspect_image(image_id.as_str()).await.expect("its image is there");
        let info = scene.engine().info().await.expect("it answers");
        let list = scene.engine().list_containers().await.expect("it lists");
        Self {
            container,
            image_config: image.config(),
            api_version: info.api_version,
            host_name: info.host_name,
            names: list.iter().filter_map(|row| Some((row.id.clone(), row.name()?.clone()))).collect(),
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&Source<'_>) -> T) -> T {
        let resolve = |text: &str| {
            let found =
                self.names.iter().find(|(id, name)| name.as_str() == text || id.as_str().starts_with(text));
            found.map(|(_, name)| name.clone())
        };
        use_it(&Source {
            container: &self.container,
            image_config: &self.image_config,
            api_version: &self.api_version,
            resolve: &resolve,
            host_name: &self.host_name,
        })
    }
}

/// Makes a container from a plan and connects its networks.
async fn make(scene: &Scene, name: &ContainerName, plan: &Plan) -> ContainerId {
    let id = scene.create(name, &Value::Object(plan.spec.0.clone())).await;
    for endpoint in &plan.networks {
        scene.engine().connect_network(&id, endpoint).await.expect("a planned network can be connected");
    }
    id
}

pub(super) async fn a_replacement_differs_by_its_image_only(scene: &Scene) {
    let old_image = scene.world.provide(&SampleImage::rich(1)).await;
    let new_image = scene.world.provide(&SampleImage::rich(2)).await;
    let target = new_image.parse().expect("a reference");
    for (what, request) in shapes(scene, &old_image).await {
        let old_id = scene.run("shape", &request).await;
        let old = Facts::of(scene, &old_id).await;
        let plan = old.with(|source| derive(source, &target, None)).expect("everything can be carried");
        check_no_gain(&old.container, &plan).expect("nothing is gained");

        let new_id = make(scene, &fresh_name("replacement"), &plan).await;
        let new = Facts::of(scene, &new_id).await;
        assert_eq!(matches_created(&plan, &new.container), Vec::<String>::new(), "{what}");
        assert!(new.with(|source| is_made_by(&plan, source)), "{what}: it is recognised");
        let again = new.with(|source| derive(source, &target, None)).expect("it can be replaced in turn");
        assert_eq!(again.networks, plan.networks, "{what}");

        scene.engine().stop(&old_id, GRACE).await.expect("the old one stops");
        scene.engine().start(&new_id).await.expect("the new one starts");
        let new = Facts::of(scene, &new_id).await;
        let diffs =
            changed_beyond_image(&old.container, &new.container, &old.image_config, &new.image_config);
        assert_eq!(diffs, [], "{what}");
        assert_ne!(new.container.image_id(), old.container.image_id(), "{what}");
        let version = new.container.labels().get("version").cloned();
        assert_eq!(version.as_deref(), Some("2"), "{what}: the image's own follows it");
        scene.engine().stop(&new_id, GRACE).await.expect("it stops");
        scene.engine().remove_container(&new_id).await.expect("it goes");
        scene.engine().remove_container(&old_id).await.expect("it goes");
    }
}

pub(super) async fn a_container_made_again_from_its_own_image_is_the_same(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::rich(1)).await;
    for (what, request) in shapes(scene, &image).await {
        let old_id = scene.create(&fresh_name("lost"), &request).await;
        let old = Facts::of(scene, &old_id).await;
        let plan = old.with(restore).expect("everything can be carried");
        let image_id: Digest = plan.spec.image().parse().expect("the image is named by id");
        assert_eq!(Some(image_id), old.container.image_id());
        scene.engine().remove_container(&old_id).await.expect("it goes");
        let new_id = make(scene, &fresh_name("restored"), &plan).await;
        let new = Facts::of(scene, &new_id).await;
        assert_eq!(matches_created(&plan, &new.container), Vec::<String>::new(), "{what}");
        let diffs =
            changed_beyond_image(&old.container, &new.container, &old.image_config, &new.image_config);
        assert_eq!(diffs, [], "{what}");
        scene.engine().remove_container(&new_id).await.expect("it goes");
    }
}

pub(super) async fn a_swapped_container_keeps_its_data(scene: &Scene) {
    let old_image = scene.world.provide(&SampleImage::rich(1)).await;
    let new_image = scene.world.provide(&SampleImage::rich(2)).await;
    let name = fresh_name("swap");
    let volume = fresh_name("swap-volume").to_string();
    let request = json!({ "Image": old_image, "HostConfig": { "Binds": [format!("{volume}:/named")],
        "RestartPolicy": { "Name": "always" } } });
    let old_id = scene.create(&name, &request).await;
    scene.engine().start(&old_id).await.expect("it starts");
    scene.world.write_file(&old_id, "/data/token", "anonymous").await;
    scene.world.write_file(&old_id, "/named/token", "named").await;

    let old = Facts::of(scene, &old_id).await;
    let target = new_image.parse().expect("a reference");
    let plan = old.with(|source| derive(source, &target, None)).expect("everything can be carried");
    let temporary = format!("{name}__new__0123abcd").parse().expect("a name");
    let retained = format!("{name}__old__0123abcd").parse().expect("a name");
    let new_id = make(scene, &temporary, &plan).await;
    scene.engine().stop(&old_id, GRACE).await.expect("the old one stops");
    scene.engine().rename(&old_id, &retained).await.expect("it gives up its name");
    scene.engine().rename(&new_id, &name).await.expect("the new one takes it");
    scene.engine().set_restart_policy(&old_id, &RestartPolicy::no()).await.expect("it is disarmed");
    scene.engine().start(&new_id).await.expect("the new one starts");
    scene.engine().remove_container(&old_id).await.expect("the old one goes");

    let new = scene.inspect(&new_id).await;
    assert!(new.is_up());
    assert_eq!((new.name(), new.restart_policy().name.as_str()), (&name, "always"));
    assert_eq!(scene.world.read_file(&new_id, "/data/token").await.as_deref(), Some("anonymous"));
    assert_eq!(scene.world.read_file(&new_id, "/named/token").await.as_deref(), Some("named"));
}
