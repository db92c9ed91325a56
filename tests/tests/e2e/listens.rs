//! Images that stay up and do not listen.

use lodeman_tests::http::{Client, Target};
use lodeman_tests::image::Image;
use lodeman_tests::lab::wait;
use serde_json::{Value, json};

use crate::support::{Corner, PATIENCE, STEADY, steady};

/// Serves an empty folder on port 8080, in this version.
fn listening(version: &str) -> Image {
    let script = format!("/bin/busybox httpd -p 8080 -h /data; {STEADY}");
    steady(version).script(&script).with("ExposedPorts", json!({ "8080/tcp": {} }))
}

/// Declares the port and does not listen on it.
fn mute(version: &str) -> Image {
    steady(version).with("ExposedPorts", json!({ "8080/tcp": {} }))
}

/// Runs `first`, published on a port that the engine chooses, whose own proxy answers there whatever
/// listens behind it. Comes back once it answers, where it is one that does.
fn run(corner: &Corner, first: &Image, answers: bool, labels: &Value) {
    corner.push("app", "stable", first);
    let ports = json!({ "8080/tcp": [{ "HostPort": "" }] });
    let more = json!({ "Labels": labels, "HostConfig": { "PortBindings": ports } });
    corner.run("app", "app", "stable", "auto", more);
    let port = corner.inspect("app")["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"].clone();
    let port = port.as_str().unwrap().parse().unwrap();
    let client = Client::new(Target::Loopback { port, netns: corner.netns() });
    if answers {
        wait(PATIENCE, || Ok(client.get("/").ok().map(drop))).unwrap();
    }
}

#[test]
fn an_image_that_stays_up_and_does_not_listen_is_rolled_back() {
    let Some(corner) = Corner::new("mute") else { return };
    run(&corner, &listening("1"), true, &json!({}));
    corner.push("app", "stable", &mute("2"));
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "rolled_back", "{report:#}");
    let reason = report["updates"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("does not listen on 8080/tcp"), "{reason}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "1");
    assert_eq!(corner.lodeman.json(0, &["run-once"]).unwrap()["updates"], json!([]), "it is remembered");

    corner.push("app", "stable", &listening("3"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "3");
}

#[test]
fn what_did_not_listen_before_need_not_and_neither_what_a_label_excuses() {
    let Some(corner) = Corner::new("excused") else { return };
    run(&corner, &mute("1"), false, &json!({}));
    corner.push("app", "stable", &mute("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");

    let Some(corner) = Corner::new("labelled") else { return };
    run(&corner, &listening("1"), true, &json!({ "lodeman.listen-check": "false" }));
    corner.push("app", "stable", &mute("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    assert_eq!(corner.version("app"), "2");
}
