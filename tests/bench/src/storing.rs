//! A commit of the journal, beside writing the same bytes and waiting for the disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use lodeman_domain::update::Phase;
use lodeman_store::contract::sample;
use lodeman_store::{Store as _, Write};
use lodeman_store_sqlite::{SqliteStore, SqliteStoreConfig};

use crate::Setting;
use crate::report::{Measure, Unit, quantile};

/// How many commits in one batch; the median of a batch is one of a pair.
const BATCH: u32 = 40;

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(commits(setting))
}

async fn commits(setting: &Setting) -> Result<Vec<Measure>> {
    let folder = setting.folder.join("store");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let store = SqliteStore::open(SqliteStoreConfig::new(&folder)).await?;
    let mut op = sample::operation(1, "web");
    store.commit(vec![Write::InsertOperation(Box::new(op.clone()))]).await?;
    let before = log_bytes(&folder)?;
    for seq in 1..=BATCH {
        let row = Write::SaveOperation(Box::new(op.clone()));
        store.commit(vec![Write::InsertIntent(sample::step(&op, seq)), row]).await?;
        op.version += 1;
    }
    let bytes = (log_bytes(&folder)?.saturating_sub(before) / u64::from(BATCH)).max(4096);
    let mut bare = File::create(folder.join("bare"))?;
    let content = vec![0x5a_u8; usize::try_from(bytes)?];
    let (mut pairs, mut all) = (Vec::new(), Vec::new());
    let mut seq = BATCH;
    for _ in 0..setting.runs * 2 {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..BATCH {
            seq += 1;
            let began = Instant::now();
            let row = Write::SaveOperation(Box::new(op.clone()));
            store.commit(vec![Write::InsertIntent(sample::step(&op, seq)), row]).await?;
            ours.push(Unit::Microseconds.of(began.elapsed()));
            op.version += 1;
            let began = Instant::now();
            bare.write_all(&content)?;
            bare.sync_all()?;
            theirs.push(Unit::Microseconds.of(began.elapsed()));
        }
        all.extend_from_slice(&ours);
        pairs.push((quantile(ours, 50), quantile(theirs, 50)));
    }
    op.phase = Phase::Aborted;
    store.commit(vec![Write::SaveOperation(Box::new(op))]).await?;
    store.close().await;
    let note = format!(
        "one intent and its operation's row, {bytes} bytes of log; 95 % within {:.1} ms",
        quantile(all, 95) / 1e3
    );
    let reference = "write and fsync of as many bytes";
    Ok(vec![Measure::of("a commit of the journal", reference, Unit::Microseconds, &pairs).note(note)])
}

/// How long the database's log is, into which a commit writes.
fn log_bytes(folder: &Path) -> Result<u64> {
    let paths = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let logs: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with("-wal")).collect();
    ensure!(logs.len() == 1, "the database has one log");
    Ok(fs::metadata(&logs[0])?.len())
}
