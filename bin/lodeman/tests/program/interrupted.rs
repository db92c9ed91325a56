//! Signals while something hangs.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Ended, Program, wait};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_command_that_is_interrupted_ends_in_order_and_says_so() {
    let program = Program::new();
    let asked = program.silent_engine();
    let child = program.command(&["run-once"]).spawn().unwrap();
    asked.recv_timeout(PATIENCE).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.err.contains("SIGINT: what was under way was brought to an end"), "{ended:?}");
    assert_eq!(ended.out, "");
}

#[test]
fn a_second_signal_ends_a_command_at_once() {
    let program = Program::new();
    let asked = program.silent_engine();
    let mut command = program.command(&["run-once"]);
    let log = program.log();
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    asked.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    wait(|| std::fs::read_to_string(&log).unwrap().contains("once more"));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn a_server_whose_engine_hangs_ends_by_its_deadline_or_a_second_signal() {
    let program = Program::new();
    let asked = program.silent_engine();
    let server = program.serve(&["serve"]);
    asked.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0), "nothing was open");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let server = program.serve(&["serve"]);
    asked.recv_timeout(PATIENCE).unwrap();
    server.signal(Signal::TERM);
    wait(|| server.log().contains("beginning nothing new"));
    server.signal(Signal::INT);
    assert!(matches!(server.ended(), Some(0 | 75)), "it ended, by itself or at once");
}
