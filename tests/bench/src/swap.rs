//! An update on a real engine, beside what one types without Lodeman.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use lodeman_tests::docker::Docker;
use lodeman_tests::http::escape;
use lodeman_tests::image::Image;
use lodeman_tests::lab::{Lab, Setup, is_root, packages, root, sweep_abandoned};
use lodeman_tests::lodeman::Lodeman;
use serde_json::{Value, json};

use crate::Setting;
use crate::report::{Measure, Unit};
use crate::world::span;

/// Runs until it is stopped, and obeys at once.
const STEADY: &str = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $!; done";
/// By it the engine's events of one side are told from the other's.
const LABEL: &str = "lodeman.bench";
/// How long a new container is watched before it is accepted.
const GRACE: &str = "1s";

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    ensure!(is_root(), "an engine of its own takes root; `--without-lab` leaves this out");
    sweep_abandoned(&root())?;
    packages::install(packages::LAB, &|text: &str| eprintln!("==> {text}"))?;
    let guard = setting.guard.clone().unwrap_or_else(|| PathBuf::from("/bin/true"));
    let lab =
        Lab::start(&Setup::guarded(&format!("bench-{}", std::process::id()), guard, &["lab", "guard"]))?;
    let folder = lab.folder().join("lodeman");
    std::fs::create_dir_all(&folder)?;
    let mut lodeman = Lodeman::new(&setting.program, &folder, lab.engine().socket(), lab.netns());
    lodeman.set("SCOPE_INCLUDE", &format!("label:{LABEL}=ours"));
    lodeman.set("UPDATES_GRACE_PERIOD", GRACE);
    lodeman.set("UPDATES_DEFAULT_POLICY", "manual");
    lodeman.set("SCHEDULE_POLL_INTERVAL", "24h");
    for side in ["ours", "theirs"] {
        push(&lab, side, 0)?;
        lab.docker().pull(&format!("{}/{side}", lab.registry_host()), "stable")?;
        let spec = json!({ "Image": lab.reference(side, "stable"), "Labels": { LABEL: side },
            "HostConfig": { "RestartPolicy": { "Name": "unless-stopped" } } });
        lab.docker().run(side, &spec)?;
    }
    let server = lodeman.serve()?;
    let (mut dark, mut whole) = (Vec::new(), Vec::new());
    // The first of each side fills caches, and does not count.
    for round in 1..=setting.runs + 1 {
        push(&lab, "ours", round)?;
        push(&lab, "theirs", round)?;
        let since = now()?;
        let (ours, summary) = span(|| lodeman.json(0, &["watch", "ours"]))?;
        ensure!(summary["outcome"] == "updated", "it is updated: {summary:#}\n{}", server.written());
        let (theirs, ()) = span(|| by_hand(&lab))?;
        if round > 1 {
            let until = now()?;
            let docker = lab.docker();
            dark.push((between(&docker, "ours", since, until)?, between(&docker, "theirs", since, until)?));
            whole.push((Unit::Milliseconds.of(ours), Unit::Milliseconds.of(theirs)));
        }
    }
    server.terminate(Duration::from_secs(15))?;
    let reference = "docker pull, stop, rm, run";
    let note = "from the engine's own event that the old one ended to the one that the new one began";
    let downtime = Measure::of("downtime of an update", reference, Unit::Milliseconds, &dark).note(note);
    let note = format!(
        "`lodeman watch` to its end: check, pull, swap, and {GRACE} (`updates.grace_period`) of watching that \
         the new one stays up"
    );
    let whole = Measure::of("a whole update", reference, Unit::Milliseconds, &whole).note(note);
    Ok(vec![downtime, whole])
}

fn push(lab: &Lab, side: &str, version: usize) -> Result<()> {
    let image = Image::busybox()?.script(STEADY).env("VERSION", &version.to_string());
    lab.registry().image(side, "stable", &image)?;
    Ok(())
}

/// The same, as one types it.
fn by_hand(lab: &Lab) -> Result<()> {
    let reference = lab.reference("theirs", "stable");
    let label = format!("{LABEL}=theirs");
    let restart = "--restart=unless-stopped";
    let commands: [&[&str]; 4] = [
        &["pull", "--quiet", &reference],
        &["stop", "theirs"],
        &["rm", "theirs"],
        &["run", "--detach", "--name", "theirs", "--label", &label, restart, &reference],
    ];
    for arguments in commands {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", format!("unix://{}", lab.engine().socket().display()));
        let output = command.args(arguments).stdin(Stdio::null()).output().context("starting docker")?;
        ensure!(
            output.status.success(),
            "docker {} failed: {}",
            arguments[0],
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// By the clock that the engine has too.
fn now() -> Result<Duration> {
    Ok(UNIX_EPOCH.elapsed()?)
}

/// How long nothing ran, in milliseconds.
fn between(docker: &Docker, side: &str, since: Duration, until: Duration) -> Result<f64> {
    let at = |time: Duration| format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    let filters =
        json!({ "type": ["container"], "label": [format!("{LABEL}={side}")], "event": ["die", "start"] });
    let filters = escape(&filters.to_string());
    let path = format!("/events?since={}&until={}&filters={filters}", at(since), at(until));
    let text = docker.call("GET", &path, None)?.text();
    let events: Vec<Value> =
        serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>()?;
    let when = |action: &'static str| {
        let times = events.iter().filter(move |event| event["Action"] == action);
        times.filter_map(|event| event["timeNano"].as_u64())
    };
    let ended = when("die").min().context("the old one did not end")?;
    let began = when("start").max().context("the new one did not begin")?;
    ensure!(began > ended, "{side}: the new one began before the old one ended");
    Ok(Unit::Milliseconds.of(Duration::from_nanos(began - ended)))
}
