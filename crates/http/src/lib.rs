//! Probes, metrics and the local control socket.
