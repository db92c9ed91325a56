//! What is accepted, and what is said about the rest.

use clap::{CommandFactory as _, Parser as _};
use lodeman_updater::control::Which;

use super::{Cli, Command};

fn refused(arguments: &[&str]) -> (i32, String) {
    let error = Cli::try_parse_from([&["lodeman"], arguments].concat()).unwrap_err();
    (error.exit_code(), error.to_string())
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (arguments, says) in [
        (&["explain", "a/b"][..], "'a/b' for '[NAME]': a container name is 2 to 255 characters"),
        (&["run-once", "web", "-x"], "unexpected argument '-x'"),
        (&["check", "Nginx:1"], "'Nginx:1' for '<IMAGE>...': "),
        (&["check"], "<IMAGE>..."),
        (&["approve", "web", "--digest", "sha256:0"], "'sha256:0' for '--digest <DIGEST>': "),
        (&["approve", "web", "--revision", "x"], "'x' for '--revision <N>': "),
        (
            &["approve", "web", "--revision", "1", "--digest", &format!("sha256:{}", "a".repeat(64))],
            "cannot be used with",
        ),
        (&["history", "--limit", "0"], "0 is not in 1..=1000"),
        (&["recover", "--plan", "--apply"], "cannot be used with"),
        (&["watch"], "<NAME>"),
        (&["rolback", "web"], "'rollback'"),
        (&["--set", "paused", "queue"], "allowed is a key and its value"),
        (&["--color", "blue", "queue"], "[possible values: auto, always, never]"),
    ] {
        let (code, message) = refused(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
}

#[test]
fn an_approval_names_what_was_shown() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (arguments, which) in [
        (&["approve", "web"][..], Which::Current),
        (&["approve", "web", "--revision", "3"], Which::Revision(3)),
        (&["approve", "web", "--digest", &digest], Which::Digest(digest.parse().unwrap())),
    ] {
        let cli = Cli::try_parse_from([&["lodeman"], arguments].concat()).unwrap();
        let Some(Command::Approve(arguments)) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!(arguments.which(), which);
    }
}

#[test]
fn options_for_all_may_stand_before_or_after_the_command() {
    for arguments in [["lodeman", "--json", "queue"], ["lodeman", "queue", "--json"]] {
        assert!(Cli::try_parse_from(arguments).unwrap().global.json);
    }
}

#[test]
fn the_long_help_shows_commands_examples_and_exit_codes() {
    let help = Cli::command().term_width(100).render_long_help().to_string();
    insta::assert_snapshot!(help);
}

#[test]
fn every_command_describes_itself_and_its_arguments() {
    for command in Cli::command().get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
    }
}
