//! A fair sample of a source's frames: one at a random moment of every stretch of time,
//! whatever it shows. Stretches in which no frame came have none.

use std::time::{Duration, Instant};

use fastrand::Rng;

/// Draws the moments.
pub(super) struct Sample {
    every: Duration,
    random: Rng,
    /// The stretch at hand: its end, and the moment drawn, until a frame has been taken.
    stretch: Option<(Instant, Option<Instant>)>,
}

impl Sample {
    /// One frame of `every` such time.
    pub(super) fn new(every: Duration, random: Rng) -> Self {
        Self {
            every: every.max(Duration::from_millis(1)),
            random,
            stretch: None,
        }
    }

    /// Whether the frame captured at `at` is the one of its stretch.
    pub(super) fn takes(&mut self, at: Instant) -> bool {
        let (mut end, mut moment) = self
            .stretch
            .unwrap_or_else(|| (at + self.every, Some(at + self.drawn())));
        if at >= end {
            let behind = (at - end).as_nanos() / self.every.as_nanos();
            let skipped = self.every * u32::try_from(behind).unwrap_or(u32::MAX);
            moment = Some(end + skipped + self.drawn());
            end += skipped + self.every;
        }
        let takes = moment.is_some_and(|moment| at >= moment);
        if takes {
            moment = None;
        }
        self.stretch = Some((end, moment));
        takes
    }

    /// The frame that was taken could not be kept: the next one is as good.
    pub(super) fn take_again(&mut self, at: Instant) {
        if let Some((_, moment)) = &mut self.stretch {
            *moment = Some(at);
        }
    }

    fn drawn(&mut self) -> Duration {
        self.every.mul_f64(self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;
    use std::time::{Duration, Instant};

    #[test]
    fn every_stretch_has_one_at_any_moment_and_an_outage_none() {
        let every = Duration::from_secs(100);
        let mut sample = Sample::new(every, fastrand::Rng::with_seed(1));
        let start = Instant::now();
        let at = |seconds: u32| start + Duration::from_secs(1) * seconds;
        // Stretches 0 to 499, of which 100 to 199 have no frames.
        let seconds = (0..50_000).filter(|s| !(10_000..20_000).contains(s));
        let taken: Vec<u32> = seconds.filter(|s| sample.takes(at(*s))).collect();
        let stretches: Vec<u32> = taken.iter().map(|s| s / 100).collect();
        // A moment in the last second of a stretch has no frame of its own: 1 in 100.
        assert!(
            (390..=400).contains(&stretches.len()),
            "{}",
            stretches.len()
        );
        let mut apart = stretches.clone();
        apart.dedup();
        assert_eq!(apart, stretches, "one each");
        assert!(!stretches.iter().any(|s| (100..200).contains(s)));
        // Moments are spread evenly: mean 49.5, deviation of 400 means 1.44.
        let moments = taken.iter().map(|s| f64::from(s % 100)).sum::<f64>();
        let mean = moments / taken.len() as f64;
        assert!((mean - 49.5).abs() < 6.0, "{mean}");
    }

    #[test]
    fn what_could_not_be_kept_is_made_up_for_by_the_next() {
        let mut sample = Sample::new(Duration::from_secs(10), fastrand::Rng::with_seed(1));
        let start = Instant::now();
        let at = |seconds: u32| start + Duration::from_secs(1) * seconds;
        let first = (0..10).find(|s| sample.takes(at(*s))).unwrap();
        assert!(!sample.takes(at(first)));
        sample.take_again(at(first));
        assert!(sample.takes(at(first + 1)));
    }
}
