//! What each command asks, prints, and ends with.

use clap::Parser as _;
use lodeman_http::fake::{Answers, FakeControl};
use lodeman_updater::control::{ControlError, ErrorKind};
use serde_json::{Value, json};

use super::*;
use crate::testing::{answers, entry, from, name, output, readiness, recovery, run, summary};

fn command(line: &str) -> Command {
    Cli::try_parse_from(line.split(' ')).unwrap().command.unwrap()
}

/// What the command prints and ends with, and what it asked.
async fn told(line: &str, answers: Answers, json: bool) -> (Result<Exit, Failure>, String, Vec<String>) {
    let control = FakeControl::new(answers);
    let (mut output, memory) = output(json);
    let out = &mut output;
    let exit = match command(line) {
        Command::RunOnce(a) => run_once::run(&control, &a, "ann", out).await,
        Command::Watch(a) => watch::run(&control, &a, "ann", out).await,
        Command::Explain(a) => explain::run(&control, &a, out).await,
        Command::Queue => queue::run(&control, out).await,
        Command::Approve(a) => decide::approve(&control, &a, "ann", out).await,
        Command::Reject(a) => decide::reject(&control, &a, "ann", out).await,
        Command::Ignore(a) => decide::ignore(&control, &a, "ann", out).await,
        Command::Rollback(a) => rollback::run(&control, &a, "ann", out).await,
        Command::History(a) => history::run(&control, &a, out).await,
        Command::Recover(a) => recover::run(&control, &a, out).await,
        Command::Healthcheck(a) => healthcheck::ask(&control, &a, out).await,
        other => panic!("{other:?} does not ask the updater"),
    };
    (exit, memory.text(), control.asked())
}

#[tokio::test]
async fn every_command_asks_for_what_was_typed() {
    for (line, asked) in [
        ("lodeman run-once web db", "run [web,db] by ann"),
        ("lodeman watch web", "update web by ann"),
        ("lodeman explain", "explain []"),
        ("lodeman explain web", "explain [web]"),
        ("lodeman queue", "queue"),
        ("lodeman approve web --revision 3", "approve web Revision(3) by ann"),
        ("lodeman reject web", "reject web Current by ann"),
        ("lodeman ignore web", "ignore web Current by ann"),
        ("lodeman rollback web", "rollback web by ann"),
        ("lodeman history web --limit 5 --before 9", "history [web] before Some(9) limit 5"),
        ("lodeman recover", "recovery_plan"),
        ("lodeman recover --plan", "recovery_plan"),
        ("lodeman recover --apply", "recover"),
        ("lodeman healthcheck", "readiness"),
    ] {
        let (_, _, all) = told(line, answers(), true).await;
        assert_eq!(all, [asked], "{line}");
    }
}

#[tokio::test]
async fn json_is_one_document_of_the_same_types() {
    for line in [
        "lodeman run-once",
        "lodeman watch web",
        "lodeman explain",
        "lodeman queue",
        "lodeman approve web",
        "lodeman reject web",
        "lodeman rollback web",
        "lodeman history",
        "lodeman recover",
        "lodeman healthcheck",
    ] {
        let (_, text, _) = told(line, answers(), true).await;
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{line}: {text}");
    }
    let (_, text, _) = told("lodeman queue", answers(), true).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!([entry("pending")]));
}

#[tokio::test]
async fn an_update_that_does_not_stand_ends_with_6() {
    for (outcome, exit) in [
        ("updated", Exit::Done),
        ("updated_unproven", Exit::Done),
        ("restored", Exit::Done),
        ("pulled", Exit::Done),
        ("dry_run", Exit::Done),
        ("rolled_back", Exit::NotUpdated),
        ("aborted", Exit::NotUpdated),
        ("held", Exit::NotUpdated),
        ("external", Exit::NotUpdated),
        ("check_failed", Exit::Failed),
    ] {
        let one = summary(outcome, Some("why"));
        let given = Answers {
            summary: Some(from(one.clone())),
            run: Some(from(run(&json!([summary("updated", None), one]), 0))),
            ..answers()
        };
        for line in ["lodeman watch web", "lodeman approve web", "lodeman rollback web", "lodeman run-once"] {
            assert_eq!(told(line, given.clone(), true).await.0, Ok(exit), "{line} {outcome}");
        }
    }
}

#[tokio::test]
async fn a_check_that_failed_ends_with_1_unless_an_update_failed_too() {
    let of = |updates: Value| Answers { run: Some(from(run(&updates, 1))), ..answers() };
    assert_eq!(told("lodeman run-once", of(json!([])), true).await.0, Ok(Exit::Failed));
    let updates = json!([summary("rolled_back", Some("why"))]);
    assert_eq!(told("lodeman run-once", of(updates), true).await.0, Ok(Exit::NotUpdated));
}

#[tokio::test]
async fn nothing_to_update_is_no_failure() {
    let mut nothing = summary("updated", Some("`web` runs the newest."));
    nothing["outcome"] = json!(null);
    let given = Answers { summary: Some(from(nothing)), ..answers() };
    let (exit, text, _) = told("lodeman watch web", given, false).await;
    assert_eq!(exit, Ok(Exit::Done));
    assert_eq!(text, "web: nothing was done. `web` runs the newest.\n");
}

#[tokio::test]
async fn a_recovery_plan_says_by_its_code_whether_work_is_pending() {
    let pending = answers();
    assert_eq!(told("lodeman recover --plan", pending.clone(), true).await.0, Ok(Exit::RecoveryPending));
    assert_eq!(told("lodeman recover --apply", pending, true).await.0, Ok(Exit::NotUpdated));
    let of = |value: Value| Answers { recovery: Some(from(value)), ..answers() };
    let nothing = of(json!({ "operations": [], "orphans": [] }));
    assert_eq!(told("lodeman recover", nothing.clone(), true).await.0, Ok(Exit::Done));
    assert_eq!(told("lodeman recover --apply", nothing, true).await.0, Ok(Exit::Done));
    // An update that stands and is in its soak was not interrupted.
    let mut soaking = recovery();
    soaking["operations"][0]["phase"] = json!("committed");
    soaking["orphans"] = json!([]);
    assert_eq!(told("lodeman recover --plan", of(soaking), true).await.0, Ok(Exit::Done));
    let mut settled = recovery();
    settled["operations"][0]["outcome"] = json!("rolled_back");
    settled["orphans"] = json!([]);
    assert_eq!(told("lodeman recover --apply", of(settled.clone()), true).await.0, Ok(Exit::Done));
    settled["operations"][0]["outcome"] = json!("held");
    assert_eq!(told("lodeman recover --apply", of(settled), true).await.0, Ok(Exit::NotUpdated));
}

#[tokio::test]
async fn a_server_that_is_alive_is_healthy_though_it_be_not_ready() {
    let given = Answers { readiness: Some(from(readiness(false))), ..answers() };
    assert_eq!(told("lodeman healthcheck", given.clone(), false).await.0, Ok(Exit::Done));
    assert_eq!(told("lodeman healthcheck --ready", given, false).await.0, Ok(Exit::Failed));
}

#[tokio::test]
async fn an_error_ends_with_the_code_of_its_kind_and_its_sentence() {
    for (kind, exit) in [
        (ErrorKind::NotFound, Exit::NotFound),
        (ErrorKind::Conflict, Exit::Refused),
        (ErrorKind::Unavailable, Exit::Failed),
    ] {
        let given = Answers { error: Some(ControlError::new(kind, "the reason")), ..answers() };
        let (result, text, _) = told("lodeman approve web", given, false).await;
        assert_eq!(result, Err(Failure::new(exit, "the reason")));
        assert_eq!(text, "");
    }
}

#[tokio::test]
async fn a_program_is_told_a_failure_in_json() {
    let (mut output, memory) = output(true);
    output.fail(&Failure::new(Exit::NotFound, "there is no container `web`"));
    let document: Value = serde_json::from_str(&memory.text()).unwrap();
    assert_eq!(document, json!({ "error": { "exit_code": 4, "message": "there is no container `web`" } }));
}

#[test]
fn names_are_parsed_before_anything_is_asked() {
    let Command::RunOnce(arguments) = command("lodeman run-once web") else { panic!("another command") };
    assert_eq!(arguments.names, [name("web")]);
}
