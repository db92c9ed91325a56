//! The lab itself: what the other tests take for granted.

use lodeman_tests::image::Image;
use serde_json::json;

use crate::support::{PATIENCE, lab, steady};

#[test]
fn an_image_that_was_pushed_can_be_pulled_and_run_and_its_files_read() {
    let Some(lab) = lab() else { return };
    let (docker, registry) = (lab.docker(), lab.registry());
    let script = "echo hello >/data/token; exec /bin/busybox sleep 60";
    let digest = registry.image("lab/one", "1", &Image::busybox().unwrap().script(script)).unwrap();
    assert_eq!(registry.digest("lab/one", "1").unwrap(), digest);
    assert_eq!(registry.tags("lab/one").unwrap(), ["1"]);
    docker.pull(&format!("{}/lab/one", lab.registry_host()), "1").unwrap();
    let id = docker.run("lab-one", &json!({ "Image": lab.reference("lab/one", "1") })).unwrap();
    docker.wait_until(&id, PATIENCE, |c| c["State"]["Running"] == true).unwrap();
    let token = || docker.read_file(&id, "/data/token");
    let token = lodeman_tests::lab::wait(PATIENCE, token).unwrap();
    assert_eq!(token, "hello\n");
    docker.write_file(&id, "/data", "other", "content").unwrap();
    assert_eq!(docker.read_file(&id, "/data/other").unwrap().as_deref(), Some("content"));
    assert_eq!(docker.read_file(&id, "/data/none").unwrap(), None);
    docker.remove(&id).unwrap();
    assert_eq!(docker.find("lab-one").unwrap(), None);
}

#[test]
fn an_index_can_be_pulled_and_gives_the_image_of_this_machine() {
    let Some(lab) = lab() else { return };
    let mut other = steady("other");
    other.architecture = "s390x".to_owned();
    let digest = lab.registry().index("lab/index", "1", &[other, steady("mine")]).unwrap();
    assert_eq!(lab.registry().digest("lab/index", "1").unwrap(), digest);
    lab.docker().pull(&format!("{}/lab/index", lab.registry_host()), "1").unwrap();
    let image = lab.docker().find_image(&lab.reference("lab/index", "1")).unwrap().unwrap();
    assert!(image["Config"]["Env"].to_string().contains("VERSION=mine"), "{image}");
}
