//! How a live loop is doing.

use std::time::Instant;

use crate::pipeline::capture::DropCounters;

/// How the loop is doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopStats {
    /// Frames classified so far.
    pub classified: u64,
    /// Frames that were not, by cause.
    pub drops: DropCounters,
    /// Since when the source is lost, if it is.
    pub lost: Option<Instant>,
    /// Frames classified per second, averaged over the last ten or so.
    pub fps: Option<f64>,
}

/// Share by which a new interval enters the average frame rate.
const SHARE: f64 = 0.1;

/// The average frame rate.
#[derive(Default)]
pub(crate) struct FrameRate {
    last: Option<Instant>,
    seconds: Option<f64>,
}

impl FrameRate {
    /// A frame was classified `now`; frames per second since.
    pub(crate) fn enter(&mut self, now: Instant) -> Option<f64> {
        if let Some(last) = self.last.replace(now) {
            let seconds = (now - last).as_secs_f64();
            let average = self.seconds.get_or_insert(seconds);
            *average += SHARE * (seconds - *average);
        }
        self.seconds.map(|seconds| 1.0 / seconds.max(1e-6))
    }
}
