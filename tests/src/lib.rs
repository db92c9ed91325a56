//! Tests of the built binary against a real engine and registry.
