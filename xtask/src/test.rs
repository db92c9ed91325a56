//! `test`: every test there is, or those that ask an engine on another engine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use lodeman_tests::lab::{Lab, Setup, is_root, packages, root, sweep_abandoned};

use crate::contract;
use crate::engine::{Engine, shown};
use crate::run::{cargo, ourselves, run as run_command, say, span, target_dir};

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Leaves out what needs a real engine and registry (also `LODEMAN_WITHOUT_LAB=1`)
    #[arg(long)]
    without_lab: bool,
    /// How many cells of the kill matrix are played
    #[arg(long, value_name = "N", default_value_t = 16)]
    kill_cells: usize,
    /// Which engine they run on; on any but the installed one only what asks an engine is run
    #[arg(long, value_enum, default_value_t, conflicts_with = "without_lab")]
    engine: Engine,
    /// Passed on to `cargo test`
    #[arg(last = true)]
    more: Vec<String>,
}

pub fn run(arguments: &TestArgs) -> Result<()> {
    let began = Instant::now();
    let asked =
        arguments.engine == Engine::Installed && std::env::var("LODEMAN_WITHOUT_LAB").as_deref() == Ok("1");
    if arguments.without_lab || asked {
        say("without a real engine and registry, as asked");
        run_command(
            cargo().args(["test", "--workspace"]).args(&arguments.more).env("LODEMAN_WITHOUT_LAB", "1"),
        )?;
        contract::run(&build_program()?)?;
        say(&format!("all tests passed in {}, but for those with a real engine", span(began.elapsed())));
        return Ok(());
    }
    if !is_root() {
        bail!(
            "the tests start an engine of their own, which takes root; \
             `cargo xtask test --without-lab` leaves out those with a real engine"
        );
    }
    sweep_abandoned(&root())?;
    packages::install(packages::LAB, &say)?;
    let programs = arguments.engine.programs()?;
    let program = build_program()?;
    if arguments.engine == Engine::Installed {
        contract::run(&program)?;
    }
    say("building the tests");
    let tests = tests(arguments.engine);
    run_command(cargo().arg("test").args(tests).arg("--no-run"))?;

    say(&format!("starting the lab on {}", shown(arguments.engine, &programs)));
    let guard = ourselves()?;
    let name = format!("contract-{}", std::process::id());
    let setup = Setup::guarded(&name, guard.clone(), &["lab", "guard"]);
    let lab = Lab::start(&Setup { programs: programs.clone(), ..setup })?;
    let netns = lab.netns().context("the lab has a network of its own")?;
    let restart = restart_script(&lab, &guard)?;
    let mut command = cargo();
    // Inside the lab's network nothing can be fetched, and nothing has to be.
    command.arg("test").args(tests).arg("--offline").args(&arguments.more);
    command.env_remove("LODEMAN_WITHOUT_LAB").envs(programs.as_env());
    command.env("LODEMAN_TEST_ENGINE", lab.engine().socket());
    command.env("LODEMAN_TEST_REGISTRY", lab.registry_host());
    command.env("LODEMAN_TEST_RESTART", restart);
    command.env("LODEMAN_BIN", &program);
    command.env("LODEMAN_KILL_CELLS", arguments.kill_cells.to_string());
    say("running the tests");
    netns.inside(|| run_command(&mut command))??;
    drop(lab);
    say(&format!("all tests passed in {}", span(began.elapsed())));
    Ok(())
}

/// What is run: everything, or what an engine has a part in.
fn tests(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Installed => &["--workspace"],
        Engine::TwentyNine => &["--workspace", "--test", "real_engine", "--test", "e2e", "--test", "kill"],
    }
}

/// Builds the program as people get it, without what only tests are given, and sets it aside: building
/// the tests writes another one in its place.
fn build_program() -> Result<PathBuf> {
    say("building the program under test");
    run_command(cargo().args(["build", "--package", "lodeman"]))?;
    let aside = target_dir().join("under-test");
    std::fs::create_dir_all(&aside)?;
    let program = aside.join("lodeman");
    let _ = std::fs::remove_file(&program);
    std::fs::copy(target_dir().join("debug").join("lodeman"), &program)
        .context("the program was not built")?;
    Ok(program)
}

/// A program that restarts the lab's engine, as the contract suite wants it.
fn restart_script(lab: &Lab, ourselves: &Path) -> Result<PathBuf> {
    let script = lab.folder().join("restart");
    let text = format!(
        "#!/bin/sh\nexec '{}' lab restart '{}' \"$1\"\n",
        ourselves.display(),
        lab.folder().display()
    );
    std::fs::write(&script, text)?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    Ok(script)
}
