//! Development tasks of the workspace: `cargo xtask help`.
fn main() {}
