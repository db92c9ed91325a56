//! Asking for a password on a terminal, without showing it.

use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};

use crate::exit::{Exit, Failure};

/// Asks twice.
///
/// # Errors
/// [`Failure`] when the two differ, or the terminal cannot be read.
pub fn password() -> Result<SecretString, Failure> {
    let first = ask("Password: ")?;
    let second = ask("Once more: ")?;
    if first.expose_secret() == second.expose_secret() {
        return Ok(first);
    }
    Err(Failure::new(Exit::Usage, "password: the two differ"))
}

fn ask(question: &str) -> Result<SecretString, Failure> {
    let failed = |error: io::Error| Failure::because("the password cannot be read", &error);
    eprint!("{question}");
    io::stderr().flush().map_err(failed)?;
    let silence = Silence::begin().map_err(failed)?;
    let mut line = zeroize::Zeroizing::new(String::new());
    let read = io::stdin().read_line(&mut line);
    drop(silence);
    eprintln!();
    read.map_err(failed)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

/// The terminal does not show what is typed until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
