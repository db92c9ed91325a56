//! Builders, and the whole application wired to fakes.
