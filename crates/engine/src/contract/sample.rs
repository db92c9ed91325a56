//! The images that checks are played with: tiny programs, and how the fake has them behave.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::fake::{Behaviour, ExecScript};

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

    /// A command that writes to both streams and ends with 7.
    pub const SPEAKS: &str = "echo \"out $LODEMAN_SAMPLE\"; echo err >&2; exit 7";
    /// A command that asks for something to be put off.
    pub const PUTS_OFF: &str = "exit 75";
    /// A command that writes more than anybody keeps.
    pub const FLOODS: &str = "i=0; while [ $i -lt 4000 ]; do echo 'a line of fifty characters, more or less, a line'; \
         i=$((i+1)); done; echo the end";
    /// A command that would take a minute, by a child of its own.
    pub const DAWDLES: &str = "echo began; /bin/busybox sleep 61 & /bin/busybox sleep 61; echo ended";
    /// A command that counts what runs of it.
    pub const COUNTS_DAWDLERS: &str = "n=0; for f in /proc/[0-9]*/cmdline; do \
         if /bin/busybox tr '\\0' ' ' < $f 2>/dev/null | /bin/busybox grep -q 'sleep 61 $'; \
         then n=$((n+1)); fi; done; echo $n";
    /// A program that is not there.
    pub const MISSING: &str = "/bin/not-there";

    /// Runs until it is stopped, and commands can be run in it.
    #[must_use]
    pub fn obliging() -> Self {
        let line = "a line of fifty characters, more or less, a line\n";
        let flood = format!("{}the end\n", line.repeat(4000));
        let behaviour = Behaviour::default()
            .with_command(Self::SPEAKS, ExecScript::exits(7).saying("out $LODEMAN_SAMPLE\n", "err\n"))
            .with_command(Self::PUTS_OFF, ExecScript::exits(75))
            .with_command(Self::FLOODS, ExecScript::exits(0).saying(&flood, ""))
            .with_command(Self::DAWDLES, ExecScript::hangs().saying("began\n", ""))
            .with_command(Self::COUNTS_DAWDLERS, ExecScript::exits(0).saying("0\n", ""))
            .with_command(Self::MISSING, ExecScript::exits(127));
        Self::new("obliging", 1, &json!({ "Cmd": shell(STEADY), "Env": ["PATH=/bin"] }), behaviour)
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
