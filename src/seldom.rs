//! Faults come in bursts, and a log that repeats itself hides what matters: the first is
//! told, the rest of a burst is counted and told with the next one.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Time between two messages of one kind.
const BETWEEN: Duration = Duration::from_secs(10);

/// Messages of one kind.
#[derive(Default)]
pub struct Seldom {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Warns, unless that was done a short time ago.
    pub fn warn(&mut self, what: impl Display) {
        self.say(log::Level::Warn, what);
    }

    /// The same for what is no fault.
    pub fn note(&mut self, what: impl Display) {
        self.say(log::Level::Info, what);
    }

    fn say(&mut self, level: log::Level, what: impl Display) {
        if self.told.is_some_and(|told| told.elapsed() < BETWEEN) {
            self.untold += 1;
            return;
        }
        match std::mem::take(&mut self.untold) {
            0 => log::log!(level, "{what}"),
            more => log::log!(level, "{what} (and {more} more before it)"),
        }
        self.told = Some(Instant::now());
    }
}
