//! What an idle server keeps in memory, with containers and without.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Setting;
use crate::report::{Measure, Unit, median};
use crate::world::World;

const CONTAINERS: u16 = 1_000;
const REPOSITORIES: usize = 200;
/// How long a server has nothing to do before it is looked at.
const IDLE: Duration = Duration::from_secs(8);

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("memory"), REPOSITORIES)?;
    let mut pairs = Vec::new();
    // What a process keeps hardly differs from run to run.
    for run in 0..setting.runs.min(3) {
        let mut resident = [0.0; 2];
        for (place, containers) in resident.iter_mut().zip([CONTAINERS, 0]) {
            world.registry.reset();
            let server =
                world.serve(&setting.program, &format!("{run}-{containers}"), usize::from(containers))?;
            thread::sleep(IDLE);
            *place = resident_mebibytes(server.running.pid())?;
            server.running.terminate(Duration::from_secs(15))?;
        }
        pairs.push((resident[0], resident[1]));
    }
    let each = median(pairs.iter().map(|(with, without)| with - without)) * 1024.0 / f64::from(CONTAINERS);
    let note =
        format!("{each:.1} KiB for each container, after its first scan; resident, shared pages included");
    let (name, reference) = ("memory of an idle server, 1,000 containers", "the same server with none");
    Ok(vec![Measure::of(name, reference, Unit::Mebibytes, &pairs).note(note)])
}

fn resident_mebibytes(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no memory is told")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
