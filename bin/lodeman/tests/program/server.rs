//! The server while its engine is away: it answers, and it ends when it is asked to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::program::{Program, mode, wait};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_is_alive_and_says_what_is_missing() {
    let program = Program::new();
    let server = program.serve(&["serve", "--set", "metrics.enabled=true", "--set", "metrics.public=true"]);
    let address = server.address();
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));
    let ready = get(&address, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("\"engine\""), "{ready}");
    assert!(get(&address, "/metrics").contains("\nlodeman_ready 0\n"));
    let told = program.run(&["healthcheck", "--ready"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.out.contains("engine") && told.out.contains("degraded"), "{told:?}");
    assert_eq!(mode(&program.data().join("lodeman.sock")), 0o600);
}

#[test]
fn a_key_that_is_none_shows_where_one_looks() {
    let program = Program::new();
    let ready = get(&program.serve(&["serve"]).address(), "/readyz");
    assert!(ready.contains(r#"{"name":"sealing","health":"on"}"#), "{ready}");
    let key = program.file("key", "no key\n");
    let key = format!("security.secret_key_file={}", key.display());
    let server = program.serve(&["serve", "--set", &key]);
    let ready = get(&server.address(), "/readyz");
    let says = r#"{"name":"sealing","health":"degraded","reason":""#;
    assert!(ready.contains(says) && ready.contains("does not hold a key"), "{ready}");
    assert!(
        ready.contains(r#"{"name":"updates","health":"degraded","reason":"none can be recorded"#),
        "{ready}"
    );
    let told = program.run(&["healthcheck", "--ready"]);
    assert!(told.out.contains("sealing") && told.out.contains("does not hold a key"), "{told:?}");
}

#[test]
fn verbs_speak_with_it_and_change_nothing_while_it_recovers() {
    let program = Program::new();
    let _server = program.serve(&["serve"]);
    let queue = program.run(&["queue"]);
    assert_eq!((queue.code, queue.out.as_str()), (Some(0), "Nothing waits.\n"), "{queue:?}");
    let watch = program.run(&["watch", "web"]);
    assert_eq!(watch.code, Some(1), "{watch:?}");
    assert!(watch.err.contains("being recovered"), "{watch:?}");
    let migrate = program.run(&["migrate"]);
    assert!(migrate.out.starts_with("A server of version"), "{migrate:?}");
    let made = program.run_with(&["create-admin", "--password-stdin"], "correct horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let again = program.run_with(&["create-admin", "--password-stdin"], "correct horse\n");
    assert_eq!(again.code, Some(5), "{again:?}");
}

#[test]
fn a_second_server_is_refused_and_the_first_stays() {
    let program = Program::new();
    let first = program.serve(&["serve"]);
    let second = program.run(&["serve"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let says = format!("a server (process {}) runs on the data directory", first.id());
    assert!(second.err.contains(&says), "{second:?}");
    assert_eq!(program.run(&["healthcheck"]).code, Some(0));
}

#[test]
fn signals_end_it_in_order_and_a_hang_up_does_not() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::new();
        let server = program.serve(&["serve"]);
        server.signal(Signal::HUP);
        wait(|| server.log().contains("SIGHUP is ignored"));
        assert_eq!(program.run(&["healthcheck"]).code, Some(0));
        server.signal(signal);
        assert_eq!(server.ended(), Some(0));
        assert!(!program.data().join("lodeman.sock").exists());
        assert_eq!(program.run(&["queue"]).code, Some(0), "the data directory is free again");
    }
}

#[test]
fn a_server_that_was_killed_leaves_nothing_in_the_way() {
    let program = Program::new();
    let server = program.serve(&["serve"]);
    server.signal(Signal::KILL);
    assert_eq!(server.ended(), None);
    assert!(program.data().join("lodeman.sock").exists());
    assert_eq!(program.run(&["queue"]).code, Some(0));
    let _next = program.serve(&["serve"]);
}

#[test]
fn the_first_administrator_comes_from_a_file_and_is_made_once() {
    let program = Program::new();
    let password = program.file("password", "correct horse\n");
    for round in 0..2 {
        let mut command = program.command(&["serve"]);
        command.env("LODEMAN_ADMIN_PASSWORD_FILE", &password);
        command.stderr(std::fs::File::create(program.log()).unwrap());
        let server = program.started(command, program.log());
        let made = server.log().contains("made the first administrator, `admin`");
        assert_eq!(made, round == 0, "{}", server.log());
        assert!(!server.log().contains("correct horse"));
        server.signal(Signal::TERM);
        assert_eq!(server.ended(), Some(0));
    }
    let taken = program.run_with(&["create-admin", "--password-stdin"], "battery staple\n");
    assert_eq!(taken.code, Some(5), "{taken:?}");
}

#[test]
fn a_common_first_password_keeps_the_server_from_starting() {
    let program = Program::new();
    let password = program.file("password", "password\n");
    let mut command = program.command(&["serve"]);
    let ended = command.env("LODEMAN_ADMIN_PASSWORD_FILE", &password).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let says = String::from_utf8(ended.stderr).unwrap();
    assert!(says.contains("security.admin_password: password: is one of the most common"), "{says}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let program = Program::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ended = program.run(&["serve", "--set", &format!("server.listen={address}")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("server.listen") && ended.err.contains(&address), "{ended:?}");
}

#[test]
fn no_memory_of_it_reaches_a_disk() {
    let program = Program::new();
    let server = program.serve(&["serve"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id()));
    // Who may not look at the process at all sees no core either.
    if let Ok(limits) = limits {
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }
}
