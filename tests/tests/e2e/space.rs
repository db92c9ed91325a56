//! An engine whose disk is full: a stop still stops there, and nothing starts again.

use std::path::Path;

use lodeman_tests::image::Image;
use serde_json::json;

use crate::support::{Corner, PATIENCE, steady};

const MIB: u64 = 1 << 20;

/// The disk of these tests. An update wants 64 MiB free.
const DISK: u64 = 160 * MIB;

/// Runs until it is stopped. The first time that it was told so, it writes until the disk is full.
const FILLS_AS_IT_STOPS: &str = "
    stop() {
        if [ -e /data/armed ]; then
            /bin/busybox rm /data/armed
            /bin/busybox dd if=/dev/zero of=/data/fill bs=1M
            /bin/busybox dd if=/dev/zero of=/data/rest bs=512
        fi
        exit 0
    }
    trap stop TERM
    while :; do /bin/busybox sleep 1 & wait $!; done";

/// Writes a file until there is no room for it any more, or until it has `bytes`.
fn fill(file: &Path, bytes: u64) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(file).unwrap();
    let piece = vec![0_u8; 1 << 16];
    for _ in 0..bytes / piece.len() as u64 {
        if file.write_all(&piece).is_err() {
            return;
        }
    }
}

#[test]
fn an_update_without_room_is_refused_and_comes_once_there_is_some() {
    let Some((corner, data)) = Corner::with_disk("noroom", DISK) else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "auto", json!({}));
    let before = corner.inspect("app");
    corner.push("app", "stable", &steady("2"));
    // Some is left, but not enough.
    fill(&data.join("fill"), DISK - 40 * MIB);
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "aborted", "{report:#}");
    let reason = report["updates"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("disk is nearly full") && reason.contains("64 MiB"), "{reason}");
    corner.assert_settled("app");
    let after = corner.inspect("app");
    assert_eq!(after["Id"], before["Id"]);
    assert_eq!(after["State"]["StartedAt"], before["State"]["StartedAt"], "it was left alone");

    std::fs::remove_file(data.join("fill")).unwrap();
    let summary = corner.lodeman.json(0, &["watch", &corner.named("app")]).unwrap();
    assert_eq!(summary["outcome"], "updated", "{summary:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "2");
}

#[test]
fn a_disk_that_fills_up_while_the_container_stops_costs_time_and_no_container() {
    let Some((corner, data)) = Corner::with_disk("fullstop", DISK) else { return };
    let filling = |version: &str| -> Image { steady(version).script(FILLS_AS_IT_STOPS) };
    corner.push("app", "stable", &filling("1"));
    let repository = format!("{}/{}", corner.registry_host(), corner.named("app"));
    corner.docker.pull(&repository, "stable").unwrap();
    let name = corner.named("app");
    let spec = json!({
        "Image": corner.reference("app", "stable"),
        "StopTimeout": 20,
        "Labels": { "lodeman.fleet": corner.name, "lodeman.policy": "auto" },
        "HostConfig": {
            "Binds": [format!("{name}:/data")], "RestartPolicy": { "Name": "unless-stopped" },
        },
    });
    let old = corner.docker.run(&name, &spec).unwrap();
    corner.docker.write_file(&name, "/data", "armed", "yes").unwrap();
    corner.docker.write_file(&name, "/data", "token", "kept").unwrap();
    corner.push("app", "stable", &filling("2"));

    let running = corner.lodeman.spawn(&["run-once", "--json"]).unwrap();
    let is_down = |found: &serde_json::Value| found["State"]["Running"] == false;
    corner.docker.wait_until(&old, PATIENCE, is_down).unwrap();
    let volume = data.join("volumes").join(&name).join("_data");
    // A person makes room soon, should what the update gives back by itself not be enough.
    std::thread::sleep(std::time::Duration::from_secs(2));
    std::fs::remove_file(volume.join("fill")).unwrap();
    let ended = running.finish(PATIENCE).unwrap();
    let update = ended.json().unwrap()["updates"][0].clone();
    assert_eq!((ended.code, &update["outcome"]), (Some(6), &json!("rolled_back")), "{update:#}");
    assert!(update["reason"].as_str().unwrap().contains("no space left"), "{update:#}");
    let settled = |version: &str| {
        corner.assert_settled("app");
        assert_eq!(corner.version("app"), version);
        assert_eq!(corner.inspect("app")["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped");
        let token = corner.docker.read_file(&name, "/data/token").unwrap();
        assert_eq!(token.as_deref(), Some("kept"));
    };
    settled("1");
    assert_eq!(corner.inspect("app")["Id"], json!(old), "the old container itself runs again");

    // The image is not to blame.
    let summary = corner.lodeman.json(0, &["watch", &name]).unwrap();
    assert_eq!(summary["outcome"], "updated", "{summary:#}");
    settled("2");
}
