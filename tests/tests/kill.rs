//! A bounded sample of the kill matrix; `cargo xtask kill-matrix` plays all of it.

#![expect(clippy::print_stderr, reason = "a run of minutes tells how far it is")]

use std::path::PathBuf;

use lodeman_tests::docker::Docker;
use lodeman_tests::image::Image;
use lodeman_tests::lab::{Lab, Programs, Setup};
use lodeman_tests::matrix::{Before, Plan, Played, problems, run};
use serde_json::json;

/// How many cells are played, unless `LODEMAN_KILL_CELLS` says otherwise.
const CELLS: usize = 16;

fn left_out() -> bool {
    let left_out = std::env::var("LODEMAN_WITHOUT_LAB").as_deref() == Ok("1");
    if left_out {
        eprintln!("left out: there is no lab (LODEMAN_WITHOUT_LAB=1)");
    }
    left_out
}

#[test]
fn a_container_survives_a_kill_at_any_call() {
    if left_out() {
        return;
    }
    let program = std::env::var_os("LODEMAN_BIN").map(PathBuf::from);
    let cells = std::env::var("LODEMAN_KILL_CELLS").ok().and_then(|text| text.parse().ok());
    let plan = Plan {
        program: program.expect("LODEMAN_BIN names the built program: run `cargo xtask test`"),
        engines: 2,
        cells: Some(cells.unwrap_or(CELLS)),
        guard: (env!("CARGO_BIN_EXE_lodeman-lab").into(), vec!["guard".to_owned()]),
        programs: Programs::from_env(),
    };
    let tell = |played: &Played, number: usize, of: usize| {
        let call = played.call.as_deref().unwrap_or("-");
        eprintln!(
            "{number}/{of} {} ({call}) {:.1} s {:?}",
            played.cell,
            played.took.as_secs_f32(),
            played.problems
        );
    };
    let report = run(&plan, &tell).expect("every cell can be played");
    eprintln!("{} of {} cells played, {} failed", report.played.len(), report.all, report.failures().count());
    assert_eq!(report.failures().count(), 0, "{:#?}", report.failures().collect::<Vec<_>>());
    assert!(report.unreached() * 4 <= report.played.len(), "most kills find their call");
}

/// Sabotage: each of these is what a lost container looks like, and must be noticed.
#[test]
fn what_must_not_happen_is_noticed() {
    if left_out() {
        return;
    }
    let name = format!("noticed-{}", std::process::id());
    let lab = Lab::start(&Setup::guarded(&name, env!("CARGO_BIN_EXE_lodeman-lab"), &["guard"]));
    let lab = lab.expect("the lab starts: run `cargo xtask test`, or set LODEMAN_WITHOUT_LAB=1");
    let docker = lab.docker();
    let image = Image::busybox().unwrap().command(&["/bin/busybox", "sleep", "600"]);
    lab.registry().image("app", "1", &image).unwrap();
    docker.pull(&format!("{}/app", lab.registry_host()), "1").unwrap();
    let spec = json!({
        "Image": lab.reference("app", "1"),
        "Env": ["VERSION=1"],
        "StopTimeout": 1,
        "Volumes": { "/named": {}, "/anonymous": {}, "/declared": {} },
    });
    let make = |docker: &Docker| {
        docker.remove("app").unwrap();
        docker.run("app", &spec).unwrap();
        for volume in ["/named", "/anonymous", "/declared"] {
            docker.write_file("app", volume, "token", &format!("app {volume}")).unwrap();
        }
        Before { name: "app".to_owned(), inspect: docker.inspect("app").unwrap() }
    };
    let notices = |before: &Before, version: &str, word: &str| {
        let found = problems(&docker, before, Some(version)).unwrap();
        assert!(found.iter().any(|problem| problem.contains(word)), "{word}: {found:?}");
    };
    let before = make(&docker);
    assert_eq!(problems(&docker, &before, Some("1")).unwrap(), Vec::<String>::new());
    notices(&before, "2", "instead of version");
    let _other = docker.create("app__old__0123abcd", &spec).unwrap();
    notices(&before, "1", "app__old__0123abcd");
    assert_eq!(problems(&docker, &before, None).unwrap(), Vec::<String>::new(), "it may be kept for a while");
    docker.start("app__old__0123abcd").unwrap();
    let found = problems(&docker, &before, None).unwrap();
    assert!(found.iter().any(|problem| problem.contains("could run beside it")), "{found:?}");
    docker.remove("app__old__0123abcd").unwrap();
    docker
        .call("POST", "/containers/app/update", Some(&json!({ "RestartPolicy": { "Name": "always" } })))
        .unwrap();
    notices(&before, "1", "restart policy");
    docker.call("POST", "/containers/app/stop", None).unwrap();
    notices(&before, "1", "does not run");
    docker.remove("app").unwrap();
    notices(&before, "1", "gone");
    // The same settings again, but other volumes: the data is lost.
    docker.run("app", &spec).unwrap();
    notices(&before, "1", "token");
    notices(&before, "1", "mounts");
}
