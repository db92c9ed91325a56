//! One lab for all tests, and for each test its own corner of it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lodeman_tests::docker::Docker;
use lodeman_tests::image::Image;
use lodeman_tests::lab::{Lab, Netns, Setup, sweep_abandoned};
use lodeman_tests::lodeman::Lodeman;
use lodeman_tests::push::Pusher;
use serde_json::{Value, json};

/// Runs until it is stopped, and obeys at once.
pub const STEADY: &str = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $!; done";

/// Ends after half a second.
pub const FAILING: &str = "/bin/busybox sleep 0.5; echo 'cannot go on'; exit 3";

/// How long anything may take to come about.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The lab; `None` where it is left out on purpose.
pub fn lab() -> Option<&'static Lab> {
    static LAB: OnceLock<Option<Lab>> = OnceLock::new();
    let start = || {
        if std::env::var("LODEMAN_WITHOUT_LAB").as_deref() == Ok("1") {
            eprintln!("left out: there is no lab (LODEMAN_WITHOUT_LAB=1)");
            return None;
        }
        sweep_abandoned(&lodeman_tests::lab::root())
            .expect("what an earlier run left behind can be cleared up");
        let name = format!("e2e-{}", std::process::id());
        let setup = Setup::guarded(&name, env!("CARGO_BIN_EXE_lodeman-lab"), &["guard"]);
        let lab =
            Lab::start(&setup).expect("the lab starts: run `cargo xtask test`, or set LODEMAN_WITHOUT_LAB=1");
        // A neighbour that has always been there: the engine's restart is told by those who came after it.
        let neighbour = Image::busybox().unwrap().script(STEADY);
        lab.registry().image("neighbour", "1", &neighbour).unwrap();
        let docker = lab.docker();
        docker.pull(&format!("{}/neighbour", lab.registry_host()), "1").unwrap();
        docker.run("neighbour", &json!({ "Image": lab.reference("neighbour", "1") })).unwrap();
        Some(lab)
    };
    LAB.get_or_init(start).as_ref()
}

/// The program under test.
fn program() -> PathBuf {
    let program = std::env::var_os("LODEMAN_BIN")
        .expect("LODEMAN_BIN names the built program: run `cargo xtask test`, or set LODEMAN_WITHOUT_LAB=1");
    let program = PathBuf::from(program);
    assert!(program.is_file(), "LODEMAN_BIN names no file: {}", program.display());
    program
}

/// One test's corner: its repositories, its containers and its data directory.
pub struct Corner {
    /// Its name, part of every other name in it.
    pub name: &'static str,
    /// The engine.
    pub docker: Docker,
    /// The registry.
    pub registry: Pusher,
    /// The program, which manages this corner only.
    pub lodeman: Lodeman,
    lab: &'static Lab,
}

impl Corner {
    /// The corner of this name; `None` where the lab is left out on purpose.
    pub fn new(name: &'static str) -> Option<Self> {
        Some(Self::of(lab()?, name))
    }

    /// The only corner of a lab of its own, whose engine has a disk of `bytes`, and that engine's data
    /// directory; `None` where the lab is left out on purpose.
    pub fn with_disk(name: &'static str, bytes: u64) -> Option<(Self, PathBuf)> {
        // The shared one tells whether labs are left out, and clears up.
        lab()?;
        let own = format!("e2e-{}-{name}", std::process::id());
        let setup = Setup::guarded(&own, env!("CARGO_BIN_EXE_lodeman-lab"), &["guard"]);
        let lab = Lab::start(&Setup { disk: Some(bytes), ..setup }).unwrap();
        // It stays until the process ends, as the shared one does; its guard sweeps both.
        let lab: &'static Lab = Box::leak(Box::new(lab));
        Some((Self::of(lab, name), lab.engine().data()))
    }

    fn of(lab: &'static Lab, name: &'static str) -> Self {
        let folder = lab.folder().join("corners").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut lodeman = Lodeman::new(&program(), &folder, lab.engine().socket(), lab.netns());
        lodeman.set("SCOPE_INCLUDE", &format!("label:lodeman.fleet={name}"));
        lodeman.set("UPDATES_GRACE_PERIOD", "1s");
        lodeman.set("UPDATES_SOAK", "0s");
        Self { name, docker: lab.docker(), registry: lab.registry(), lodeman, lab }
    }

    /// A name of this corner.
    pub fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// The reference of a repository of this corner.
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        self.lab.reference(&self.named(repository), tag)
    }

    /// Points a tag to an image; gives the manifest's digest.
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.registry.image(&self.named(repository), tag, image).unwrap()
    }

    /// Runs a container of this corner from `repository:tag`, with this policy and these other settings.
    pub fn run(&self, container: &str, repository: &str, tag: &str, policy: &str, more: Value) -> String {
        let repository_name = format!("{}/{}", self.lab.registry_host(), self.named(repository));
        self.docker.pull(&repository_name, tag).unwrap();
        let mut spec = json!({ "HostConfig": { "RestartPolicy": { "Name": "unless-stopped" } } });
        merge(&mut spec, more);
        spec["Image"] = json!(self.reference(repository, tag));
        spec["StopTimeout"] = json!(1);
        let mut labels = json!({ "lodeman.fleet": self.name });
        if !policy.is_empty() {
            labels["lodeman.policy"] = json!(policy);
        }
        merge(&mut spec, json!({ "Labels": labels }));
        self.docker.run(&self.named(container), &spec).unwrap()
    }

    /// Runs a container of this corner whose labels say nothing of a policy.
    pub fn run_unlabelled(&self, container: &str, repository: &str, tag: &str) -> String {
        self.run(container, repository, tag, "", json!({}))
    }

    /// A container of this corner.
    pub fn inspect(&self, container: &str) -> Value {
        self.docker.inspect(&self.named(container)).unwrap()
    }

    /// The digest that the registry knows the container's image by.
    pub fn digest(&self, container: &str) -> String {
        let image = self.inspect(container)["Image"].as_str().unwrap().to_owned();
        let image = self.docker.find_image(&image).unwrap().unwrap();
        let names = image["RepoDigests"].as_array().cloned().unwrap_or_default();
        let digests = names.iter().filter_map(|name| name.as_str()?.split_once('@'));
        digests.map(|(_, digest)| digest.to_owned()).next().unwrap_or_default()
    }

    /// The network that the engine and the program are in, where it is not ours.
    pub fn netns(&self) -> Option<Arc<Netns>> {
        self.lab.netns()
    }

    /// The host and port of the registry.
    pub fn registry_host(&self) -> String {
        self.lab.registry_host()
    }

    /// What the environment variable `VERSION` of a container's image says.
    pub fn version(&self, container: &str) -> String {
        let inspect = self.inspect(container);
        let list = inspect["Config"]["Env"].as_array().cloned().unwrap_or_default();
        let found = list.iter().find_map(|entry| entry.as_str()?.strip_prefix("VERSION="));
        found.unwrap_or_default().to_owned()
    }

    /// This container's name and those of what was made or kept beside it.
    fn names(&self, container: &str) -> Vec<String> {
        let name = self.named(container);
        self.docker
            .list(&json!({ "name": [name] }))
            .unwrap()
            .iter()
            .flat_map(|row| row["Names"].as_array().cloned().unwrap_or_default())
            .filter_map(|name| name.as_str().map(str::to_owned))
            .filter(|other| *other == format!("/{name}") || other.starts_with(&format!("/{name}__")))
            .collect()
    }

    /// Waits until nothing is left beside this container, and asserts that it runs.
    pub fn wait_settled(&self, container: &str) {
        lodeman_tests::lab::wait(PATIENCE, || Ok((self.names(container).len() == 1).then_some(()))).unwrap();
        self.assert_settled(container);
    }

    /// Asserts that there is one container of this name, that it runs, and nothing is left beside it.
    pub fn assert_settled(&self, container: &str) {
        let name = self.named(container);
        assert_eq!(self.names(container), [format!("/{name}")]);
        assert_eq!(self.inspect(container)["State"]["Running"], true, "{name} runs");
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        // A test that failed leaves its corner as it is until the lab goes.
        if std::thread::panicking() {
            return;
        }
        for container in self.docker.labelled(&format!("lodeman.fleet={}", self.name)).unwrap_or_default() {
            if let Some(id) = container["Id"].as_str() {
                let _ = self.docker.remove(id);
            }
        }
    }
}

/// A sample program that runs until it is stopped, in this version.
pub fn steady(version: &str) -> Image {
    Image::busybox().unwrap().script(STEADY).env("PATH", "/bin").env("VERSION", version)
}

/// A sample program that ends by itself soon after its start, in this version.
pub fn failing(version: &str) -> Image {
    Image::busybox().unwrap().script(FAILING).env("PATH", "/bin").env("VERSION", version)
}

/// Puts `more` into `base`, object by object.
pub fn merge(base: &mut Value, more: Value) {
    match (base, more) {
        (Value::Object(base), Value::Object(more)) => {
            for (key, value) in more {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, more) => *base = more,
    }
}
