//! How the live loop is doing with a source.

use std::time::Instant;

use serde::Serialize;

use crate::pipeline::capture::DropCounters;

/// How the loop is doing with a source, or with all of them.
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
    /// That nothing comes any more, or for now, and why.
    pub ending: Option<Ending>,
}

/// Why a source gives nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has given all it had, or all that was wanted.
    Over,
    /// It cannot be used. One of several is tried again; from its first frame on this is over.
    Broken,
}

impl LoopStats {
    /// How all sources are doing: they are lost when none is left that is not.
    pub(crate) fn of_all(stats: &[Self]) -> Self {
        let [first, others @ ..] = stats else {
            return Self::default();
        };
        others.iter().fold(*first, |all, one| {
            let has = |stats: &Self| stats.lost.is_none() && stats.ending.is_none();
            let lost = (!has(&all) && !has(one)).then(|| all.lost.max(one.lost));
            Self {
                classified: all.classified + one.classified,
                drops: all.drops + one.drops,
                lost: lost.flatten(),
                fps: all.fps.map(|fps| fps + one.fps.unwrap_or(0.0)).or(one.fps),
                ending: all.ending.and(one.ending),
            }
        })
    }
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
