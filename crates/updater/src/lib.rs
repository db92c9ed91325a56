//! Use cases and loops: scan, decide, queue, apply, verify, roll back, recover, clean up.
