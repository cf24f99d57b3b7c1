//! The time without a live source: it begins once however many things fail, and attempts to
//! end it come at growing intervals.

use std::thread;
use std::time::{Duration, Instant};

use super::Pull;
use crate::error::Error;

/// Waits between attempts: from the first to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// Whether a source is lost, and since when.
#[derive(Default)]
pub(super) struct Outage(Option<Lost>);

struct Lost {
    since: Instant,
    wait: Duration,
}

impl Outage {
    /// The source is lost. That is news only if it was not lost before.
    pub(super) fn begin(&mut self, why: Error) -> Option<Pull> {
        if self.0.is_some() {
            log::debug!("{why:#}");
            return None;
        }
        self.0 = Some(Lost {
            since: Instant::now(),
            wait: RETRY.0,
        });
        Some(Pull::Lost(why.with_remedy("waiting for it to come back")))
    }

    /// Waits before the next attempt.
    pub(super) fn pause(&mut self) {
        if let Some(lost) = &mut self.0 {
            thread::sleep(lost.wait);
            lost.wait = (lost.wait * 2).min(RETRY.1);
        }
    }

    /// The source is back, if it was lost: for so long.
    pub(super) fn end(&mut self) -> Option<Duration> {
        self.0.take().map(|lost| lost.since.elapsed())
    }
}
