//! Docker's credential helpers: programs `docker-credential-NAME` that keep credentials elsewhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// How long a helper may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// A longer answer is refused.
const LONGEST_ANSWER_BYTES: u64 = 64 * 1024;
/// What a helper gets to see of our environment: enough to find its own configuration.
const ENVIRONMENT: [&str; 6] =
    ["PATH", "HOME", "USER", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"];
/// And whatever begins like this, for the helpers of the clouds.
const ENVIRONMENT_PREFIXES: [&str; 4] = ["AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_"];

/// What a helper has.
pub(super) enum HelperAnswer {
    /// Nothing for that registry.
    Nothing,
    /// A credential.
    Found { username: String, secret: SecretString },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    #[serde(default)]
    username: String,
    #[serde(deserialize_with = "super::secret")]
    secret: SecretString,
}

/// Where helpers are looked for.
pub(super) fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// Asks the helper `name`, found in one of `folders`, for the credential of `server`. The error has
/// nothing of its output.
pub(super) async fn get(name: &str, server: &str, folders: &[PathBuf]) -> Result<HelperAnswer, String> {
    let program = find_program(name, folders).ok_or_else(|| {
        format!("the credential helper `docker-credential-{}` is not on the path", clean(name))
    })?;
    run(&program, server).await
}

/// Helpers are named in the configuration by the end of their file name; only a plain name is taken.
fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(plain) {
        return None;
    }
    folders
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("docker-credential-{name}")))
        .find(|program| program.is_file())
}

async fn run(program: &Path, server: &str) -> Result<HelperAnswer, String> {
    let called = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let allowed = |key: &str| {
        ENVIRONMENT.contains(&key) || ENVIRONMENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
    };
    let mut child = Command::new(program)
        .arg("get")
        .env_clear()
        .envs(std::env::vars_os().filter(|(key, _)| key.to_str().is_some_and(allowed)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("`{called}` cannot be run: {}", error.kind()))?;
    let exchange = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input may still answer.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LONGEST_ANSWER_BYTES + 1).read_to_end(&mut answer).await?;
        }
        if answer.len() as u64 > LONGEST_ANSWER_BYTES {
            return Ok((None, answer));
        }
        Ok::<_, std::io::Error>((Some(child.wait().await?), answer))
    };
    let (status, answer) = match tokio::time::timeout(DEADLINE, exchange).await {
        Err(_) => return Err(format!("`{called}` did not answer within {} s", DEADLINE.as_secs())),
        Ok(Err(error)) => return Err(format!("`{called}` failed: {}", error.kind())),
        Ok(Ok(done)) => done,
    };
    match status {
        None => Err(format!("`{called}` answered more than {LONGEST_ANSWER_BYTES} bytes")),
        Some(status) if status.success() => {
            let written: Written =
                serde_json::from_slice(&answer).map_err(|_| format!("`{called}` sent no valid answer"))?;
            Ok(HelperAnswer::Found { username: written.username, secret: written.secret })
        }
        // The message that the helpers' protocol has for it, on standard output.
        Some(_) if answer.starts_with(b"credentials not found") => Ok(HelperAnswer::Nothing),
        Some(status) => Err(format!("`{called}` failed with {status}")),
    }
}

fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    pub(in crate::credentials) fn script(body: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-test");
        // Another process writes it: while this one has it open for writing, a fork of a test beside
        // this one would keep it open and nobody could run it.
        let written = std::process::Command::new("sh")
            .args(["-c", r#"printf '%s' "$1" > "$2" && chmod 755 "$2""#, "sh"])
            .arg(format!("#!/bin/sh\n{body}\n"))
            .arg(&program)
            .status();
        assert!(written.unwrap().success());
        (folder, program)
    }

    #[tokio::test]
    async fn a_helper_is_asked_by_argument_and_standard_input() {
        let (_folder, program) =
            script(r#"read server; printf '{"Username":"%s","Secret":"%s"}' "$1" "$server""#);
        let HelperAnswer::Found { username, secret } = run(&program, "registry.example").await.unwrap()
        else {
            panic!("the helper has a credential")
        };
        assert_eq!((username.as_str(), secret.expose_secret()), ("get", "registry.example"));
    }

    #[tokio::test]
    async fn a_helper_without_a_credential_is_no_error_but_a_failing_one_is() {
        let (_folder, program) = script("echo 'credentials not found in native keychain'; exit 1");
        assert!(matches!(run(&program, "r").await, Ok(HelperAnswer::Nothing)));
        for (body, expected) in [
            ("echo s3cret; exit 3", "failed with"),
            ("echo s3cret", "no valid answer"),
            ("head -c 100000 /dev/zero", "more than 65536 bytes"),
        ] {
            let (_folder, program) = script(body);
            let error = run(&program, "r").await.err().unwrap();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn only_plain_names_in_absolute_folders_are_run() {
        let (folder, program) = script("true");
        let folders = [PathBuf::from("relative"), folder.path().to_owned()];
        assert_eq!(find_program("test", &folders), Some(program));
        for name in ["", "../test", "test/../x", "te st", "none"] {
            assert_eq!(find_program(name, &folders), None, "{name}");
        }
    }
}
