//! The images that checks are played with: tiny programs, and how the fake has them behave.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::fake::Behaviour;

/// An image that a world can provide.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleImage {
    /// Its name without a registry: letters, digits, dashes.
    pub name: &'static str,
    /// Its tag. Two versions are two images.
    pub version: u32,
    /// The OCI image configuration's `config`. Its command needs `/bin/busybox` and nothing else.
    pub config: Map<String, Value>,
    /// What that command does, for a world that runs nothing.
    pub behaviour: Behaviour,
}

fn shell(script: &str) -> Value {
    json!(["/bin/busybox", "sh", "-c", script])
}

/// Waits for ever and obeys its stop signal at once.
const STEADY: &str = "trap 'exit 0' TERM; echo ready; while :; do /bin/busybox sleep 1 & wait $!; done";

/// Waits for ever and ignores its stop signal.
const STUBBORN: &str = "trap '' TERM; echo ready; while :; do /bin/busybox sleep 1; done";

/// Serves an empty folder, and obeys its stop signal at once.
const LISTENING: &str = "trap 'exit 0' TERM; /bin/busybox httpd -p 8080 -h /bin; \
                         while :; do /bin/busybox sleep 1 & wait $!; done";

impl SampleImage {
    /// When every image of a world says that it was made, in seconds since 1970.
    pub const CREATED_SECONDS: i64 = 1_767_225_600;

    /// The port that [`SampleImage::listening`] listens on.
    pub const PORT: u16 = 8080;

    /// Runs until it is stopped, and listens on a port that it declares.
    #[must_use]
    pub fn listening() -> Self {
        let config =
            json!({ "Cmd": shell(LISTENING), "ExposedPorts": { format!("{}/tcp", Self::PORT): {} } });
        Self::new("listening", 1, &config, Behaviour::listening(Self::PORT, Duration::ZERO))
    }

    fn new(name: &'static str, version: u32, config: &Value, behaviour: Behaviour) -> Self {
        let mut config = config.as_object().cloned().unwrap_or_default();
        let labels = config.entry("Labels").or_insert_with(|| json!({}));
        labels["version"] = json!(version.to_string());
        Self { name, version, config, behaviour }
    }

    /// Runs until it is stopped.
    #[must_use]
    pub fn steady(version: u32) -> Self {
        let config = json!({ "Cmd": shell(STEADY), "Env": ["PATH=/bin", format!("VERSION={version}")] });
        Self::new("steady", version, &config, Behaviour::default())
    }

    /// Runs until it is killed.
    #[must_use]
    pub fn stubborn() -> Self {
        let behaviour = Behaviour { stops_after: None, ..Behaviour::default() };
        Self::new("stubborn", 1, &json!({ "Cmd": shell(STUBBORN) }), behaviour)
    }

    /// Ends at once with code 3.
    #[must_use]
    pub fn crashing() -> Self {
        Self::new("crashing", 1, &json!({ "Cmd": shell("echo failing; exit 3") }), {
            Behaviour { log_lines: vec!["failing".to_owned()], ..Behaviour::crashes(3) }
        })
    }

    /// Cannot be started: its program is missing.
    #[must_use]
    pub fn broken() -> Self {
        let behaviour = Behaviour {
            start_error: Some("exec: \"/missing\": no such file or directory".to_owned()),
            ..Behaviour::default()
        };
        Self::new("broken", 1, &json!({ "Cmd": ["/missing"] }), behaviour)
    }

    /// Runs, and its health check passes or fails within two seconds.
    #[must_use]
    pub fn checked(healthy: bool) -> Self {
        let (name, test, behaviour) = if healthy {
            ("healthy", "true", Behaviour::default())
        } else {
            ("unhealthy", "false", Behaviour::unhealthy_after(Duration::from_secs(2)))
        };
        let check = json!({ "Test": ["CMD", "/bin/busybox", test], "Interval": 500_000_000,
            "Timeout": 5_000_000_000_u64, "Retries": 2 });
        Self::new(name, 1, &json!({ "Cmd": shell(STEADY), "Healthcheck": check }), behaviour)
    }

    /// Declares a bit of everything that a container can inherit.
    #[must_use]
    pub fn rich(version: u32) -> Self {
        let config = json!({
            "Entrypoint": ["/bin/busybox", "sh", "-c"],
            "Cmd": [STEADY],
            "Env": ["PATH=/bin", format!("VERSION={version}"), "SHARED=image"],
            "Labels": { "vendor": "image", "stage": "image" },
            "ExposedPorts": { "8080/tcp": {} },
            "Volumes": { "/data": {} },
            "WorkingDir": format!("/work{version}"),
            "StopSignal": "SIGTERM",
            "Healthcheck": { "Test": ["CMD", "/bin/busybox", "true"], "Interval": 500_000_000 + u64::from(version),
                "Retries": 2 },
        });
        Self::new("rich", version, &config, Behaviour::default())
    }
}
