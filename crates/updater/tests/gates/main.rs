//! What an update asks of the world before, during and after it: room, listening, last words.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod last_words;
mod listens;
mod space;
mod world;
