//! The lab's helper: `guard FOLDER` clears a lab up once whoever started it is gone.

use std::path::Path;

use anyhow::{Result, bail};
use lodeman_tests::lab::Guard;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guard", folder] => Guard::stand(Path::new(folder)),
        _ => bail!("usage: lodeman-lab guard FOLDER"),
    }
}
