//! One run of a hook: intent, command, outcome.

use std::time::Duration;

use lodeman_domain::container::ContainerId;
use lodeman_domain::hook::{EXIT_SKIP, Hook, HookPhase, HookReport, HookSource, HookVerdict};
use lodeman_domain::update::{Operation, Step, StepOutcome};
use lodeman_engine::{EngineError, ExecEnding, ExecReport, ExecRequest};
use lodeman_store::{SealedSpec, SpecKind, Write};
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{sentence, tell};
use crate::swap::perform::{Halt, Run};

/// Beyond its own time, how long the engine is given to tell how it ended.
const MARGIN: Duration = Duration::from_secs(10);

/// How long a hook may go on once the server stops.
const AT_STOP: Duration = Duration::from_secs(4);

/// How long what it wrote may take to be stored.
const FOR_STORING: Duration = Duration::from_secs(5);

/// What is known of a run.
enum Known {
    Told(Result<ExecReport, EngineError>),
    /// Nothing more: this reason.
    Nothing(String),
}

/// Runs `hook` in a container, once. An error is the journal's.
pub(super) async fn run_one(
    run: &mut Run,
    step: Step,
    phase: HookPhase,
    source: HookSource,
    hook: &Hook,
    id: &ContainerId,
    stopping: &CancellationToken,
) -> Result<HookReport, Halt> {
    let seconds = hook.timeout.as_secs();
    // Not the command: it may carry a secret, and it is never issued again.
    let args = json!({ "hook": phase, "source": source, "id": id, "timeout_seconds": seconds });
    let seq = run.journal.begin(step, 1, args).await?;
    run.tell(run.journal.op.phase, &format!("running the {phase} hook, for at most {seconds} s"));
    let request = ExecRequest {
        command: hook.command.clone(),
        environment: environment(&run.journal.op, phase),
        timeout: hook.timeout,
    };
    let known = wait(run, id.clone(), request, stopping).await;
    let report = judge(run, phase, source, hook, known);
    let outcome = match report.verdict {
        HookVerdict::Done | HookVerdict::Skip => StepOutcome::Ok,
        HookVerdict::Failed | HookVerdict::TimedOut => StepOutcome::Failed,
        HookVerdict::Unknown => StepOutcome::Unknown,
    };
    let observed = json!({
        "verdict": report.verdict, "exit_code": report.exit_code, "detail": report.detail, "cut": report.cut,
    });
    keep(run, &report).await;
    run.journal.settle(seq, outcome, observed);
    let message = sentence(run, &report);
    tell(run, phase, report.verdict, report.exit_code, &message);
    if report.verdict == HookVerdict::Done {
        tracing::info!(operation = %run.journal.op.id, "{message}");
    } else {
        tracing::warn!(operation = %run.journal.op.id, "{message}");
    }
    run.journal.flush().await?;
    Ok(report)
}

/// What the hook finds in its environment.
fn environment(op: &Operation, phase: HookPhase) -> Vec<(String, String)> {
    let digest = |names: &[String]| names.first().and_then(|name| Some(name.split_once('@')?.1.to_owned()));
    let old_digest =
        digest(&op.old_repo_digests).or_else(|| op.old_manifest.as_ref().map(ToString::to_string));
    let new_digest = op.target_digest.as_ref().map(ToString::to_string);
    [
        ("LODEMAN_HOOK", phase.to_string()),
        ("LODEMAN_OPERATION", op.id.to_string()),
        ("LODEMAN_CONTAINER", op.canonical_name.to_string()),
        ("LODEMAN_OLD_IMAGE", op.old_reference.clone()),
        ("LODEMAN_NEW_IMAGE", op.target_reference.to_string()),
        ("LODEMAN_OLD_DIGEST", old_digest.unwrap_or_default()),
        ("LODEMAN_NEW_DIGEST", new_digest.unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Waits for the command's end. The request runs on a task of its own: it is not dropped half way, and
/// whether it is still waited for is decided here, and recorded.
async fn wait(run: &Run, id: ContainerId, request: ExecRequest, stopping: &CancellationToken) -> Known {
    let engine = run.deps.engine.clone();
    let limit = request.timeout.saturating_add(MARGIN);
    let mut task = tokio::spawn(async move { timeout(limit, engine.exec(&id, &request)).await });
    let stopped = async {
        stopping.cancelled().await;
        sleep(AT_STOP).await;
    };
    tokio::select! {
        told = &mut task => match told {
            Ok(Ok(told)) => Known::Told(told),
            Ok(Err(_)) => Known::Nothing("the engine did not tell how it ended".to_owned()),
            Err(_) => Known::Nothing("the task that ran it ended without an answer".to_owned()),
        },
        () = stopped => Known::Nothing("the server is stopping".to_owned()),
    }
}

fn judge(run: &Run, phase: HookPhase, source: HookSource, hook: &Hook, known: Known) -> HookReport {
    let mut report = HookReport {
        at: run.deps.clock.now(),
        phase,
        source,
        verdict: HookVerdict::Unknown,
        exit_code: None,
        detail: String::new(),
        output: String::new(),
        error_output: String::new(),
        cut: false,
    };
    match known {
        Known::Nothing(why) => report.detail = format!("what became of it is not known: {why}"),
        Known::Told(Ok(said)) => {
            ended(&mut report, phase, hook, &said.ending);
            (report.output, report.error_output, report.cut) = (said.output, said.error_output, said.cut);
        }
        // The engine was asked and said no, or was not asked: nothing was run.
        Known::Told(Err(error)) if was_not_run(&error) => {
            report.verdict = HookVerdict::Failed;
            report.detail = format!("it could not be run: {error}");
        }
        Known::Told(Err(error)) => report.detail = format!("what became of it is not known: {error}"),
    }
    report
}

fn was_not_run(error: &EngineError) -> bool {
    matches!(error, EngineError::Unreachable(_) | EngineError::NotFound { .. })
        || error.status().is_some_and(|status| status < 500)
}

fn ended(report: &mut HookReport, phase: HookPhase, hook: &Hook, ending: &ExecEnding) {
    match ending {
        ExecEnding::Exited { code } => {
            report.exit_code = Some(*code);
            (report.verdict, report.detail) = match *code {
                0 => (HookVerdict::Done, "it ended well".to_owned()),
                EXIT_SKIP if phase == HookPhase::PreUpdate => {
                    (HookVerdict::Skip, "it asked for the update to be put off (exit code 75)".to_owned())
                }
                126 | 127 => {
                    (HookVerdict::Failed, format!("its program cannot be executed (exit code {code})"))
                }
                _ => (HookVerdict::Failed, format!("it ended with exit code {code}")),
            };
        }
        ExecEnding::TimedOut { left_running } => {
            report.verdict = HookVerdict::TimedOut;
            let late = format!("it was not done within {} s", hook.timeout.as_secs());
            report.detail = match left_running {
                None => format!("{late} and was killed"),
                Some(why) => format!("{late} and may still run: {why}"),
            };
        }
    }
}

/// Keeps what it wrote. By itself and not with the journal, so that what cannot be sealed or stored stands in
/// nobody's way.
async fn keep(run: &Run, report: &HookReport) {
    let kind = match report.phase {
        HookPhase::PreUpdate => SpecKind::PreHook,
        HookPhase::PostUpdate => SpecKind::PostHook,
    };
    let Ok(json) = serde_json::to_value(report) else { return };
    let write = Write::PutSpec(SealedSpec { op: run.journal.op.id, kind, json });
    if !matches!(timeout(FOR_STORING, run.deps.store.commit(vec![write])).await, Ok(Ok(()))) {
        tracing::warn!(operation = %run.journal.op.id, "what the {} hook wrote could not be kept", report.phase);
    }
}
