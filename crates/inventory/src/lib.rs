//! An index of a host's containers and images, kept current from the engine's event stream.
