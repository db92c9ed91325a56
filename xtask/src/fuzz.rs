//! `fuzz`: throws anything at every reader of outside input.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use lodeman_tests::lab::workspace;

use crate::run::{cargo, run as run_command, say, span, target_dir};

/// The fuzzer's programs, a workspace of their own.
const PROGRAMS: &str = "tests/fuzz/libfuzzer";

#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// The readers to fuzz [default: all; `--list` names them]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each is fuzzed
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// How many at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Names the targets, and does nothing else
    #[arg(long)]
    list: bool,
}

/// What became of one target.
struct Outcome {
    target: String,
    executions: u64,
    corpus: usize,
    findings: Vec<PathBuf>,
    /// The first complaint, where there is a finding.
    complaint: Option<String>,
}

pub fn run(arguments: &FuzzArgs) -> Result<()> {
    let all = targets()?;
    if arguments.list {
        println!("{}", all.join("\n"));
        return Ok(());
    }
    if let Some(unknown) = arguments.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let chosen = if arguments.targets.is_empty() { all } else { arguments.targets.clone() };
    let began = Instant::now();
    prepare()?;
    build()?;
    let folder = target_dir().join("fuzz");
    let programs = folder.join(host()?).join("release");
    let jobs =
        arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    say(&format!("fuzzing {} targets for {} s each, {jobs} at once", chosen.len(), arguments.seconds));
    let waiting = Mutex::new(chosen.iter().rev().collect::<Vec<_>>());
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(target) = waiting.lock().ok().and_then(|mut waiting| waiting.pop()) {
                    let outcome = fuzz(&folder, &programs, target, arguments.seconds);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((target.clone(), outcome));
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|(target, _)| chosen.iter().position(|name| name == target));
    report(outcomes, began)
}

/// The targets, by their programs.
fn targets() -> Result<Vec<String>> {
    let folder = workspace().join(PROGRAMS).join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Sees to it that there is a fuzzer.
fn prepare() -> Result<()> {
    let quiet = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !quiet(cargo().args(["fuzz", "--version"])) {
        say("cargo-fuzz is missing; installing it");
        run_command(cargo().args(["install", "--locked", "cargo-fuzz@^0.13"]))?;
    }
    if !["c++", "g++", "clang++"].iter().any(|name| quiet(Command::new(name).arg("--version"))) {
        bail!("the fuzzer is in C++ and there is no compiler for it: install g++ or clang");
    }
    Ok(())
}

/// Builds the programs with the compiler that everything else is built with, which takes the flags of the
/// fuzzer when asked to. There is no `unsafe` of ours that an address sanitizer would have to watch.
fn build() -> Result<()> {
    say("building the fuzzer's programs");
    let folder = workspace().join(PROGRAMS);
    let mut command = cargo();
    command.args(["fuzz", "build", "--sanitizer", "none", "--fuzz-dir"]).arg(&folder);
    command.arg("--target-dir").arg(target_dir().join("fuzz")).current_dir(&folder);
    run_command(command.env("RUSTC_BOOTSTRAP", "1"))?;
    Ok(())
}

/// What this machine is called by the compiler.
fn host() -> Result<String> {
    let output =
        Command::new("rustc").arg("-vV").current_dir(workspace()).output().context("asking rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what it runs on")?.to_owned())
}

/// Puts the committed inputs where the fuzzer begins: the seeds of a target are one file, with a line `%%`
/// between two; what it once found is a file each.
fn plant(target: &str, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus).with_context(|| format!("making {}", corpus.display()))?;
    let source = workspace().join("tests/fuzz");
    let seeds = source.join("seeds").join(target);
    let text = fs::read_to_string(&seeds).with_context(|| format!("reading {}", seeds.display()))?;
    for (number, seed) in text.trim_end_matches('\n').split("\n%%\n").enumerate() {
        fs::write(corpus.join(format!("seed-{number:02}")), seed)?;
    }
    for entry in fs::read_dir(source.join("found").join(target)).into_iter().flatten() {
        let entry = entry?;
        fs::copy(entry.path(), corpus.join(entry.file_name()))?;
    }
    Ok(())
}

fn fuzz(folder: &Path, programs: &Path, target: &str, seconds: u32) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(target);
    let findings = folder.join("findings").join(target);
    plant(target, &corpus)?;
    fs::create_dir_all(&findings)?;
    let known = files(&findings);
    let mut command = Command::new(programs.join(target));
    command
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting the program of {target}"))?;
    let stderr = child.stderr.take().context("no output")?;
    let (mut executions, mut complaint) = (0, None);
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Some(line) = lines.next().transpose()? {
        let line = String::from_utf8_lossy(&line).into_owned();
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            executions = count.trim().parse().unwrap_or(0);
        }
        if complaint.is_none() && (line.contains("panicked at") || line.contains("ERROR: libFuzzer")) {
            let next = lines.next().transpose()?.unwrap_or_default();
            complaint = Some(format!("{line} {}", String::from_utf8_lossy(&next)));
        }
    }
    let status = child.wait()?;
    let findings: Vec<PathBuf> = files(&findings).into_iter().filter(|file| !known.contains(file)).collect();
    if !status.success() && findings.is_empty() {
        bail!("the program of {target} ended with {status}: {}", complaint.unwrap_or_default());
    }
    let corpus = files(&corpus).len();
    Ok(Outcome { target: target.to_owned(), executions, corpus, findings, complaint })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn report(outcomes: Vec<(String, Result<Outcome>)>, began: Instant) -> Result<()> {
    let mut bad = 0;
    println!("{:<18} {:>12} {:>8} {:>9}", "target", "executions", "corpus", "findings");
    let mut notes = Vec::new();
    for (target, outcome) in outcomes {
        match outcome {
            Ok(outcome) => {
                let Outcome { target, executions, corpus, findings, complaint } = outcome;
                println!("{target:<18} {executions:>12} {corpus:>8} {:>9}", findings.len());
                bad += findings.len();
                for file in findings {
                    notes.push(format!(
                        "{target}: {}\n  {}",
                        file.display(),
                        complaint.clone().unwrap_or_default()
                    ));
                }
            }
            Err(error) => {
                println!("{target:<18} {:>12}", "not run");
                notes.push(format!("{target}: {error:#}"));
                bad += 1;
            }
        }
    }
    for note in &notes {
        println!("\n{note}");
    }
    println!("\nin {}", span(began.elapsed()));
    if bad > 0 {
        bail!(
            "{bad} findings; one that is mended is kept in tests/fuzz/found/TARGET, where every test run tries it"
        );
    }
    Ok(())
}
