//! Waiting for a thread, but not for ever.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Waits until `deadline` for a thread to end; whether it did.
pub(crate) fn join_until(thread: &JoinHandle<()>, deadline: Instant) -> bool {
    const LOOK: Duration = Duration::from_millis(5);
    while !thread.is_finished() && Instant::now() < deadline {
        thread::sleep(LOOK);
    }
    thread.is_finished()
}
