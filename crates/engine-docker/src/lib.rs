//! The container engine port over a Docker Engine API socket.
