//! Faults come in bursts, and a log that repeats itself hides what matters: the first is
//! told, the rest of a burst is counted and told with the next one.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Time between two messages of one kind.
const BETWEEN: Duration = Duration::from_secs(10);

/// Messages of one kind.
#[derive(Default)]
pub(crate) struct ThrottledLog {
    logged: Option<Instant>,
    held_back: u64,
}

impl ThrottledLog {
    /// Warns, unless that was done a short time ago.
    pub(crate) fn warn(&mut self, message: impl Display) {
        self.log(log::Level::Warn, message);
    }

    /// The same for what is not a fault.
    #[cfg(feature = "mqtt")]
    pub(crate) fn info(&mut self, message: impl Display) {
        self.log(log::Level::Info, message);
    }

    fn log(&mut self, level: log::Level, message: impl Display) {
        if self.logged.is_some_and(|at| at.elapsed() < BETWEEN) {
            self.held_back += 1;
            return;
        }
        match std::mem::take(&mut self.held_back) {
            0 => log::log!(level, "{message}"),
            more => log::log!(level, "{message} (and {more} more before it)"),
        }
        self.logged = Some(Instant::now());
    }
}
