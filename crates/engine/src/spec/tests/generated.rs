//! Generated shapes: whatever a user asked for survives, whatever an image brought follows the image.
//!
//! The yardstick is the container that the user would have got from the new image in the first place:
//! the same request, made with the other image.

use std::collections::BTreeSet;

use lodeman_domain::container::ContainerName;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::ContainerInspect;
use crate::fake::{FakeEngine, FakeImage, FakeImages, FakeOptions};
use crate::spec::{
    Plan, Source, changed_beyond_image, check_no_gain, derive, is_made_by, matches_created, plan_hash,
    restore,
};

/// Settings of an image, or of a user: `mark` tells their values apart.
fn config(mark: &'static str) -> impl Strategy<Value = Map<String, Value>> {
    let value = move |stem: &'static str| format!("{mark}-{stem}");
    let env = btree_map(select(vec!["A", "B", "C", "D"]), 0..3u8, 0..4).prop_map(move |env| {
        Value::Array(env.into_iter().map(|(k, v)| json!(format!("{k}={mark}{v}"))).collect())
    });
    let labels = btree_map(select(vec!["a", "b", "c"]), 0..3u8, 0..3).prop_map(move |labels| {
        Value::Object(labels.into_iter().map(|(k, v)| (k.to_owned(), json!(format!("{mark}{v}")))).collect())
    });
    let keys = |pool: Vec<&'static str>| {
        btree_set(select(pool), 0..3)
            .prop_map(|keys| Value::Object(keys.into_iter().map(|key| (key.to_owned(), json!({}))).collect()))
    };
    let words = vec(select(vec!["x", "y", ""]), 1..3)
        .prop_map(move |words| json!(words.iter().map(|w| format!("{mark}{w}")).collect::<Vec<_>>()));
    let interval =
        if mark == "user" { 1_000_000_000..1_000_000_003i64 } else { 2_000_000_000..2_000_000_003 };
    let check = (
        of(Just(vec!["CMD".to_owned(), value("test")])),
        of(interval),
        of(if mark == "user" { 11..13i64 } else { 3..5 }),
    )
        .prop_map(|(test, interval, retries)| {
            let mut check = Map::new();
            let all = [("Test", json!(test)), ("Interval", json!(interval)), ("Retries", json!(retries))];
            check.extend(all.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)));
            Value::Object(check)
        });
    let texts = (
        of(Just(format!("/{mark}/"))),
        of(Just(value("user"))),
        of(Just(if mark == "user" { "SIGINT" } else { "SIGTERM" })),
    );
    let lists = (of(words.clone()), of(words));
    (
        env,
        labels,
        keys(if mark == "user" { vec!["90/tcp", "91/udp"] } else { vec!["80/tcp", "81/tcp", "82/udp"] }),
        keys(vec!["/data", "/data/deep/", "/var"]),
        of(check),
        lists,
        texts,
    )
        .prop_map(
            |(env, labels, ports, volumes, check, (entrypoint, command), (directory, user, signal))| {
                let all = [
                    ("Env", env),
                    ("Labels", labels),
                    ("ExposedPorts", ports),
                    ("Volumes", volumes),
                    ("Healthcheck", json!(check)),
                    ("Entrypoint", json!(entrypoint)),
                    ("Cmd", json!(command)),
                    ("WorkingDir", json!(directory)),
                    ("User", json!(user)),
                    ("StopSignal", json!(signal)),
                ];
                all.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)).collect()
            },
        )
}

/// The part of a request that no image has a say in.
fn surroundings() -> impl Strategy<Value = Map<String, Value>> {
    let mode = select(vec!["default", "front", "back", "host", "none", "container:provider"]);
    let binds = btree_set(select(vec!["named:/data", "named:/n:ro", "/host:/h:ro,z", "/host:/deep"]), 0..3);
    let mounts = vec(
        select(vec![
            json!({ "Type": "volume", "Source": "named", "Target": "/m", "ReadOnly": true }),
            json!({ "Type": "volume", "Target": "/unnamed" }),
            json!({ "Type": "bind", "Source": "/host", "Target": "/b", "BindOptions": { "Propagation": "rslave" } }),
        ]),
        0..2,
    );
    let policy = select(vec!["no", "always", "unless-stopped", "on-failure"]);
    let aliases = btree_set(select(vec!["www", "api"]), 0..2);
    let address = of(Just("10.1.0.9"));
    let later = btree_set(select(vec!["bridge", "front", "back"]), 0..3);
    (mode, binds, mounts, policy, aliases, address, later, any::<bool>()).prop_map(
        |(mode, binds, mounts, policy, aliases, address, later, published)| {
            let shared = mode.starts_with("container:");
            let mut host = json!({ "NetworkMode": mode, "Binds": binds, "Mounts": mounts, "Memory": 1000,
                "RestartPolicy": { "Name": policy, "MaximumRetryCount": 0 }, "FromTheFuture": { "kept": [1] } });
            let mut endpoints = Map::new();
            if matches!(mode, "default" | "front" | "back") {
                for name in later {
                    endpoints.insert(name.to_owned(), json!({}));
                }
                if mode == "front" {
                    let address = address.map(|a| json!({ "IPv4Address": a }));
                    endpoints.insert("front".to_owned(), json!({ "Aliases": aliases, "IPAMConfig": address }));
                }
            }
            if published && !shared {
                host["PortBindings"] = json!({ "81/tcp": [{ "HostPort": "8081" }] });
            }
            let mut request = Map::new();
            request.insert("HostConfig".to_owned(), host);
            request.insert("NetworkingConfig".to_owned(), json!({ "EndpointsConfig": endpoints }));
            request
        },
    )
}

struct Bench {
    engine: FakeEngine,
    api_version: String,
    image: [Map<String, Value>; 2],
}

impl Bench {
    fn new(options: FakeOptions, first: &Map<String, Value>, second: &Map<String, Value>) -> Self {
        let images = FakeImages::default();
        for (tag, config) in [("app:1", first), ("app:2", second)] {
            let image = FakeImage::new(tag).with_config(&Value::Object(config.clone()));
            let _ = images.publish(tag, &image);
        }
        let api_version = options.api_version.clone();
        let engine = FakeEngine::new(options, images);
        engine.add_network("front", [10, 1, 0]);
        engine.add_network("back", [10, 2, 0]);
        engine.run("provider", &json!({ "Image": "app:1" })).unwrap();
        Self { engine, api_version, image: [first.clone(), second.clone()] }
    }

    fn make(&self, name: &str, request: &Value) -> ContainerInspect {
        self.engine.seed(name, request).unwrap();
        self.engine.container(name).unwrap()
    }

    fn make_from(&self, name: &str, plan: &Plan) -> ContainerInspect {
        let mut request = Value::Object(plan.spec.0.clone());
        for endpoint in &plan.networks {
            request["NetworkingConfig"]["EndpointsConfig"][&endpoint.network] = json!(endpoint.config);
        }
        self.make(name, &request)
    }

    fn source<T>(
        &self,
        container: &ContainerInspect,
        image: usize,
        then: impl FnOnce(&Source<'_>) -> T,
    ) -> T {
        let resolve = |text: &str| -> Option<ContainerName> {
            let provider = self.engine.container("provider")?;
            (text == "provider" || text == provider.id().as_str()).then(|| provider.name().clone())
        };
        then(&Source {
            container,
            image_config: &self.image[image],
            api_version: &self.api_version,
            resolve: &resolve,
            host_name: "fake-host",
        })
    }
}

/// What of a container's `Config` is comparable: no generated name, no order of variables, and of the
/// volumes only that they are mounted.
fn comparable(container: &ContainerInspect) -> Map<String, Value> {
    let mut config = container.section("Config");
    for key in ["Image", "Hostname", "Volumes"] {
        config.remove(key);
    }
    if let Some(env) = config.get_mut("Env").and_then(Value::as_array_mut) {
        env.sort_by_key(ToString::to_string);
    }
    // `null` and `[]` are both no command.
    config.retain(|_, value| !crate::spec::value::is_blank(value));
    config
}

fn destinations(container: &ContainerInspect) -> BTreeSet<(String, bool)> {
    container.mounts().into_iter().map(|m| (m.destination, m.read_write)).collect()
}

fn request_of(user: &Map<String, Value>, around: &Map<String, Value>, image: &str) -> Value {
    let mut request = user.clone();
    request.extend(around.clone());
    request.insert("Image".to_owned(), json!(image));
    let shared = around["HostConfig"]["NetworkMode"] == "container:provider";
    if shared {
        request.remove("ExposedPorts");
    } else if let Some(published) = around["HostConfig"].get("PortBindings").and_then(Value::as_object) {
        // Every client exposes what it publishes.
        let mut ports = user.get("ExposedPorts").and_then(Value::as_object).cloned().unwrap_or_default();
        ports.extend(published.keys().map(|port| (port.clone(), json!({}))));
        request.insert("ExposedPorts".to_owned(), Value::Object(ports));
    }
    Value::Object(request)
}

fn options() -> impl Strategy<Value = FakeOptions> {
    select(vec![0, 1])
        .prop_map(|kind| if kind == 0 { FakeOptions::default() } else { FakeOptions::containerd() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_replacement_is_what_the_user_would_have_got_from_the_new_image(
        options in options(), first in config("one"), second in config("two"), user in config("user"),
        around in surroundings(),
    ) {
        let bench = Bench::new(options, &first, &second);
        let old = bench.make("old", &request_of(&user, &around, "app:1"));
        let ideal = bench.make("ideal", &request_of(&user, &around, "app:2"));
        let plan = bench.source(&old, 0, |s| derive(s, &"app:2".parse().unwrap(), None)).unwrap();
        check_no_gain(&old, &plan).unwrap();
        let new = bench.make_from("new", &plan);

        prop_assert_eq!(comparable(&new), comparable(&ideal), "{:?}", plan);
        prop_assert_eq!(new.networks(), ideal.networks());
        // What was mounted is mounted still: the same volume, path and mode.
        let kept = new.mounts();
        for mount in old.mounts() {
            prop_assert!(kept.contains(&mount), "{:?} is missing in {:?}", mount, kept);
        }
        let expected: BTreeSet<_> = destinations(&old).union(&destinations(&ideal)).cloned().collect();
        prop_assert_eq!(destinations(&new), expected);
    }

    #[test]
    fn a_derived_container_is_recognised_and_derives_to_itself(
        options in options(), first in config("one"), second in config("two"), user in config("user"),
        around in surroundings(),
    ) {
        let bench = Bench::new(options, &first, &second);
        let target = "app:2".parse().unwrap();
        let old = bench.make("old", &request_of(&user, &around, "app:1"));
        let plan = bench.source(&old, 0, |s| derive(s, &target, None)).unwrap();
        let new = bench.make_from("new", &plan);
        prop_assert_eq!(matches_created(&plan, &new), Vec::<String>::new());
        prop_assert!(bench.source(&new, 1, |s| is_made_by(&plan, s)), "{:?}", plan);
        prop_assert_eq!(changed_beyond_image(&old, &new, &first, &second), []);

        let again = bench.source(&new, 1, |s| derive(s, &target, None)).unwrap();
        let newer = bench.make_from("newer", &again);
        let third = bench.source(&newer, 1, |s| derive(s, &target, None)).unwrap();
        prop_assert_eq!(&third.spec, &again.spec);
        prop_assert_eq!(&third.networks, &again.networks);
        prop_assert_eq!(plan_hash(&third), plan_hash(&again));
    }

    #[test]
    fn a_restored_container_has_the_configuration_it_had(
        options in options(), first in config("one"), user in config("user"), around in surroundings(),
    ) {
        let bench = Bench::new(options, &first, &first);
        let old = bench.make("old", &request_of(&user, &around, "app:1"));
        let plan = bench.source(&old, 0, restore).unwrap();
        check_no_gain(&old, &plan).unwrap();
        let again = bench.make_from("again", &plan);
        prop_assert_eq!(comparable(&again), comparable(&old));
        prop_assert_eq!(again.mounts(), old.mounts());
        prop_assert_eq!(again.image_id(), old.image_id());
        prop_assert_eq!(changed_beyond_image(&old, &again, &first, &first), []);
    }

    #[test]
    fn whatever_an_engine_says_no_derivation_panics(
        config in config("user"), image in config("one"), networks in btree_map(".{0,8}", of(".{0,4}"), 0..3),
        mode in ".{0,12}", binds in vec(".{0,12}", 0..3), links in vec(".{0,12}", 0..2),
    ) {
        let container = json!({ "Id": "a".repeat(64), "Name": "/web", "Image": "x", "State": {},
            "Config": config, "Mounts": [{ "Type": "volume", "Name": "v", "Destination": "/d" }, 7, null],
            "HostConfig": { "NetworkMode": mode, "Binds": binds, "Links": links, "Mounts": [{}, null, 5],
                "PortBindings": { "1": null, "2": 3 }, "VolumesFrom": binds },
            "NetworkSettings": { "Networks": networks } });
        let container = ContainerInspect::from_json(container).unwrap();
        let bench = Bench::new(FakeOptions::default(), &image, &image);
        let plan = bench.source(&container, 0, |s| derive(s, &"app:2".parse().unwrap(), None));
        if let Ok(plan) = plan {
            let _ = check_no_gain(&container, &plan);
            let _ = matches_created(&plan, &container);
            prop_assert_eq!(plan_hash(&plan).len(), 64);
        }
    }
}
