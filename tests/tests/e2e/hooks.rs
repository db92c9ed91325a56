//! Hooks, run by a real engine in the containers around their update.

use lodeman_tests::lab::wait;
use serde_json::{Value, json};

use crate::sentinel::serve;
use crate::support::{Corner, PATIENCE, steady};

/// Says which container it runs in, and why.
const SAYS: &str = "echo \"$LODEMAN_HOOK of $LODEMAN_CONTAINER in version $VERSION\" >> /data/said";

/// A corner with a container of version 1 with these labels, a newer version of it, and hooks on.
fn corner(name: &'static str, labels: &Value) -> Option<Corner> {
    let mut corner = Corner::new(name)?;
    corner.lodeman.set("UPDATES_HOOKS_ENABLED", "true");
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "auto", json!({ "Volumes": { "/data": {} }, "Labels": labels }));
    corner.push("app", "stable", &steady("2"));
    Some(corner)
}

fn said(corner: &Corner) -> String {
    corner.docker.read_file(&corner.named("app"), "/data/said").unwrap().unwrap_or_default()
}

/// Runs once, and sees that the update ends this way and the container is the one that was there.
fn is_left_alone(corner: &Corner, outcome: &str, why: &str) {
    let before = corner.inspect("app");
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    let update = &report["updates"][0];
    assert_eq!(update["outcome"], outcome, "{report:#}");
    assert!(update["reason"].as_str().is_some_and(|reason| reason.contains(why)), "{report:#}");
    corner.assert_settled("app");
    let after = corner.inspect("app");
    assert_eq!((&after["Id"], &after["State"]["StartedAt"]), (&before["Id"], &before["State"]["StartedAt"]));
    let again = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(again["updates"], json!([]), "it is not tried again at once");
}

#[test]
fn hooks_run_in_the_old_container_before_and_in_the_new_one_after() {
    let labels = json!({ "sentinel.hook.pre-update": SAYS, "lodeman.hook.post-update": SAYS });
    let Some(corner) = corner("hooked", &labels) else { return };
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    corner.assert_settled("app");
    let name = corner.named("app");
    let expected = format!("pre-update of {name} in version 1\npost-update of {name} in version 2\n");
    assert_eq!(said(&corner), expected);
}

#[test]
fn hooks_do_not_run_where_nobody_switched_them_on() {
    let labels = json!({ "sentinel.hook.pre-update": SAYS, "lodeman.hook.post-update": SAYS });
    let Some(mut corner) = corner("unhooked", &labels) else { return };
    corner.lodeman.set("UPDATES_HOOKS_ENABLED", "false");
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    assert_eq!(said(&corner), "");
}

#[test]
fn a_hook_that_ends_with_75_keeps_the_container_and_puts_the_update_off() {
    let hook = format!("{SAYS}; exit 75");
    let labels = json!({ "com.centurylinklabs.watchtower.lifecycle.pre-update": hook });
    let Some(corner) = corner("hookskip", &labels) else { return };
    is_left_alone(&corner, "skipped_by_hook", "exit code 75");
    assert_eq!(said(&corner).lines().count(), 1, "it ran once");
}

#[test]
fn a_hook_that_fails_ends_the_update_before_anything_is_changed() {
    let labels = json!({ "lodeman.hook.pre-update": "exit 3", "lodeman.hook.post-update": SAYS });
    let Some(corner) = corner("hookfail", &labels) else { return };
    is_left_alone(&corner, "aborted", "exit code 3");
    assert_eq!(said(&corner), "");
}

#[test]
fn a_hook_beyond_its_time_is_killed_with_what_it_began() {
    let hook = "/bin/busybox sleep 611 & /bin/busybox sleep 611";
    let labels = json!({ "lodeman.hook.pre-update": hook, "lodeman.hook.timeout": "1" });
    let Some(corner) = corner("hookslow", &labels) else { return };
    is_left_alone(&corner, "aborted", "not done within 1 s and was killed");
    wait(PATIENCE, || Ok((!runs_somewhere(b"sleep\x00611\x00")).then_some(()))).unwrap();
}

/// Whether a process whose command line ends like this runs on this machine, in a container or not. The
/// engine's own list would need a program that not every machine has.
fn runs_somewhere(end: &[u8]) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.ends_with(end))
}

#[test]
fn a_hook_that_was_set_over_http_runs_and_one_that_fails_after_the_update_leaves_it() {
    let Some(mut corner) = Corner::new("hookset") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({ "Volumes": { "/data": {} } }));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    api.post("/api/settings/hooks-enabled", &json!({ "enabled": true })).unwrap();
    let command = json!(["/bin/busybox", "sh", "-c", SAYS]);
    let pre = json!({ "phase": "pre-update", "command": command, "timeout": 20 });
    api.post(&format!("/api/hooks/{name}"), &pre).unwrap();
    let post = json!({ "phase": "post-update", "command": ["/not/there"] });
    api.post(&format!("/api/hooks/{name}"), &post).unwrap();
    corner.push("app", "stable", &steady("2"));
    api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
    let events = api.follow("/api/events", None).unwrap();
    events.wait_for(PATIENCE, |told| told.name == "connected").unwrap();
    api.post(&format!("/api/approve/{name}"), &json!({})).unwrap();
    for word in ["the pre-update hook of", "the post-update hook of"] {
        let about = |told: &lodeman_tests::api::Told| {
            told.data["message"].as_str().is_some_and(|message| message.starts_with(word))
        };
        events.wait_for(PATIENCE, about).unwrap();
    }
    wait(PATIENCE, || Ok((corner.version("app") == "2").then_some(()))).unwrap();
    corner.wait_settled("app");
    assert_eq!(said(&corner), format!("pre-update of {name} in version 1\n"));
    let history = api.get("/api/history").unwrap();
    assert_eq!(history[0]["outcome"], "success", "{history:#}");
}
