//! Commands inside containers.

use std::time::Duration;

use lodeman_domain::container::ContainerId;
use serde_json::json;

use super::{GRACE, SampleImage, Scene, fresh_name, status};
use crate::{ExecEnding, ExecReport, ExecRequest, MAX_EXEC_OUTPUT};

fn shell(script: &str, timeout: Duration) -> ExecRequest {
    ExecRequest {
        command: ["/bin/busybox", "sh", "-c", script].map(str::to_owned).to_vec(),
        environment: vec![("LODEMAN_SAMPLE".to_owned(), "a b\"c".to_owned())],
        timeout,
    }
}

async fn run(scene: &Scene, id: &ContainerId, script: &str, timeout: Duration) -> ExecReport {
    scene.engine().exec(id, &shell(script, timeout)).await.expect("it can be run")
}

const LONG: Duration = Duration::from_secs(20);

pub(super) async fn a_command_tells_its_exit_code_and_both_streams(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::obliging()).await;
    let id = scene.run("exec", &json!({ "Image": image })).await;
    let said = run(scene, &id, SampleImage::SPEAKS, LONG).await;
    assert_eq!(said.ending, ExecEnding::Exited { code: 7 });
    assert_eq!(
        (said.output.as_str(), said.error_output.as_str(), said.cut),
        ("out a b\"c\n", "err\n", false)
    );
    let quiet = run(scene, &id, SampleImage::PUTS_OFF, LONG).await;
    assert_eq!(quiet.ending, ExecEnding::Exited { code: 75 });
    assert_eq!((quiet.output.as_str(), quiet.error_output.as_str()), ("", ""));
    let endless = run(scene, &id, SampleImage::FLOODS, LONG).await;
    assert_eq!(endless.ending, ExecEnding::Exited { code: 0 });
    assert!(endless.cut && endless.output.len() <= MAX_EXEC_OUTPUT, "{}", endless.output.len());
    assert!(endless.output.len() > MAX_EXEC_OUTPUT - 100 && endless.output.ends_with("the end\n"));
}

pub(super) async fn a_program_that_is_not_there_ends_with_its_own_code(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::obliging()).await;
    let id = scene.run("noexec", &json!({ "Image": image })).await;
    let missing = ExecRequest { command: vec![SampleImage::MISSING.to_owned()], ..shell("", LONG) };
    match scene.engine().exec(&id, &missing).await {
        Ok(report) => {
            assert!(matches!(report.ending, ExecEnding::Exited { code: 126 | 127 }), "{report:?}");
        }
        // Newer engines may refuse before they begin to answer.
        Err(error) => assert!(matches!(error.status(), Some(400 | 500)), "{error}"),
    }
}

pub(super) async fn a_command_beyond_its_time_is_killed_with_what_it_began(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::obliging()).await;
    let id = scene.run("slow", &json!({ "Image": image })).await;
    let late = run(scene, &id, SampleImage::DAWDLES, Duration::from_secs(1)).await;
    assert_eq!(late.ending, ExecEnding::TimedOut { left_running: None });
    assert_eq!(late.output, "began\n", "what it wrote before is kept");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = run(scene, &id, SampleImage::COUNTS_DAWDLERS, LONG).await;
    assert_eq!(left.output, "0\n", "nothing of it runs on");
}

pub(super) async fn a_container_that_does_not_run_takes_no_command(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::obliging()).await;
    let id = scene.create(&fresh_name("down"), &json!({ "Image": image })).await;
    let command = shell(SampleImage::SPEAKS, LONG);
    assert_eq!(status(scene.engine().exec(&id, &command).await), 409, "it was never started");
    scene.engine().start(&id).await.expect("it starts");
    scene.engine().pause(&id).await.expect("it freezes");
    assert_eq!(status(scene.engine().exec(&id, &command).await), 409, "it is frozen");
    scene.engine().unpause(&id).await.expect("it thaws");
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    assert_eq!(status(scene.engine().exec(&id, &command).await), 409, "it was stopped");
    scene.engine().remove_container(&id).await.expect("it goes");
    assert_eq!(status(scene.engine().exec(&id, &command).await), 404, "it is gone");
}
