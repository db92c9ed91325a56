//! `completions`: what a shell completes this command line by.

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Prints them.
///
/// # Errors
/// [`Failure`] when they cannot be written.
pub fn run(arguments: &CompletionsArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut written = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "lodeman", &mut written);
    output.raw(&String::from_utf8_lossy(&written))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in clap_complete::Shell::value_variants() {
            let mut written = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "lodeman", &mut written);
            let text = String::from_utf8(written).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
