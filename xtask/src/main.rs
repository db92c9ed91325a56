//! Development tasks of the workspace: `cargo xtask help`.

mod bench;
mod ci;
mod contract;
mod dist;
mod down;
mod engine;
mod fuzz;
mod kill_matrix;
mod lab;
mod layers;
mod openapi;
mod run;
mod sqlx;
mod test;
mod up;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Development tasks of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows Lodeman at work: an engine, a registry, a small fleet, and the server that keeps it current
    Up(up::UpArgs),
    /// Removes everything that `up` made
    Down,
    /// Runs every test, with a lab of its own
    Test(test::TestArgs),
    /// Everything that must hold before a change is merged
    Ci(ci::CiArgs),
    /// A private engine and registry, to play with
    #[command(subcommand)]
    Lab(lab::LabTask),
    /// Holds the workspace against the table of who may use whom
    Layers,
    /// Refreshes the stored facts about every SQL statement
    Sqlx(sqlx::SqlxArgs),
    /// Writes the published document of the API anew
    Openapi(openapi::OpenapiArgs),
    /// Kills the program around every call that changes something, and looks what is left
    KillMatrix(kill_matrix::KillMatrixArgs),
    /// Throws anything at every reader of outside input
    Fuzz(fuzz::FuzzArgs),
    /// Measures what Lodeman costs, beside what the same costs without it
    Bench(bench::BenchArgs),
    /// Builds the static release binary, with its checksum
    Dist(dist::DistArgs),
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Up(arguments) => up::run(&arguments),
        Task::Down => down::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Lab(task) => lab::run(&task),
        Task::Layers => layers::run(),
        Task::Sqlx(arguments) => sqlx::run(&arguments),
        Task::Openapi(arguments) => openapi::run(&arguments),
        Task::KillMatrix(arguments) => kill_matrix::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Dist(arguments) => dist::run(&arguments),
    }
}
