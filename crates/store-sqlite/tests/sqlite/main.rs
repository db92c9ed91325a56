//! The store over SQLite, from outside.

mod common;
mod contract;
mod directory;
mod journal;
mod schema;
mod sealing;
