//! What lies outside: registries that misbehave, and names that do not exist.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use lodeman_tests::http::Head;
use serde_json::json;

use crate::support::{Corner, merge, steady};

/// A registry in the lab's network that answers every request with these bytes, and its host and port.
fn bad_registry(corner: &Corner, answer: &'static [u8]) -> String {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = match corner.netns() {
        Some(netns) => netns.inside(bind).unwrap(),
        None => bind(),
    };
    let listener = listener.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                if let Ok(Some(_)) = Head::read(&mut reader) {
                    // An endless body goes on until the client has enough.
                    while reader.get_mut().write_all(answer).is_ok() && answer.ends_with(b"endless") {}
                }
            });
        }
    });
    host
}

#[test]
fn registries_that_misbehave_do_not_stop_the_others() {
    let Some(mut corner) = Corner::new("badregistry") else { return };
    corner.lodeman.set("REGISTRY_TIMEOUT", "2s");
    let refusing =
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    let answers: [(&str, &[u8]); 6] = [
        ("garbage", b"no protocol at all\r\n\r\n"),
        ("loop", refusing),
        ("made", refusing),
        ("error", b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        ("endless", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nendless"),
        ("nonsense", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"),
    ];
    corner.push("app", "stable", &steady("1"));
    corner.run("good", "app", "stable", "auto", json!({}));
    let image = corner.inspect("good")["Image"].as_str().unwrap().to_owned();
    let mut names = Vec::new();
    for (name, answer) in answers {
        let host = bad_registry(&corner, answer);
        if name == "made" {
            let (layer, command) = (steady("1").build().layer, r#"CMD ["/bin/busybox","sleep","600"]"#);
            corner.docker.import(&format!("{host}/{name}"), "1.0.0", &[command], &layer.bytes).unwrap();
        } else {
            let path = format!("/images/{image}/tag?repo={host}/{name}&tag=1.0.0");
            corner.docker.call("POST", &path, None).unwrap();
        }
        let labels = json!({ "lodeman.fleet": corner.name, "lodeman.policy": "auto" });
        let spec = json!({ "Image": format!("{host}/{name}:1.0.0"), "StopTimeout": 1, "Labels": labels });
        corner.docker.run(&corner.named(name), &spec).unwrap();
        names.push(name);
    }
    corner.push("app", "stable", &steady("2"));
    let report = corner.lodeman.json(1, &["run-once"]).unwrap();
    assert_eq!(report["updates"].as_array().map(Vec::len), Some(1), "{report:#}");
    corner.assert_settled("good");
    assert_eq!(corner.version("good"), "2");
    for name in names {
        let found = report["explanations"].as_array().unwrap().iter();
        let told = found.clone().find(|told| told["workload"]["name"] == corner.named(name)).unwrap();
        // An image that was never pulled, at a registry that shows it to nobody, counts as made here. In
        // containerd it is one image with the other's name, and that was pulled.
        let named_here = name == "loop" && !corner.docker.keeps_images_in_containerd().unwrap();
        let made_here = name == "made" || named_here;
        let (verdict, reason) =
            if made_here { ("not_applicable", "local_image") } else { ("unknown", "check_failed") };
        assert_eq!(told["verdict"], verdict, "{name}: {told:#}");
        assert!(told["reasons"].to_string().contains(reason), "{name}: {told:#}");
        corner.assert_settled(name);
    }
}

#[test]
fn a_bad_label_is_told_and_does_not_stop_the_others() {
    let Some(corner) = Corner::new("badlabel") else { return };
    corner.push("app", "stable", &steady("1"));
    let mut more = json!({});
    merge(&mut more, json!({ "Labels": { "lodeman.window": "25:00-26:00" } }));
    corner.run("bad", "app", "stable", "auto", more);
    corner.run("good", "app", "stable", "auto", json!({}));
    corner.push("app", "stable", &steady("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    corner.assert_settled("good");
    assert_eq!(corner.version("good"), "2");
    let name = corner.named("bad");
    let told =
        report["explanations"].as_array().unwrap().iter().find(|told| told["workload"]["name"] == name);
    let told = told.unwrap();
    assert!(told["reasons"].to_string().contains("lodeman.window"), "{told:#}");
    assert_eq!(corner.version("bad"), "1", "a window that cannot be read is closed");
}

#[test]
fn what_does_not_exist_or_cannot_be_read_is_named() {
    let Some(mut corner) = Corner::new("badinput") else { return };
    for command in [&["run-once", "no-such-container"][..], &["watch", "no-such-container"]] {
        let refused = corner.lodeman.json(4, command).unwrap();
        assert!(refused["error"]["message"].to_string().contains("no-such-container"), "{refused:#}");
    }
    let refused = corner.lodeman.run(&["check", "Not A Reference"]).unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("Not A Reference"), "{refused:?}");
    corner.lodeman.set("SCHEDULE_CRON", "61 * * * *");
    corner.lodeman.set("UPDATES_GRACE_PERIOD", "soon");
    let refused = corner.lodeman.run(&["run-once"]).unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for key in ["LODEMAN_SCHEDULE_CRON", "LODEMAN_UPDATES_GRACE_PERIOD"] {
        assert!(refused.stderr.contains(key), "all mistakes are told together: {refused:?}");
    }
}

#[test]
fn an_image_can_be_checked_without_an_engine() {
    let Some(mut corner) = Corner::new("check") else { return };
    for version in ["1.0.0", "1.0.1", "1.1.0"] {
        corner.push("app", version, &steady(version));
    }
    corner.lodeman.engine(std::path::Path::new("/nonexistent/socket"));
    let reference = corner.reference("app", "1.0.0");
    let told = corner.lodeman.json(0, &["check", &reference]).unwrap();
    let newer = told[0]["newer_versions"].clone();
    assert_eq!(newer, json!(["1.1.0", "1.0.1"]), "{told:#}");
}
