//! The arguments of each command.

use std::path::PathBuf;

use clap::Args;
use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::ImageReference;
use lodeman_updater::control::Which;

/// `serve`
#[derive(Debug, Default, Args)]
#[command(after_long_help = "\
On SIGTERM or SIGINT the server begins nothing new and brings containers that are down to an end, for \
8 seconds at most; a second signal ends it at once. It ends with 0, or with 75 when an operation was \
left open: the next start recovers it. SIGHUP is ignored.

A secret is better given by its …_FILE variable than by itself: what stands in the environment of a \
process can be read by its user and by root for as long as it runs.

The first administrator is made from security.admin_password (LODEMAN_ADMIN_PASSWORD_FILE) when there \
is no account yet, or by `lodeman create-admin`.")]
pub struct ServeArgs {
    /// Runs on a simulated engine and registry, to look around; nothing real is touched
    #[arg(long)]
    pub demo: bool,
}

/// `run-once`
#[derive(Debug, Args)]
#[command(after_long_help = "\
Ends with 6 when an update was tried and does not stand, else with 1 when something could not be \
checked, else with 0.")]
pub struct RunOnceArgs {
    /// Containers to look at [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<ContainerName>,
}

/// A command on one container.
#[derive(Debug, Args)]
pub struct OneContainer {
    /// The container
    #[arg(value_name = "NAME")]
    pub name: ContainerName,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Images, such as nginx:1.26 or ghcr.io/team/app:2.3
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<ImageReference>,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The container [default: all]
    #[arg(value_name = "NAME")]
    pub name: Option<ContainerName>,
}

/// `approve`, `reject`, `ignore`
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The container
    #[arg(value_name = "NAME")]
    pub name: ContainerName,
    /// Only if the entry still has this revision, as `queue` showed it
    #[arg(long, value_name = "N")]
    pub revision: Option<u64>,
    /// Only if this is still the digest that would be installed
    #[arg(long, value_name = "DIGEST", conflicts_with = "revision")]
    pub digest: Option<Digest>,
}

impl DecideArgs {
    /// Which revision is meant.
    pub fn which(&self) -> Which {
        match (self.revision, &self.digest) {
            (Some(revision), _) => Which::Revision(revision),
            (None, Some(digest)) => Which::Digest(digest.clone()),
            (None, None) => Which::Current,
        }
    }
}

/// `history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The container [default: all]
    #[arg(value_name = "NAME")]
    pub name: Option<ContainerName>,
    /// How many rows
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only rows before this one, as `--json` shows it in `seq`
    #[arg(long, value_name = "SEQ")]
    pub before: Option<i64>,
}

/// `recover`
#[derive(Debug, Args)]
#[command(after_long_help = "\
--plan ends with 0 when there is nothing to do and with 3 when something is. --apply ends with 0 when \
all is settled, and with 6 when a person is needed still.")]
pub struct RecoverArgs {
    /// Shows what would be done (the default)
    #[arg(long, conflicts_with = "apply")]
    pub plan: bool,
    /// Does it
    #[arg(long)]
    pub apply: bool,
}

/// `create-admin`
#[derive(Debug, Args)]
#[command(after_long_help = "\
A password has 8 to 128 characters (15 or more in the security profile `strict`), of any kind, and is \
none of the common ones. It is never taken from the command line, which other users can read; on a \
terminal it is asked for.")]
pub struct CreateAdminArgs {
    /// The account's name [default: security.admin_username]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// File that holds the password; a line end after it does not count
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Reads the password from standard input
    #[arg(long, conflicts_with = "password_file")]
    pub password_stdin: bool,
}

/// `completions`
#[derive(Debug, Args)]
#[command(after_long_help = "\
For example:
  lodeman completions bash > /etc/bash_completion.d/lodeman
  lodeman completions zsh > \"${fpath[1]}/_lodeman\"
  lodeman completions fish > ~/.config/fish/completions/lodeman.fish")]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `healthcheck`
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Asks for more: that the server can do its work, engine and database included
    #[arg(long)]
    pub ready: bool,
}
