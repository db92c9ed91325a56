//! What people read, word by word.

use lodeman_updater::control::{ImageCheck, RecoveryReport, RunReport, UpdateSummary};
use serde_json::json;

use super::*;
use crate::commands::Checked;
use crate::testing::{
    current, digest, entry, from, history as rows, readiness as server, recovery as left, run,
    summary as end, view, waiting,
};

#[test]
fn an_explanation_has_its_sentence_and_its_reasons() {
    let all = vec![from(waiting()), from(current())];
    insta::assert_snapshot!(explanations(&view(), &all));
    assert_eq!(explanations(&view(), &[]), "No container is known yet.\n");
}

#[test]
fn the_queue_is_a_table() {
    let mut failed = entry("failed");
    failed["note"] = json!("the registry did not answer");
    failed["retry_at"] = json!("2026-11-20T12:30:00Z");
    insta::assert_snapshot!(queue(&view(), &[from(entry("pending")), from(failed)]));
    assert_eq!(queue(&view(), &[]), "Nothing waits.\n");
}

#[test]
fn history_is_a_table() {
    let rows: Vec<_> = from(rows());
    insta::assert_snapshot!(history(&view(), &rows));
    assert_eq!(history(&view(), &[]), "Nothing has happened yet.\n");
}

#[test]
fn every_end_of_an_update_is_told() {
    let mut text = String::new();
    for outcome in [
        "updated",
        "updated_unproven",
        "restored",
        "rolled_back",
        "aborted",
        "external",
        "held",
        "pulled",
        "dry_run",
        "check_failed",
    ] {
        let reason = (outcome != "updated").then_some("this is why");
        text.push_str(&summary(&view(), &from::<UpdateSummary>(end(outcome, reason))));
    }
    let mut nothing = end("updated", Some("`web` runs the newest."));
    nothing["outcome"] = json!(null);
    text.push_str(&summary(&view(), &from::<UpdateSummary>(nothing)));
    insta::assert_snapshot!(text);
}

#[test]
fn a_run_tells_what_was_done_what_waits_and_the_numbers() {
    let mut other = end("updated", None);
    other["name"] = json!("api");
    insta::assert_snapshot!(run_report(&view(), &from::<RunReport>(run(&json!([other]), 2))));
}

#[test]
fn recovery_is_a_plan_and_then_a_result() {
    let report: RecoveryReport = from(left());
    insta::assert_snapshot!(recovery(&view(), &report, Stage::Planned));
    let nothing: RecoveryReport = from(json!({ "operations": [], "orphans": [] }));
    let text = recovery(&view(), &nothing, Stage::Done);
    assert_eq!(text, "No operation was interrupted; there is nothing to recover.\n");
}

#[test]
fn readiness_names_each_part() {
    insta::assert_snapshot!(readiness(&view(), &from(server(false))));
}

#[test]
fn a_check_tells_what_is_newer() {
    let known: ImageCheck = from(json!({
        "reference": "nginx:1.26", "digest": digest('a'), "newer_versions": ["1.27", "1.26.2"],
        "beyond_scope": 1, "version": "1.26.1", "truncated": true,
    }));
    let newest: ImageCheck = from(json!({
        "reference": "redis:7", "digest": digest('a'), "newer_versions": [], "beyond_scope": 0,
        "version": null, "truncated": false,
    }));
    let failed = Checked::Failed { reference: "x.io/y".to_owned(), error: "x.io does not answer".to_owned() };
    insta::assert_snapshot!(checks(&view(), &[Checked::Known(known), Checked::Known(newest), failed]));
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let mut evil = waiting();
    evil["sentence"] = json!("\u{1b}[2J\u{7}gone");
    let text = explanations(&view(), &[from(evil)]);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
}

#[test]
fn a_downtime_is_told_in_fitting_units() {
    for (milliseconds, text) in [(7, "7 ms"), (1000, "1.0 s"), (2_340, "2.3 s"), (200_000, "3 min 20 s")] {
        assert_eq!(downtime(milliseconds), text);
    }
}
