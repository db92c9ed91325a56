//! The application on a modelled engine and registry: what is found, decided, queued and applied.

mod applying;
mod deciding;
mod queueing;
mod world;
