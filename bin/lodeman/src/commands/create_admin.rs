//! `create-admin`: make an account that may do everything.

mod prompt;

use std::io::{IsTerminal as _, Read as _};

use lodeman_config::Config;
use lodeman_http::Accounts as _;
use secrecy::SecretString;

use crate::accounts::{StoredAccounts, hashed};
use crate::cli::CreateAdminArgs;
use crate::configuration::read_secret;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::session::{Found, find};

/// The longest input that is read, in bytes; a password of 128 characters has at most 512.
const LONGEST_INPUT: u64 = 4096;

pub async fn run(config: &Config, arguments: &CreateAdminArgs, output: &mut Output) -> Result<Exit, Failure> {
    let name = arguments.name.clone().unwrap_or_else(|| config.security.admin_username.clone());
    check_name(&name)?;
    let hash = hashed(password(arguments)?, &name, config.security.profile).await?;
    match find(config).await? {
        Found::Server(server) => server.create_admin(&name, &hash).await?,
        Found::Nobody(store) => {
            StoredAccounts::new(store.clone()).create_admin(&name, &hash).await?;
            store.close().await;
        }
    }
    let value = serde_json::json!({ "name": name, "role": "admin" });
    output.print(&value, |_, _| format!("`{name}` can sign in now and may do everything.\n"))?;
    Ok(Exit::Done)
}

fn check_name(name: &str) -> Result<(), Failure> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "--name: allowed is 1 to 64 letters, digits, `.`, `_` or `-`"))
}

fn password(arguments: &CreateAdminArgs) -> Result<SecretString, Failure> {
    if let Some(path) = &arguments.password_file {
        let text = read_secret(path).map_err(|error| {
            let message = format!("--password-file `{}` cannot be read: {error}", path.display());
            Failure::new(Exit::Usage, message)
        })?;
        return Ok(without_line_end(text));
    }
    let mut input = std::io::stdin();
    if !arguments.password_stdin && input.is_terminal() {
        return prompt::password();
    }
    if !arguments.password_stdin {
        let message = "where does the password come from? --password-file FILE or --password-stdin";
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut text = String::new();
    let read = input.by_ref().take(LONGEST_INPUT).read_to_string(&mut text);
    read.map_err(|error| Failure::new(Exit::Usage, format!("--password-stdin cannot be read: {error}")))?;
    Ok(without_line_end(text))
}

fn without_line_end(text: String) -> SecretString {
    let text = zeroize::Zeroizing::new(text);
    SecretString::from(text.trim_end_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn only_the_line_end_is_taken_off() {
        assert_eq!(without_line_end(" pass word \r\n".to_owned()).expose_secret(), " pass word ");
    }

    #[test]
    fn a_name_that_is_not_allowed_is_told() {
        assert!(check_name("ann.b-c_d").is_ok());
        for name in ["", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(check_name(name).unwrap_err().exit, Exit::Usage, "{name}");
        }
    }
}
