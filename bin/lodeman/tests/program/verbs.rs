//! Commands that do their work themselves.

use serde_json::Value;

use crate::program::{Program, mode};

#[test]
fn without_an_engine_the_commands_that_need_none_work() {
    let program = Program::new();
    for (arguments, says) in [
        (&["queue"][..], "Nothing waits.\n"),
        (&["history"], "Nothing has happened yet.\n"),
        (&["migrate"], "has the form that version"),
    ] {
        let ended = program.run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains(says), "{ended:?}");
    }
    assert_eq!(mode(&program.data()), 0o700);
    for file in std::fs::read_dir(program.data()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[test]
fn an_engine_that_is_away_is_told_and_nothing_is_done() {
    let program = Program::new();
    for arguments in [&["run-once"][..], &["watch", "web"], &["explain"], &["rollback", "web"], &["recover"]]
    {
        let ended = program.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("engine"), "{ended:?}");
        assert_eq!(ended.out, "");
    }
}

#[test]
fn a_failure_is_one_json_document_for_a_program() {
    let program = Program::new();
    let ended = program.run(&["approve", "web", "--json"]);
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(document["error"]["exit_code"], 1, "{ended:?}");
    assert_eq!(ended.code, Some(1));
}

#[test]
fn what_is_mistyped_is_named_with_what_is_allowed() {
    let program = Program::new();
    for (arguments, says) in [
        (&["explain", "a/b"][..], "a container name is 2 to 255 characters"),
        (&["check", "NGINX:1"], "invalid value 'NGINX:1' for '<IMAGE>...'"),
        (&["aprove", "web"], "'approve'"),
        (&["--set", "log.level=loud", "queue"], "allowed is error, warn, info, debug or trace"),
        (&["--set", "log.leve=info", "queue"], "did you mean `log.level`?"),
        (&["--config", "/nowhere", "queue"], "`/nowhere` cannot be read"),
    ] {
        let ended = program.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(says), "{ended:?}");
    }
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_all_mistakes_at_once() {
    let program = Program::new();
    let file = program.file("lodeman.toml", "[updates]\npaused = true\n");
    let file = file.to_str().unwrap();
    let ended = program.run(&["check-config", "--config", file, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let keys = report["keys"].as_array().unwrap();
    let paused = keys.iter().find(|key| key["key"] == "updates.paused").unwrap();
    assert_eq!((&paused["value"], &paused["source"]), (&"true".into(), &"file".into()), "{paused}");

    let bad = program.file("bad.toml", "[updates]\npaused = 3\n[nothing]\nx = 1\n");
    let ended = program.run(&["check-config", "--config", bad.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for says in ["updates.paused", "nothing", "The configuration cannot be used."] {
        assert!(ended.out.contains(says), "{ended:?}");
    }
}

#[test]
fn an_administrator_is_made_once_and_the_password_is_never_shown() {
    let program = Program::new();
    let made = program.run_with(&["create-admin", "--name", "ann", "--password-stdin"], "correct horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let again = program.run_with(&["create-admin", "--name", "ann", "--password-stdin"], "battery staple\n");
    assert_eq!(again.code, Some(5), "{again:?}");
    assert!(again.err.contains("there is an account `ann` already"), "{again:?}");
    let file = program.file("password", "another horse\n");
    let file = file.to_str().unwrap();
    let other = program.run(&["create-admin", "--name", "bob", "--password-file", file]);
    assert_eq!(other.code, Some(0), "{other:?}");
    for (input, says) in [
        ("short\n", "has 5 characters; allowed is 8 to 128"),
        ("password\n", "one of the most common"),
        ("", "has 0 characters"),
    ] {
        let refused = program.run_with(&["create-admin", "--name", "eve", "--password-stdin"], input);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(says), "{refused:?}");
    }
    let unsaid = program.run(&["create-admin", "--name", "eve"]);
    assert_eq!(unsaid.code, Some(2), "{unsaid:?}");
}

#[test]
fn without_a_server_nothing_is_healthy() {
    let ended = Program::new().run(&["healthcheck"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("no server runs on the data directory"), "{ended:?}");
}
