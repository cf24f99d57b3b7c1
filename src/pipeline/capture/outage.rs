//! The time without a live source: it begins once however many things fail, and attempts to
//! end it come at growing intervals.

use std::thread;
use std::time::{Duration, Instant};

use super::Pull;
use crate::error::Error;

/// Waits between attempts: from the first to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// An attempt may take one part in so many of the time: starting a program is work, and other
/// sources need the cores.
const PARTS: u32 = 10;
/// Where an attempt takes long because it waits for an answer, so long a wait is enough.
const LONGEST: Duration = Duration::from_secs(10);

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
        self.is_news(&why)
            .then(|| Pull::Lost(why.with_remedy("waiting for it to come back")))
    }

    /// The source gives nothing. Whether that is news: it gave something before.
    pub(super) fn is_news(&mut self, why: &Error) -> bool {
        if self.0.is_some() {
            log::debug!("{why:#}");
            return false;
        }
        self.0 = Some(Lost {
            since: Instant::now(),
            wait: RETRY.0,
        });
        true
    }

    /// How long to wait before the next attempt where the last one took so long.
    pub(super) fn wait_after(&mut self, took: Duration) -> Duration {
        let share = (took * (PARTS - 1)).min(LONGEST);
        self.next_wait().max(share)
    }

    fn next_wait(&mut self) -> Duration {
        let Some(lost) = &mut self.0 else {
            return Duration::ZERO;
        };
        let wait = lost.wait;
        lost.wait = (wait * 2).min(RETRY.1);
        wait
    }

    /// Waits before the next attempt.
    pub(super) fn pause(&mut self) {
        thread::sleep(self.next_wait());
    }

    /// The source is back, if it was lost: for so long.
    pub(super) fn end(&mut self) -> Option<Duration> {
        self.0.take().map(|lost| lost.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::Outage;
    use crate::error::Error;
    use std::time::Duration;

    #[test]
    fn attempts_come_at_growing_intervals_and_those_that_take_long_more_seldom() {
        let fault = Error::input("camera:9", "is not there");
        let mut outage = Outage::default();
        assert!(outage.is_news(&fault) && !outage.is_news(&fault));
        let mut waits = |took: u64| outage.wait_after(Duration::from_millis(took)).as_millis();
        assert_eq!(
            [waits(0), waits(1), waits(0), waits(0)],
            [250, 500, 1000, 1000]
        );
        assert_eq!([waits(200), waits(20_000)], [1800, 10_000]);
        outage.end();
        assert!(outage.is_news(&fault));
        assert_eq!(outage.wait_after(Duration::ZERO).as_millis(), 250);
    }
}
