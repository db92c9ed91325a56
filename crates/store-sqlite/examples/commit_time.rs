//! Measures commits of the size an update's journal makes: `cargo run --release --example commit_time -- DIR`.

use std::path::PathBuf;
use std::time::Instant;

use lodeman_store::contract::sample;
use lodeman_store::{Store as _, Write};
use lodeman_store_sqlite::{SqliteStore, SqliteStoreConfig};

type BoxError = Box<dyn std::error::Error>;

const COMMITS: u32 = 400;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let dir: PathBuf = std::env::args_os().nth(1).ok_or("the data directory is missing")?.into();
    let store = SqliteStore::open(SqliteStoreConfig::new(dir)).await?;
    let mut op = sample::operation(u64::from(std::process::id()), "web");
    store.commit(vec![Write::InsertOperation(Box::new(op.clone()))]).await?;
    let mut spans = Vec::new();
    for seq in 1..=COMMITS {
        let began = Instant::now();
        let row = Write::SaveOperation(Box::new(op.clone()));
        store.commit(vec![Write::InsertIntent(sample::step(&op, seq)), row]).await?;
        spans.push(began.elapsed());
        op.version += 1;
    }
    op.phase = lodeman_domain::update::Phase::Aborted;
    store.commit(vec![Write::SaveOperation(Box::new(op))]).await?;
    store.close().await;
    spans.sort();
    let at = |percent: usize| spans[(spans.len() - 1) * percent / 100];
    println!("median {:?}, 95 % {:?}, worst {:?} of {COMMITS} commits", at(50), at(95), at(100));
    Ok(())
}
