//! Clearing up a lab by its folder alone.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::daemon::{recorded, signal};
use super::{Daemon, is_alive, wait};

/// How long an engine may take to stop its containers.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends every process of the lab in `folder`, takes off what is mounted there, and removes it.
/// A folder that is not there is swept already.
///
/// # Errors
/// When something of it stays.
pub fn sweep(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    // First as they wish: an engine that is asked stops its containers itself.
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok()?.strip_suffix(".pid").map(str::to_owned)
        })
        .filter(|name| name != "docker")
        .collect();
    // The engine last: what speaks with it goes before it.
    names.sort_by_key(|name| name == "engine");
    for name in names {
        Daemon::named(folder, &name).stop(PATIENCE)?;
    }
    end_processes(folder)?;
    unmount(folder);
    let removed = wait(Duration::from_secs(10), || match std::fs::remove_dir_all(folder) {
        Err(_) if folder.exists() => Ok(None),
        _ => Ok(Some(())),
    });
    removed.with_context(|| format!("{} cannot be removed", folder.display()))
}

/// Sweeps every lab under `root` that was to go with its owner, and whose owner is gone.
///
/// # Errors
/// When something of one stays.
pub fn sweep_abandoned(root: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(root) else { return Ok(()) };
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let owned = folder.join("owner");
        if owned.exists() && recorded(&owned).is_none() {
            sweep(&folder)?;
        }
    }
    Ok(())
}

/// Ends, by force, every process whose arguments name the folder, and all that these started.
fn end_processes(folder: &Path) -> Result<()> {
    let ours = processes_of(folder);
    for pid in &ours {
        signal(*pid, Signal::KILL);
    }
    wait(Duration::from_secs(10), || Ok((!ours.iter().any(|pid| is_alive(*pid))).then_some(())))
        .with_context(|| format!("processes of {} do not end", folder.display()))
}

fn processes_of(folder: &Path) -> BTreeSet<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeSet::new() };
    let all: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    let needle = folder.as_os_str().as_bytes();
    let ourselves = std::process::id();
    let names_it = |pid: u32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        // The guard of this folder names it too, and is the one that sweeps.
        let guard = arguments.clone().any(|argument| argument == b"guard");
        !guard && arguments.any(|argument| contains(argument, needle))
    };
    let mut found: BTreeSet<u32> =
        all.iter().copied().filter(|pid| *pid != ourselves && names_it(*pid)).collect();
    let parents: Vec<(u32, u32)> = all.iter().filter_map(|pid| Some((*pid, parent(*pid)?))).collect();
    loop {
        let more: BTreeSet<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && *pid != ourselves)
            .map(|(pid, _)| *pid)
            .collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}

/// Whether `text` names the folder, or something in it, and not one whose name only begins the same.
fn contains(text: &[u8], folder: &[u8]) -> bool {
    text.windows(folder.len()).enumerate().any(|(at, window)| {
        window == folder && matches!(text.get(at + folder.len()), None | Some(b'/' | b'"'))
    })
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
}

/// Takes off what is mounted in the folder, the deepest first.
fn unmount(folder: &Path) {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut mounted: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| Some(PathBuf::from(OsStr::new(line.split(' ').nth(4)?))))
        .filter(|place| place.starts_with(folder))
        .collect();
    mounted.sort();
    for place in mounted.iter().rev() {
        // What stays mounted is found out when the folder cannot be removed.
        let _ = Command::new("umount").arg("-l").arg(place).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_of_folders_count() {
        assert!(contains(b"--data-root=/a/lab/data", b"/a/lab"));
        assert!(contains(b"/a/lab", b"/a/lab"));
        assert!(!contains(b"/a/lab2/data", b"/a/lab"));
    }

    #[test]
    fn a_process_and_its_children_are_ended_and_the_folder_goes() {
        let folder = std::env::temp_dir().join(format!("lodeman-sweep-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = folder.join("script");
        std::fs::write(&script, "sleep 60 & echo $! >\"$1\"; wait").unwrap();
        let child_file = folder.join("child");
        let mut parent = Command::new("sh").arg(&script).arg(&child_file).spawn().unwrap();
        let read =
            || std::fs::read_to_string(&child_file).ok().and_then(|text| text.trim().parse::<u32>().ok());
        let child = wait(Duration::from_secs(5), || Ok(read())).unwrap();
        let reaper = std::thread::spawn(move || parent.wait().unwrap());
        sweep(&folder).unwrap();
        assert!(!folder.exists() && !is_alive(child));
        assert!(!reaper.join().unwrap().success());
        sweep(&folder).unwrap();
    }
}
