//! The Lodeman server and command line.
fn main() {}
